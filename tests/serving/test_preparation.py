"""What the served graph shows the model."""

import numpy as np
import pytest
import tensorflow as tf

import kcv.data
from kcv.classification import single_crop
from kcv.serving import CenterCrop
from kcv.serving import FixedSize
from kcv.serving import ShortSide
from kcv.serving.limits import Limits
from kcv.serving.preparation import as_it_is
from kcv.serving.preparation import prepare_batch


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (375, 500, (600, 800)),  # py-faster-rcnn's own example
        (500, 375, (800, 600)),
        (300, 900, (333, 1000)),  # the long side is capped
        (10, 1, (1000, 100)),
        (1, 5000, (1, 1000)),  # 0.2 rows become one
    ],
)
def test_short_side(height, width, expected):
    image = np.zeros((height, width, 3), np.uint8)
    assert ShortSide(600, 1000)(image).shape == (*expected, 3)


@pytest.mark.parametrize("size", [(37, 53), (91, 30), (64, 64)])
def test_short_side_is_what_training_sees(size):
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    example = {
        "images": image[np.newaxis],
        "bounding_boxes": {"boxes": np.zeros((1, 0, 4), np.float32)},
    }
    dataset = tf.data.Dataset.from_tensor_slices(example)
    trained = next(iter(kcv.data.resize(dataset, 50, 80)))["images"]
    np.testing.assert_array_equal(ShortSide(50, 80)(image), trained)


@pytest.mark.parametrize("sides", [(0, 10), (-1, 10), (20, 10)])
def test_short_side_refuses(sides):
    with pytest.raises(ValueError, match=f"short_side={sides[0]}"):
        ShortSide(*sides)


def test_batch_is_each_image_and_zeros():
    random = np.random.default_rng(0)
    photos = [
        random.integers(1, 256, size, np.uint8)
        for size in [(4, 6, 3), (7, 2, 3), (7, 6, 3)]
    ]
    encoded = tf.stack([tf.io.encode_png(photo) for photo in photos])
    for prepare, times in [(as_it_is, 1), (_twice, 2)]:
        images, sizes, shapes = prepare_batch(encoded, prepare, 3, LIMITS)
        assert images.shape == (3, 7 * times, 6 * times, 3)
        assert images.dtype == tf.float32
        for i, photo in enumerate(photos):
            height, width, _ = photo.shape
            assert shapes[i].numpy().tolist() == [height, width]
            height, width = height * times, width * times
            assert sizes[i].numpy().tolist() == [height, width]
            large = np.repeat(np.repeat(photo, times, 0), times, 1)
            canvas = np.zeros(images.shape[1:])
            canvas[:height, :width] = large
            np.testing.assert_array_equal(images[i], canvas)


LIMITS = Limits(max_batch=8, max_pixels=10_000, max_proposals=8)


def _twice(image):
    image = tf.repeat(tf.repeat(image, 2, 0), 2, 1)
    return tf.cast(image, tf.float32)


def test_centre_crop_is_that_of_the_evaluation():
    image = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    crop = single_crop(image[np.newaxis], 40, 32)[0, 0]
    np.testing.assert_array_equal(CenterCrop(40, 32)(image), crop)
    assert CenterCrop(28, 28, channels=1)(image).shape == (28, 28, 1)


@pytest.mark.parametrize("arguments", [(20, 21), (20, 0), (20, 20, 4)])
def test_centre_crop_refuses(arguments):
    with pytest.raises(ValueError, match="Received"):
        CenterCrop(*arguments)


def test_a_fixed_size_stretches():
    ramp = np.tile(np.arange(0, 240, 4, dtype=np.uint8)[:, None, None], 3)
    resized = FixedSize(30, 7)(np.repeat(ramp, 20, axis=1)).numpy()
    assert resized.shape == (30, 7, 3)
    assert resized.dtype == np.float32
    # Away from the border a ramp stays one, twice as steep.
    np.testing.assert_allclose(np.diff(resized[2:-2], axis=0), 8, atol=1e-4)


@pytest.mark.parametrize("sides", [(0, 5), (5, -1)])
def test_a_fixed_size_has_positive_sides(sides):
    with pytest.raises(ValueError, match="`height` and `width`"):
        FixedSize(*sides)
