import numpy as np
import pytest
import tensorflow as tf

from kcv.data import read_celeba

MARKS = [[10, 12], [20, 12], [15, 18], [11, 24], [19, 24]]


@pytest.fixture
def celeba(tmp_path, write_image):
    """The files of CelebA with five images, as its authors write them."""

    def write(**changed):
        folder = tmp_path / "celeba"
        names = [f"{k:06d}.png" for k in range(1, 6)]
        for number, name in enumerate(names):
            write_image(folder / "images" / name, number)
        row = " ".join(f"{value:4d}" for value in np.ravel(MARKS))
        files = {
            "identities": [
                f"{name} {person}"
                for name, person in zip(names, (9, 3, 9, 21, 3), strict=True)
            ],
            "landmarks": [
                "5",
                "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y "
                "leftmouth_x leftmouth_y rightmouth_x rightmouth_y",
                *(f"{name}  {row}" for name in reversed(names)),
            ],
            "boxes": [
                "5",
                "image_id x_1 y_1 width height",
                *(f"{name}  2  3  20  25" for name in names[:4]),
                f"{names[4]} 0 0 0 0",
            ],
            **changed,
        }
        for name, lines in files.items():
            (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
        return {
            "images": folder / "images",
            **{name: folder / f"{name}.txt" for name in files},
        }

    return write


def test_celeba(celeba):
    files = celeba()
    faces = read_celeba(**files)
    assert faces.class_names == ("3", "9", "21")
    assert faces.labels.tolist() == [1, 0, 1, 2, 0]
    examples = list(faces.dataset())
    assert examples[3]["image_id"] == b"000004.png"
    np.testing.assert_array_equal(examples[3]["landmarks"], MARKS)
    boxes = examples[3]["bounding_boxes"]
    np.testing.assert_array_equal(boxes["boxes"], [[2, 3, 22, 28]])
    assert boxes["labels"].numpy().tolist() == [0]
    # The last face has a box without area, so it has none.
    assert examples[4]["bounding_boxes"]["boxes"].shape == (0, 4)
    plain = read_celeba(files["images"], files["identities"])
    assert plain.landmarks is None
    part = faces.only(lambda name: name != "000004.png")
    assert part.class_names == ("3", "9")
    assert part.landmarks.shape == (4, 5, 2)


def rows(x=10):
    """Rows of landmarks whose first coordinate is `x`."""
    row = " ".join(map(str, [x, *np.ravel(MARKS)[1:].tolist()]))
    return ["5", *(f"{number:06d}.png {row}" for number in range(1, 6))]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"identities": ["000001.png 9 1"]},
            "identities.txt, line 1: .* name and 1 numbers.*3 values",
        ),
        (
            {"identities": ["000001.png Al"]},
            "identities.txt, line 1: could not",
        ),
        (
            {"identities": ["000001.png 9.5"]},
            "identities.txt: .*'000001.png' must be an integer.*9.5",
        ),
        (
            {"identities": ["000001.png nan"]},
            "identities.txt: .*'000001.png' must be an integer.*nan",
        ),
        ({"identities": ["../1.png 1"]}, "line 1: .*another image.*'../1.png'"),
        (
            {"identities": ["000001.png 1", "000001.png 2"]},
            "line 2: .*another image.*'000001.png'",
        ),
        ({"identities": ["Al"]}, "identities.txt names no images"),
        ({"landmarks": rows()[:4]}, "landmarks.txt has no row for 2.*'000004"),
        ({"landmarks": rows(x="nan")}, "000001.png: landmarks must be finite"),
        ({"landmarks": rows(x=-3)}, "000001.png: landmarks must lie inside"),
        (
            {
                "landmarks": [
                    "5",
                    *(f"{k:06d}.png" + " 5 5" * 5 for k in range(1, 6)),
                ]
            },
            "000001.png: landmarks must not lie on a line",
        ),
    ],
)
def test_mistakes_in_celeba_are_named(celeba, changed, message):
    with pytest.raises(ValueError, match=message):
        read_celeba(**celeba(**changed))


def test_missing_files_are_named(celeba, tmp_path):
    files = celeba()
    (files["images"] / "000002.png").unlink()
    with pytest.raises(FileNotFoundError, match="1 of 5 .*000002.png"):
        read_celeba(**files)
    with pytest.raises(FileNotFoundError, match="no file .*nowhere"):
        read_celeba(files["images"], tmp_path / "nowhere")


def test_landmarks_outside_their_image_fail_with_its_name(celeba):
    faces = read_celeba(**celeba(landmarks=rows(x=32)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="000001.png"):
        list(faces.dataset())
