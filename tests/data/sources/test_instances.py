import json

import numpy as np
import pytest

from kcv.data import digit_scenes
from kcv.data import load_instances
from kcv.data import mask_patches
from kcv.data import read_coco

SIZES = {7: (40, 60), 3: (24, 16)}
OBJECTS = [
    (7, 1, [10, 10, 20, 20], 0),
    (7, 2, [5, 5, 50, 30], 1),
    (7, 2, [0, 0, 20, 10], 0),
]


@pytest.fixture
def segmented(write_coco):
    """Polygons, run lengths of a crowd, and a compressed string."""
    tool = pytest.importorskip("pycocotools.mask")
    file, folder = write_coco(SIZES, OBJECTS, {1: "cat", 2: "dog"})
    content = json.loads(file.read_text("utf-8"))
    mask = np.zeros(SIZES[7], np.uint8, order="F")
    mask[:10, :20] = 1
    packed = tool.encode(mask)
    packed["counts"] = packed["counts"].decode()
    crowd = np.zeros(SIZES[7][::-1], np.uint8)
    crowd[5:55, 5:35] = 1
    changes = np.flatnonzero(np.diff(crowd.ravel(), prepend=0, append=0) % 256)
    counts = np.diff([0, *changes, crowd.size]).tolist()
    for found, segment in zip(
        content["annotations"],
        (
            [[10, 10, 30, 10, 30, 30, 10, 30]],
            {"size": [40, 60], "counts": counts},
            packed,
        ),
        strict=True,
    ):
        found["segmentation"] = segment
    file.write_text(json.dumps(content), encoding="utf-8")
    return file, folder, content


def test_masks_of_coco_files(segmented):
    file, folder, _ = segmented
    first, second = read_coco(file, folder, masks=True).dataset()
    masks = first["instance_masks"].numpy()
    assert masks.shape == (3, 40, 60)
    for mask, (_, _, (x, y, width, height), _) in zip(
        masks, OBJECTS, strict=True
    ):
        expected = np.zeros((40, 60))
        expected[y : y + height, x : x + width] = 1
        np.testing.assert_array_equal(mask, expected)
    assert first["is_crowd"].numpy().tolist() == [False, True, False]
    assert second["instance_masks"].shape == (0, 24, 16)


def test_crowds_are_left_out_of_patches(segmented):
    file, folder, content = segmented
    for found in content["annotations"]:
        found["iscrowd"] = 1
    file.write_text(json.dumps(content), encoding="utf-8")
    dataset = read_coco(file, folder, masks=True).dataset()
    patches = mask_patches(dataset, 0, size=64, mask_size=64, count=2)
    assert {int(patch["labels"]) for patch in patches} == {0}


def test_a_file_is_opened_by_its_name(segmented, write_coco):
    file, folder, content = segmented
    held_out = file.with_name("held_out.json")
    train = {**content, "images": content["images"][:1]}
    held = {**content, "images": content["images"][1:], "annotations": []}
    file.write_text(json.dumps(train), encoding="utf-8")
    held_out.write_text(json.dumps(held), encoding="utf-8")
    source = f"coco:{file}:{folder}:{held_out}"
    for split, count in (("train", 3), ("test", 0)):
        dataset, names, size = load_instances(source, split)
        assert (names, size) == (("cat", "dog"), 1)
        (example,) = dataset
        assert len(example["instance_masks"]) == count


def test_annotations_without_masks_are_named(segmented):
    file, folder, content = segmented
    del content["annotations"][2]["segmentation"]
    file.write_text(json.dumps(content), encoding="utf-8")
    number = content["annotations"][2]["id"]
    message = rf"{file}: .*annotation {number} needs a segmentation"
    with pytest.raises(ValueError, match=message):
        read_coco(file, folder, masks=True)
    assert len(read_coco(file, folder)) == 2  # Boxes need none.


def test_images_without_a_size_are_named(segmented):
    file, folder, content = segmented
    del content["images"][0]["height"]
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match="needs height and width"):
        read_coco(file, folder, masks=True)


def test_digit_scenes_have_masks():
    dataset, names, size = load_instances("digit_scenes", "test")
    assert (len(names), size) == (10, 500)
    example = next(iter(dataset))
    expected = next(iter(digit_scenes("test", size=1, masks="instance")))
    np.testing.assert_array_equal(
        example["instance_masks"], expected["instance_masks"]
    )


def test_other_sources_are_refused():
    with pytest.raises(ValueError, match="digit_scenes"):
        load_instances("folder:here")
