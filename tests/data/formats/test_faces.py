import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data import people_batches
from kcv.data import read_celeba
from kcv.data import read_face_list
from kcv.data import read_people

MARKS = [[10, 12], [20, 12], [15, 18], [11, 24], [19, 24]]


def write_image(file, seed=0, size=(40, 32)):
    file.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(pixels).save(file)
    return pixels


@pytest.fixture
def people(tmp_path):
    """A folder of people with 1 to 4 photos."""
    for number, name in enumerate(("Di", "Bo", "Cy", "Al")):
        for k in range(4 - number):
            file = tmp_path / "people" / name / f"{name}_{k + 1:04d}.png"
            write_image(file, 10 * number + k)
    return tmp_path / "people"


@pytest.fixture
def celeba(tmp_path):
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


def test_a_folder_of_people(people):
    faces = read_people(people)
    assert faces.class_names == ("Al", "Bo", "Cy", "Di")
    assert np.bincount(faces.labels).tolist() == [1, 3, 2, 4]
    assert faces.image_ids[1] == "Bo/Bo_0001.png"
    example = next(iter(faces.dataset()))
    assert set(example) == {"images", "labels", "image_id"}
    np.testing.assert_array_equal(
        example["images"], np.array(Image.open(people / "Al" / "Al_0001.png"))
    )


def test_people_are_held_out_with_all_their_photos(people):
    faces = read_people(people)
    train, test = faces.split(False), faces.split(True)
    assert not set(train.class_names) & set(test.class_names)
    assert len(test.class_names) == 1
    assert len(train) + len(test) == len(faces)
    for part in (train, test):
        for label, image_id in zip(part.labels, part.image_ids, strict=True):
            assert image_id.split("/")[0] == part.class_names[label]


def test_people_with_enough_photos_are_selected_and_numbered(people):
    faces = read_people(people).with_photos(3)
    assert faces.class_names == ("Bo", "Di")
    assert faces.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert faces.labels.dtype == np.int32
    with pytest.raises(ValueError, match="at most 4.*minimum=5"):
        faces.with_photos(5)
    with pytest.raises(ValueError, match="no photo is selected"):
        faces.only(lambda name: False)


def test_batches_of_people_are_read_from_files(people):
    faces = read_people(people)
    with pytest.raises(ValueError, match="'Al' has 1.*photos=2.*with_photos"):
        people_batches(faces, people=2, photos=2)
    stream = people_batches(faces.with_photos(2), people=3, photos=2, seed=1)
    batch = next(iter(stream))
    assert batch["images"].shape == (6, 40, 32, 3)
    assert sorted(batch["labels"].numpy()) == [0, 0, 1, 1, 2, 2]
    for name, pixels in zip(batch["image_id"], batch["images"], strict=True):
        original = np.array(Image.open(people / name.numpy().decode()))
        np.testing.assert_array_equal(pixels, original)


def test_one_person_cannot_be_divided(tmp_path):
    write_image(tmp_path / "people" / "Al" / "1.png")
    with pytest.raises(ValueError, match="at least two people.*1 person"):
        read_people(tmp_path / "people").split(True)


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


@pytest.fixture
def write_list(tmp_path):
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
