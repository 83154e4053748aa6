import numpy as np
import pytest

from kcv.data import read_face_list

MARKS = [[10, 12], [20, 12], [15, 18], [11, 24], [19, 24]]


@pytest.fixture
def write_list(tmp_path, write_image):
    def write(*lines):
        for number, name in enumerate(("a.png", "deep/b c.png", "d.png")):
            write_image(tmp_path / "photos" / name, number)
        file = tmp_path / "list.csv"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file, tmp_path / "photos"

    return write


@pytest.mark.parametrize("separator", ["\t", ",", ", "])
def test_a_list_of_images_and_people(write_list, separator):
    lines = ("d.png|Zoë", "deep/b c.png|Al Bo", "", "a.png|Zoë")
    faces = read_face_list(
        *write_list(*(line.replace("|", separator) for line in lines))
    )
    assert faces.class_names == ("Al Bo", "Zoë")
    assert faces.labels.tolist() == [1, 0, 1]
    assert faces.image_ids == ("d.png", "deep/b c.png", "a.png")
    assert len(list(faces.dataset())) == 3


def test_a_list_with_landmarks(write_list):
    row = " ".join(str(value) for value in np.ravel(MARKS))
    faces = read_face_list(*write_list(f"a.png Al {row}", f"d.png Bo {row}"))
    np.testing.assert_array_equal(faces.landmarks, [MARKS, MARKS])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a.png"], "line 1: there must be a path and a person.*1 values"),
        (["a.png,Al", "d.png,"], "line 2: there must be a path and a person"),
        (["a.png,Al", "a.png,Bo"], "line 2: .*'a.png' is listed twice"),
        (["../list.csv,Al"], r"line 1: '../list.csv' is not below .*photos"),
        (["/etc/passwd,Al"], "line 1: '/etc/passwd' is not below"),
        (["a.png Al " + "1 " * 9 + "x"], "line 1: could not convert"),
        (["a.png Al", "d.png Bo" + " 1 2 3 4 9" * 2], "all rows .* or none"),
        (["a.png Al" + " 5 5" * 5], "a.png: landmarks must not lie on a line"),
        ([""], "holds no photos"),
    ],
)
def test_mistakes_in_a_list_are_named(write_list, lines, message):
    with pytest.raises(ValueError, match=message):
        read_face_list(*write_list(*lines))
