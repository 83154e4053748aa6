import numpy as np
import pytest
from PIL import Image

from kcv.data import people_batches
from kcv.data import read_people


@pytest.fixture
def people(tmp_path, write_image):
    """A folder of people with 1 to 4 photos."""
    for number, name in enumerate(("Di", "Bo", "Cy", "Al")):
        for k in range(4 - number):
            file = tmp_path / "people" / name / f"{name}_{k + 1:04d}.png"
            write_image(file, 10 * number + k)
    return tmp_path / "people"


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


def test_one_person_cannot_be_divided(tmp_path, write_image):
    write_image(tmp_path / "people" / "Al" / "1.png")
    with pytest.raises(ValueError, match="at least two people.*1 person"):
        read_people(tmp_path / "people").split(True)
