"""Digit scenes against their description, and against what they were."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kcv.data import digit_scenes
from kcv.data.embedded.digit_scenes import drawn_labels

# Some test scenes as they were when the set was first published, (index,
# labels, boxes), and how many digits of each class all 500 have. If these
# change, the set has changed, and must get another name.
GOLDEN = (
    (0, [0, 6, 3], [[46, 127, 85, 179], [16, 30, 35, 63], [27, 97, 66, 144]]),
    (
        1,
        [5, 7, 8, 6],
        [
            [69, 54, 136, 151],
            [58, 0, 94, 30],
            [65, 31, 88, 73],
            [104, 56, 160, 132],
        ],
    ),
    (2, [], np.zeros((0, 4))),
    (63, [3], [[148, 30, 177, 92]]),
    (64, [6], [[49, 115, 89, 168]]),
    (250, [4], [[74, 128, 131, 198]]),
    (
        499,
        [0, 8, 5, 8],
        [
            [155, 62, 185, 102],
            [161, 184, 186, 208],
            [30, 11, 53, 51],
            [0, 0, 43, 32],
        ],
    ),
)
GOLDEN_LABELS = (143, 151, 149, 145, 177, 146, 141, 148, 148, 151)


def scenes(*arguments, **keywords) -> list[dict]:
    return list(digit_scenes(*arguments, **keywords).as_numpy_iterator())


@pytest.fixture(scope="module")
def test_scenes() -> list[dict]:
    return scenes("test", masks="instance")


def boxes_of(scene) -> np.ndarray:
    return scene["bounding_boxes"]["boxes"]


def labels_of(scene) -> np.ndarray:
    return scene["bounding_boxes"]["labels"]


def assert_same(one: dict, other: dict) -> None:
    tf.nest.assert_same_structure(one, other)
    pairs = zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True)
    for left, right in pairs:
        np.testing.assert_array_equal(left, right)


def test_a_scene_depends_on_its_index_alone():
    # Across the end of a block of layouts, which are drawn together.
    whole = scenes("train", size=70, seed=3, masks="instance")
    part = scenes("train", size=6, seed=3, start=61, masks="instance")
    for one, other in zip(whole[61:67], part, strict=True):
        assert_same(one, other)
    # Without a size the stream has no end, and begins the same.
    endless = digit_scenes("train", seed=3, start=69, masks="instance")
    assert_same(whole[69], next(endless.as_numpy_iterator()))
    assert endless.cardinality() == tf.data.INFINITE_CARDINALITY
    other = scenes("train", size=1, seed=4)
    assert not np.array_equal(whole[0]["images"], other[0]["images"])


def test_element_spec_and_cardinality():
    dataset = digit_scenes("test", start=490, masks="semantic")
    assert dataset.cardinality() == 10
    assert dataset.element_spec == {
        "images": tf.TensorSpec([None, None, 3], tf.uint8),
        "bounding_boxes": {
            "boxes": tf.TensorSpec([None, 4], tf.float32),
            "labels": tf.TensorSpec([None], tf.int32),
        },
        "difficult": tf.TensorSpec([None], tf.bool),
        "is_crowd": tf.TensorSpec([None], tf.bool),
        "image_id": tf.TensorSpec([], tf.string),
        "segmentation_masks": tf.TensorSpec([None, None], tf.uint8),
    }


def test_image_ids_tell_every_scene(test_scenes):
    ids = {scene["image_id"] for scene in test_scenes}
    assert len(ids) == 500
    assert test_scenes[7]["image_id"] == b"digit_scenes/test/0/7"


def test_boxes_are_the_bounds_of_the_visible_masks(test_scenes):
    for scene in test_scenes:
        masks, boxes = scene["instance_masks"], boxes_of(scene)
        assert len(masks) == len(boxes) == len(labels_of(scene))
        assert masks.shape[1:] == scene["images"].shape[:2]
        assert masks.sum(0, dtype=int).max(initial=0) <= 1
        for mask, box in zip(masks, boxes, strict=True):
            y, x = np.nonzero(mask)
            np.testing.assert_array_equal(
                box, [x.min(), y.min(), x.max() + 1, y.max() + 1]
            )


def test_semantic_masks_agree_with_instance_masks(test_scenes):
    semantic = scenes("test", size=20, masks="semantic")
    for one, other in zip(semantic, test_scenes, strict=False):
        expected = np.zeros(one["images"].shape[:2], np.uint8)
        masks = other["instance_masks"].astype(bool)
        for mask, label in zip(masks, labels_of(other), strict=True):
            expected[mask] = label + 1
        np.testing.assert_array_equal(one["segmentation_masks"], expected)
        np.testing.assert_array_equal(one["images"], other["images"])


def test_the_test_split_is_as_varied_as_described(test_scenes):
    counts = np.array([len(labels_of(scene)) for scene in test_scenes])
    # 50 expected; four standard deviations are 27.
    assert 23 <= (counts == 0).sum() <= 77
    assert counts.max() == 6
    assert all((counts == n).sum() > 40 for n in range(1, 6))

    sizes = np.array([scene["images"].shape[:2] for scene in test_scenes])
    assert (sizes.min(1) == 192).all()
    assert set(sizes.max(1)) == {192, 208, 224, 240, 256}
    taller = (sizes[:, 0] > sizes[:, 1]).sum()
    wider = (sizes[:, 0] < sizes[:, 1]).sum()
    assert min(taller, wider) > 130

    boxes = np.concatenate([boxes_of(scene) for scene in test_scenes])
    difficult = np.concatenate([s["difficult"] for s in test_scenes])
    heights = (boxes[:, 3] - boxes[:, 1])[~difficult]
    # Pens and rotation change the drawn heights of 24 to 96 px.
    assert 15 < np.percentile(heights, 1) < 30
    assert 90 < np.percentile(heights, 99) < 125
    assert 50 < np.median(heights) < 65
    assert 0.03 < difficult.mean() < 0.15
    assert (boxes[difficult, 3] - boxes[difficult, 1] < 12).any()
    assert (heights >= 12).all()

    edge = np.concatenate(
        [
            (boxes_of(s)[:, :2] == 0).any(1)
            | (boxes_of(s)[:, 2:] == s["images"].shape[1::-1]).any(1)
            for s in test_scenes
        ]
    )
    assert 0.08 < edge.mean() < 0.3
    assert any(overlapping(boxes_of(scene)) for scene in test_scenes)


def overlapping(boxes: np.ndarray) -> bool:
    """Tell whether two boxes share a fifth of the smaller one."""
    for one, other in itertools.combinations(boxes, 2):
        low = np.maximum(one[:2], other[:2])
        sides = np.clip(np.minimum(one[2:], other[2:]) - low, 0, None)
        areas = [np.prod(box[2:] - box[:2]) for box in (one, other)]
        if sides.prod() > 0.2 * min(areas):
            return True
    return False


def test_the_test_split_never_changes(test_scenes):
    labels = np.concatenate([labels_of(scene) for scene in test_scenes])
    assert tuple(np.bincount(labels, minlength=10)) == GOLDEN_LABELS
    for index, labels, boxes in GOLDEN:
        scene = test_scenes[index]
        np.testing.assert_array_equal(labels_of(scene), labels)
        # A pixel on the very edge of a pen may fall either way elsewhere.
        np.testing.assert_allclose(boxes_of(scene), boxes, atol=1)


def test_labels_are_known_without_drawing(test_scenes):
    """Except for digits that others hide."""
    drawn = [*drawn_labels("test", len(test_scenes))]
    assert len(drawn) == len(test_scenes)
    visible = [labels_of(scene).tolist() for scene in test_scenes]
    assert sum(map(len, visible)) > 0.99 * sum(map(len, drawn))
    assert all(set(a) <= set(b) for a, b in zip(visible, drawn, strict=True))


def test_another_canvas_scales_the_digits():
    small = scenes("train", size=40, short_side=96)
    assert {min(scene["images"].shape[:2]) for scene in small} == {96}
    assert {max(scene["images"].shape[:2]) for scene in small} == {
        96,
        104,
        112,
        120,
        128,
    }
    boxes = np.concatenate([boxes_of(scene) for scene in small])
    assert 20 < np.median(boxes[:, 3] - boxes[:, 1]) < 34


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "valid"}, "split` must be 'train' or 'test'.*'valid'"),
        ({"masks": "panoptic"}, "`masks` must be None.*masks='panoptic'"),
        ({"size": 0}, "`size` must be an integer of at least 1.*size=0"),
        ({"size": 2.5}, "`size` must be an integer of at least 1.*size=2.5"),
        ({"seed": -1}, "`seed` must be an integer of at least 0.*seed=-1"),
        ({"start": -3}, "`start` must be an integer of at least 0.*start=-3"),
        ({"short_side": 8}, "`short_side` must be .*short_side=8"),
        ({"split": "test", "seed": 1}, "`seed` must be 0 for the test split"),
        ({"split": "test", "size": 501}, "`size` must be at most 500"),
        ({"split": "test", "start": 500}, "`start` must be below 500"),
        (
            {"split": "test", "start": 400, "size": 101},
            "`size` must be at most 100",
        ),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        digit_scenes(**arguments)
