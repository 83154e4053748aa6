import numpy as np
import pytest
import tensorflow as tf

from kcv.masks import decode_runs
from kcv.masks.pasting import PasteMasks
from kcv.masks.pasting import mask_boxes
from kcv.masks.pasting import run_lengths


@pytest.fixture(scope="module")
def stored(golden):
    return np.load(golden / "networks" / "deepmask.npz")


@pytest.fixture(scope="module")
def patches(stored):
    """The five best golden patches at half of the size of their image."""
    rows, columns = stored["scene_top5_rowcol"].T
    logits = stored["scene_mask_logits"][rows, columns][None]
    places = np.stack([np.zeros(5, int), rows, columns], 1)[None]
    height, width = stored["scene_image_hw"]
    images = np.zeros((1, height, width, 3), "float32")
    return [logits, places.astype("int32"), images]


def golden_masks(stored):
    height, width = stored["scene_image_hw"]
    bits = np.unpackbits(stored["scene_top5_masks_packed"], axis=1)
    return bits[:, : height * width].reshape(-1, height, width)


def test_masks_and_boxes_equal_the_golden_values(stored, patches):
    layer = PasteMasks((0.5,), 160, 16, align_corners=False)
    masks, boxes = layer(patches)
    np.testing.assert_array_equal(masks[0], golden_masks(stored))
    np.testing.assert_array_equal(
        tf.reduce_sum(tf.cast(masks[0], tf.int32), [1, 2]),
        stored["scene_top5_area"],
    )
    np.testing.assert_array_equal(boxes[0], stored["scene_top5_boxes_xyxy"])


def test_run_lengths_hold_the_same_masks(stored, patches):
    layer = PasteMasks((0.5,), 160, 16, run_length=True, align_corners=False)
    runs, boxes = layer(patches)
    masks = decode_runs(runs[0], *stored["scene_image_hw"])
    np.testing.assert_array_equal(masks, golden_masks(stored))
    np.testing.assert_array_equal(boxes[0], stored["scene_top5_boxes_xyxy"])


def test_corners_of_masks_and_patches_may_coincide():
    logits = np.array([[[[-3.0, 5.0], [-3.0, 5.0]]]], "float32")
    places = np.array([[[0, 2, 2]]], "int32")  # in the middle, 4 x 4 pixels
    images = np.zeros((1, 8, 8, 3), "float32")
    kept = {}
    for align_corners in (True, False):
        layer = PasteMasks(
            (1.0,), 4, 2, threshold=0.5, align_corners=align_corners
        )
        kept[align_corners] = layer([logits, places, images])[0][0, 0, 3]
    # From -3 to 5 at once, or over the middle half of the patch.
    np.testing.assert_array_equal(kept[True], [0, 0, 0, 0, 1, 1, 0, 0])
    np.testing.assert_array_equal(kept[False], [0, 0, 0, 0, 1, 1, 0, 0])
    logits[..., 0] = -2.0
    layer = PasteMasks((1.0,), 4, 2, threshold=0.5)
    row = layer([logits, places, images])[0][0, 0, 3]
    np.testing.assert_array_equal(row, [0, 0, 0, 1, 1, 1, 0, 0])


@pytest.mark.parametrize("scale", [0.5, 0.7])
def test_a_disc_lands_where_its_patch_is(scale):
    """A disc in the middle of the patch, within a pixel."""
    side, size = 56, 64
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    logits = np.where(np.hypot(x, y) < 14, 5.0, -5.0).astype("f")
    images = np.zeros((1, 300, 280, 3), "float32")
    places = np.array([[[0, 5, 4]]], "int32")
    _, boxes = PasteMasks((scale,), size, 16, threshold=0.5)(
        [logits[None, None], places, images]
    )
    center = np.array([4 * 16, 5 * 16]) / scale
    radius = 14 * size / side / scale
    expected = np.concatenate([center - radius, center + radius])
    np.testing.assert_allclose(boxes[0, 0], expected, atol=1.5)


def test_a_mask_without_a_pixel_has_an_empty_box():
    masks = np.zeros((2, 3, 4), bool)
    masks[1, 1:, 2] = True
    np.testing.assert_array_equal(
        mask_boxes(tf.constant(masks)), [[0, 0, 0, 0], [2, 1, 3, 3]]
    )
    runs = run_lengths(tf.constant(masks)).to_list()
    assert runs == [[12], [7, 2, 3]]


def test_run_lengths_are_those_of_coco():
    mask = pytest.importorskip("pycocotools.mask")
    masks = np.random.default_rng(0).random((5, 7, 9)) < 0.5
    masks[1], masks[2] = True, False
    for own, runs in zip(
        masks, run_lengths(tf.constant(masks)).to_list(), strict=True
    ):
        packed = mask.frPyObjects({"size": [7, 9], "counts": runs}, 7, 9)
        np.testing.assert_array_equal(mask.decode(packed), own)


def test_contract(check_layer):
    random = np.random.default_rng(0)
    places = random.integers(0, 2, (2, 3, 3)).astype("int32")
    check_layer(
        PasteMasks((0.5, 1.0), 16, 8),
        [
            random.standard_normal((2, 3, 4, 4)).astype("float32"),
            places,
            np.zeros((2, 20, 24, 3), "float32"),
        ],
        free=[(None, 3, 4, 4), (None, 3, 3), (None, None, None, 3)],
        differentiable=[False, False, False],
        keeps_float32=True,
    )
