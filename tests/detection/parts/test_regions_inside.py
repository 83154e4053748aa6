"""Given proposals are clipped to their images, and padding is told."""

import keras
import numpy as np

from kcv.detection.parts.regions_inside import RegionsInside

PROPOSALS = np.array(
    [
        [[-5, 2, 20, 30], [70, 50, 90, 70], [0, 0, 0, 0]],
        [[10, 10, 20, 20], [60, 5, 75, 20], [30, 30, 20, 40]],
    ],
    "float32",
)


def test_regions_end_where_their_image_ends():
    sizes = np.array([[60, 80], [40, 50]], "int32")
    regions, exists, found = RegionsInside()(
        PROPOSALS, np.zeros((2, 60, 80, 3)), sizes
    )
    assert regions.numpy().tolist() == [
        [[0, 2, 20, 30], [70, 50, 80, 60], [0, 0, 0, 0]],
        [[10, 10, 20, 20], [50, 5, 50, 20], [30, 30, 20, 40]],
    ]
    # Padding, a box outside its image, and an inverted one.
    assert exists.numpy().tolist() == [
        [True, True, False],
        [True, False, False],
    ]
    np.testing.assert_array_equal(found, sizes)


def test_without_sizes_images_fill_the_batch():
    regions, exists, sizes = RegionsInside()(
        PROPOSALS, np.zeros((2, 60, 80, 3))
    )
    assert sizes.numpy().tolist() == [[60, 80]] * 2
    assert regions[1, 1].numpy().tolist() == [60, 5, 75, 20]
    assert exists.numpy().sum() == 4


def test_no_proposals_are_one_row_that_is_no_region():
    regions, exists, _ = RegionsInside()(
        np.zeros((2, 0, 4), "float32"), np.zeros((2, 60, 80, 3))
    )
    assert regions.shape == (2, 1, 4)
    assert not exists.numpy().any()


def test_boxes_stay_exact_under_mixed_precision():
    images = keras.Input((None, None, 3), dtype="bfloat16")
    proposals = keras.Input((None, 4))
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = RegionsInside()
    finally:
        keras.config.set_dtype_policy("float32")
    model = keras.Model([proposals, images], layer(proposals, images)[0])
    box = np.array([[[513.5, 3, 545, 29]]], "float32")  # no bfloat16 is 513.5
    found = model([box, np.zeros((1, 40, 600, 3))])
    np.testing.assert_array_equal(found, box)
