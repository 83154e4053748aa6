import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data import VOC_CLASSES
from kcv.data import load_instances
from kcv.data import mask_patches
from kcv.data import read_voc_instances


@pytest.fixture
def tree(tmp_path):
    """A VOC tree of two images: a dog behind two cats, and nothing."""
    for name in ("JPEGImages", "SegmentationClass", "SegmentationObject"):
        (tmp_path / name).mkdir()
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("one\n")
    (lists / "val.txt").write_text("two\n")
    objects = np.zeros((40, 50), np.uint8)
    objects[5:25, 5:30] = 1
    objects[10:35, 25:40] = 2
    objects[:4, 40:] = 3
    objects[20:22, 20:22] = 255
    dog, cat = VOC_CLASSES.index("dog") + 1, VOC_CLASSES.index("cat") + 1
    classes = np.array([0, cat, dog, cat], np.uint8)[objects % 255]
    classes[objects == 255] = 255
    for name, values in (
        ("one", (classes, objects)),
        ("two", (0 * classes, 0 * objects)),
    ):
        Image.new("RGB", (50, 40)).save(tmp_path / f"JPEGImages/{name}.png")
        for folder, labels in zip(
            ("SegmentationClass", "SegmentationObject"), values, strict=True
        ):
            Image.fromarray(labels).save(tmp_path / folder / f"{name}.png")
    return tmp_path, objects


def test_objects_have_masks_classes_and_boxes(tree):
    folder, objects = tree
    (example,) = read_voc_instances(folder, "train").dataset()
    labels = example["bounding_boxes"]["labels"].numpy()
    assert [VOC_CLASSES[label] for label in labels] == ["cat", "dog", "cat"]
    np.testing.assert_array_equal(
        example["instance_masks"], [objects == n for n in (1, 2, 3)]
    )
    np.testing.assert_array_equal(
        example["bounding_boxes"]["boxes"],
        [[5, 5, 30, 25], [25, 10, 40, 35], [40, 0, 50, 4]],
    )
    assert example["is_crowd"].numpy().tolist() == [False] * 3
    assert example["image_id"] == b"one"


def test_a_tree_is_opened_by_its_name(tree):
    folder, _ = tree
    dataset, names, size = load_instances(f"voc:{folder}", "test")
    assert (names, size) == (VOC_CLASSES, 1)
    (example,) = dataset
    assert example["instance_masks"].shape == (0, 40, 50)
    assert example["bounding_boxes"]["boxes"].shape == (0, 4)
    train = load_instances(f"voc:{folder}", "train", seed=1).dataset
    patches = mask_patches(train, 1, size=64, mask_size=64, count=2)
    labels = [int(patch["labels"]) for patch in patches.take(4)]
    assert labels == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("folder", "shape", "message"),
    [
        ("SegmentationObject", (40, 51), "51 x 40 pixels"),
        ("SegmentationClass", (40, 50), "object 1 has no class"),
    ],
)
def test_maps_that_do_not_fit_are_named(tree, folder, shape, message):
    place, _ = tree
    file = place / folder / "one.png"
    Image.fromarray(np.zeros(shape, np.uint8)).save(file)
    dataset = read_voc_instances(place, "train").dataset()
    with pytest.raises(tf.errors.InvalidArgumentError, match=message) as error:
        list(dataset)
    assert "one.png" in str(error.value)


def test_an_image_without_a_map_of_objects_is_named(tree):
    folder, _ = tree
    (folder / "SegmentationObject" / "one.png").unlink()
    with pytest.raises(FileNotFoundError, match="no map of objects, one"):
        read_voc_instances(folder, "train")
