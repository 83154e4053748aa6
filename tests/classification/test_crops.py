"""Pillow's resizing, and where the crops come from."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.classification import dense_probabilities
from kcv.classification import googlenet_crops
from kcv.classification import single_crop
from kcv.classification import ten_crops
from kcv.data import resize_short_side


def photograph(height, width):
    """Random blocks of four pixels: neither noise nor smooth."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
    return blocks.repeat(4, 0).repeat(4, 1)[:height, :width].astype(np.uint8)


def positions(height, width):
    """An image whose pixels say where they are."""
    rows, columns = np.indices((height, width))
    return np.stack([rows, columns, rows + columns], -1)[None].astype("float32")


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((375, 500), (64, 85)),
        ((500, 333), (96, 64)),
        ((40, 50), (64, 80)),
        ((64, 99), (64, 99)),
    ],
)
def test_resizing_is_pillows(size, expected):
    image = photograph(*size)
    got = resize_short_side(image, 64).numpy()
    assert got.shape == (*expected, 3)
    bilinear = (expected[::-1], Image.Resampling.BILINEAR)
    # Of 8 bits Pillow rounds twice, along the rows and along the columns.
    eight_bits = np.asarray(Image.fromarray(image).resize(*bilinear))
    assert np.abs(got - eight_bits).max() <= 1
    for channel in range(3):
        real = Image.fromarray(image[..., channel].astype("float32"))
        real = np.asarray(real.resize(*bilinear))
        assert np.abs(got[..., channel] - real).max() <= 0.5001
    np.testing.assert_array_equal(resize_short_side(image[None], 64)[0], got)


@pytest.mark.parametrize("size", [(20, 31), (31, 20), (20, 20)])
def test_ten_crops_are_corners_and_centre_and_mirrored(size):
    image = positions(*size)
    crops = ten_crops(image, short_side=20, size=15).numpy()
    assert crops.shape == (1, 10, 15, 15, 3)
    height, width = size
    right, bottom = width - 15, height - 15
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right)]
    corners.append((bottom // 2, right // 2))
    assert [tuple(crop[0, 0, :2]) for crop in crops[0, :5]] == corners
    np.testing.assert_array_equal(crops[:, 5:], crops[:, :5, :, ::-1])
    single = single_crop(image, short_side=20, size=15)
    np.testing.assert_array_equal(single, crops[:, 4:5])


@pytest.mark.parametrize("landscape", [True, False])
def test_googlenets_144_crops(landscape):
    image = positions(32, 48)  # of the short side, the long side
    image = image if landscape else image.swapaxes(1, 2)
    crops = googlenet_crops(image, (32, 36, 40, 44), 28).numpy()
    assert crops.shape == (1, 144, 28, 28, 3)
    np.testing.assert_array_equal(crops[:, 72:], crops[:, :72, :, ::-1])
    # At the first scale nothing is resized but the square itself.
    for square in range(3):
        corner = 8 * square
        own = crops[0, 6 * square : 6 * square + 6]
        places = [tuple(crop[0, 0, :2]) for crop in own[:5]]
        expected = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]
        if not landscape:
            expected[1:3] = expected[2:0:-1]
        assert places == [(y, x + corner) for y, x in expected]
        # The square, scaled down, shows all of it.
        assert own[5][..., 1].min() <= corner + 1
        assert own[5][..., 1].max() >= corner + 30
    # No crop occurs twice.
    assert len({crop.tobytes() for crop in crops[0]}) == 144


@pytest.mark.parametrize("crops", [single_crop, ten_crops, googlenet_crops])
def test_crops_of_a_constant_image_are_constant(crops):
    image = np.full((1, 300, 400, 3), 77, np.uint8)
    assert set(np.unique(crops(image))) == {77}


@pytest.mark.parametrize("crops", [single_crop, ten_crops, googlenet_crops])
def test_a_graph_takes_images_of_any_size(crops):
    short_sides = (20, 24) if crops is googlenet_crops else 20
    spec = tf.TensorSpec((None, None, None, 3))
    graph = tf.function(
        lambda x: crops(x, short_sides, 16), input_signature=[spec]
    )
    count = graph.get_concrete_function().output_shapes[1]
    assert count == {
        single_crop: 1,
        ten_crops: 10,
        googlenet_crops: 72,
    }.get(crops)
    for size in ((40, 30), (20, 33)):
        image = photograph(*size)[None].astype("float32")
        np.testing.assert_allclose(
            graph(image), crops(image, short_sides, 16), atol=1
        )
    batch = np.concatenate([image, image[:, ::-1]])
    np.testing.assert_array_equal(graph(batch)[1], graph(batch[1:])[0])


def test_sizes_are_checked():
    image = positions(8, 8)
    for crops in (single_crop, ten_crops):
        with pytest.raises(ValueError, match="size=9 and short_side=8"):
            crops(image, 8, 9)
    with pytest.raises(ValueError, match="size=9 and short_side=8"):
        googlenet_crops(image, (10, 8), 9)
    with pytest.raises(ValueError, match="short_side must be positive"):
        resize_short_side(image, 0)


def score_map():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((None, None, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(4, (5, 3), strides=2, name="scores"),
        ]
    )


def test_dense_evaluation_against_numpy():
    model = score_map()
    image = photograph(30, 41)[None]

    def softmax(x):
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    def one(pixels):
        return softmax(np.asarray(model(pixels)).mean((1, 2)))

    views = [resize_short_side(image, side).numpy() for side in (20, 30)]
    expected = [one(view) for view in views]
    expected += [one(view[:, :, ::-1]) for view in views]
    got = dense_probabilities(model, image, (20, 30))
    np.testing.assert_allclose(got, np.mean(expected, 0), rtol=1e-5)
    got = dense_probabilities(model, image, (None,), mirror=False)
    np.testing.assert_allclose(got, one(image.astype("float32")), rtol=1e-5)

    graph = tf.function(lambda x: dense_probabilities(model, x, (20, 30)))
    np.testing.assert_allclose(graph(image), np.mean(expected, 0), rtol=1e-4)


def test_dense_evaluation_of_one_cell_is_the_softmax():
    model = score_map()
    image = photograph(5, 3)[None]
    expected = tf.nn.softmax(model(image.astype("float32"))[:, 0, 0])
    got = dense_probabilities(model, image, (None,), mirror=False)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_dense_evaluation_wants_a_map():
    with pytest.raises(ValueError, match=r"received \(1, 7\)"):
        dense_probabilities(lambda x: tf.zeros((1, 7)), positions(9, 9), (9,))
