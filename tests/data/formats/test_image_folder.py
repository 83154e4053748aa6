import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data import image_folder
from kcv.data import read_image_folder


def pixels(seed, height=6, width=5):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def write(tmp_path):
    """Write {class: number of images} as PNG files of different sizes."""

    def write(classes, name="set"):
        for label, count in classes.items():
            folder = tmp_path / name / label
            folder.mkdir(parents=True)
            for k in range(count):
                image = Image.fromarray(pixels(k, height=6 + k))
                image.save(folder / f"{k}.png")
        return tmp_path / name

    return write


def ids(dataset):
    return [example["image_id"].numpy().decode() for example in dataset]


def test_classes_are_sorted_folders(write):
    folder = write({"dog": 2, "ant": 1, "cat": 3})
    (folder / "ant" / "deep").mkdir()
    Image.fromarray(pixels(9)).save(folder / "ant" / "deep" / "Z.PNG")
    (folder / "dog" / "notes.txt").write_text("no image")
    (folder / ".git").mkdir()
    found = read_image_folder(folder)
    assert found.class_names == ("ant", "cat", "dog")
    examples = list(image_folder(folder))
    assert ids(examples) == [
        *("ant/0.png", "ant/deep/Z.PNG"),
        *("cat/0.png", "cat/1.png", "cat/2.png"),
        *("dog/0.png", "dog/1.png"),
    ]
    labels = [int(example["labels"]) for example in examples]
    assert labels == [0, 0, 1, 1, 1, 2, 2]
    assert examples[4]["labels"].dtype == tf.int32
    np.testing.assert_array_equal(examples[4]["images"], pixels(2, height=8))
    assert set(examples[0]) == {"images", "labels", "image_id"}


def test_shuffled_stream_goes_on_where_it_stopped(write):
    folder = write({"a": 4, "b": 5})
    whole = ids(image_folder(folder, seed=2).take(27))
    epochs = [whole[k : k + 9] for k in (0, 9, 18)]
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert [sorted(epoch) for epoch in epochs] == [
        ids(image_folder(folder))
    ] * 3
    assert ids(image_folder(folder, seed=2, start=11).take(9)) == whole[11:20]


def test_held_out_images_have_the_labels_of_training(write):
    train = read_image_folder(write({"a": 1, "b": 1, "c": 1}, "train"))
    folder = write({"a": 1, "b": 2, "c": 1}, "test")
    found = read_image_folder(folder, train.class_names)
    assert found.labels == (0, 1, 1, 2)
    folder = write({"a": 1, "b": 1, "c": 1, "d": 1}, "more")
    with pytest.raises(ValueError, match="'d', which is not one of .* a, b, c"):
        image_folder(folder, class_names=train.class_names)


def test_a_fifth_of_each_class_is_held_out(write):
    files = read_image_folder(write({"a": 10, "b": 2, "c": 25}))
    train, test = (files.split(held_out) for held_out in (False, True))
    assert np.bincount(test.labels).tolist() == [2, 1, 5]
    assert np.bincount(train.labels).tolist() == [8, 1, 20]
    assert sorted(train.image_ids + test.image_ids) == sorted(files.image_ids)
    for part in (train, test):
        for file, image_id in zip(part.files, part.image_ids, strict=True):
            assert file.endswith(image_id)


def test_one_image_cannot_be_divided(write):
    files = read_image_folder(write({"a": 10, "b": 1}))
    with pytest.raises(ValueError, match="class 'b' has 1 image, too few"):
        files.split(held_out=True)


def test_undecodable_images_raise_or_are_skipped(write):
    folder = write({"a": 2, "b": 2})
    broken = folder / "b" / "0.png"
    broken.write_bytes(broken.read_bytes()[:40])
    with pytest.raises(tf.errors.InvalidArgumentError, match="b/0.png"):
        list(image_folder(folder))
    skipped = []
    dataset = image_folder(folder, on_error="skip", skipped=skipped)
    assert ids(dataset) == ["a/0.png", "a/1.png", "b/1.png"]
    assert skipped == [str(broken)]


def test_wrong_folders_are_named(write, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        image_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="has no class folders"):
        image_folder(write({"a": 1}) / "a")
    folder = write({"a": 1, "b": 0}, "empty")
    with pytest.raises(ValueError, match=r"class folder .*b has no images"):
        image_folder(folder)
