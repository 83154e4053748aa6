"""Closed forms, and the statistics of many draws."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.data import area_and_aspect_crop
from kcv.data import googlenet_crops
from kcv.data import pca_color
from kcv.data import random_crop
from kcv.data import random_flip
from kcv.data import random_short_side
from kcv.data import single_crop
from kcv.data import ten_crops


def repeated(image, count):
    """A set of one image, over and over."""
    return tf.data.Dataset.range(count).map(
        lambda k: {
            "images": tf.constant(image),
            "labels": tf.constant(3),
            "image_id": tf.strings.as_string(k),
        }
    )


def images(dataset):
    return np.stack([example["images"] for example in dataset])


def positions(height, width):
    """An image whose pixels say where they are, from 1."""
    rows, columns = np.indices((height, width)) + 1
    return np.stack([rows, columns, rows * 0 + 9], -1).astype(np.uint8)


def spread(values, ends):
    """How often each of 0 to ends - 1 is drawn, over what is expected."""
    return np.bincount(values, minlength=ends) * ends / len(values)


AUGMENTATIONS = {
    "scale": lambda x, seed, start=0: random_crop(
        random_short_side(x, 12, 15, seed, start), 12, 0, start
    ),
    "crop": lambda x, seed, start=0: random_crop(x, 5, seed, start),
    "area": lambda x, seed, start=0: area_and_aspect_crop(x, 5, seed, start),
    "color": lambda x, seed, start=0: pca_color(x, seed, start, std=1.0),
    "flip": random_flip,
}


@pytest.mark.parametrize("augment", AUGMENTATIONS.values(), ids=AUGMENTATIONS)
def test_is_a_function_of_seed_and_position(augment):
    dataset = repeated(positions(12, 14), 30)
    whole = images(augment(dataset, 5))
    np.testing.assert_array_equal(images(augment(dataset, 5)), whole)
    rest = images(augment(dataset.skip(11), 5, 11))
    np.testing.assert_array_equal(rest, whole[11:])
    assert (images(augment(dataset, 6)) != whole).any()
    assert len({image.tobytes() for image in whole}) > 1
    (example,) = augment(dataset, 5).take(1)
    assert example["images"].dtype == tf.uint8
    assert int(example["labels"]) == 3


def test_crops_come_from_everywhere():
    source = positions(12, 14)
    found = images(random_crop(repeated(source, 2000), 5, seed=0))
    assert found.shape == (2000, 5, 5, 3)
    tops, lefts = found[:, 0, 0, 0] - 1, found[:, 0, 0, 1] - 1
    for image, top, left in zip(found[:50], tops, lefts, strict=False):
        expected = source[top : top + 5, left : left + 5]
        np.testing.assert_array_equal(image, expected)
    # Of 2000 draws over 8 or 10 places, within five deviations.
    assert np.abs(spread(tops, 8) - 1).max() < 5 * np.sqrt(8 / 2000)
    assert np.abs(spread(lefts, 10) - 1).max() < 5 * np.sqrt(10 / 2000)
    assert abs(np.corrcoef(tops, lefts)[0, 1]) < 0.1


def test_alexnets_crops_come_from_the_square_in_the_middle():
    """Columns 128 to 383 of 512: a crop of 227 begins at 128 to 157."""
    dataset = random_crop(repeated(positions(6, 12), 400), 4, seed=1, within=6)
    first = images(dataset)[:, 0, 0, :2] - 1
    assert sorted({*first[:, 0]}) == [0, 1, 2]
    assert sorted({*first[:, 1]}) == [3, 4, 5]


def test_ten_crops_of_the_square_in_the_middle():
    image = batch_of_positions(8, 16)
    crops = np.asarray(ten_crops(image, 8, 6, central=True))[0]
    corners = [crop[0, 0, :2].tolist() for crop in crops[:5]]
    rows, columns = (0, 0, 2, 2, 1), (4, 6, 4, 6, 5)
    first = np.asarray(image)[0, rows, columns, :2]
    np.testing.assert_array_equal(corners, first)


def test_cifars_crop_pads_with_zeros():
    source = positions(32, 32)
    padded = np.pad(source, ((4, 4), (4, 4), (0, 0)))
    found = images(random_crop(repeated(source, 400), 32, 0, padding=4))
    windows = {
        padded[top : top + 32, left : left + 32].tobytes()
        for top in range(9)
        for left in range(9)
    }
    seen = {image.tobytes() for image in found}
    assert seen <= windows
    assert len(seen) > 70  # of 81


def test_a_crop_of_the_whole_is_the_whole():
    source = positions(7, 7)
    found = images(random_crop(repeated(source, 3), 7, seed=0))
    np.testing.assert_array_equal(found, [source] * 3)
    gray = source[..., :1]
    found = images(random_crop(repeated(gray, 3), 7, seed=0))
    np.testing.assert_array_equal(found, [gray] * 3)


def test_a_crop_too_large_names_the_image():
    dataset = random_crop(repeated(positions(7, 9), 1), 8, seed=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="too small for"):
        list(dataset)
    with pytest.raises(ValueError, match="size=0, padding=0"):
        random_crop(dataset, 0, seed=0)


def gradients(height, width):
    """An image whose channels say where: 0 to 200 down and to the right."""
    rows, columns = np.indices((height, width))
    image = [rows * (200 / (height - 1)), columns * (200 / (width - 1))]
    return np.rint(np.stack([*image, rows * 0], -1)).astype(np.uint8)


def test_areas_and_aspects_are_as_drawn():
    # 401 x 401: half a unit of the gradient is one pixel.
    dataset = repeated(gradients(401, 401), 600)
    found = images(area_and_aspect_crop(dataset, 16, seed=0)).astype(float)
    # The centers of the first and last cell are 15/16 of the part apart.
    height = (found[:, -1, 8, 0] - found[:, 0, 8, 0]) / 200 * 16 / 15
    width = (found[:, 8, -1, 1] - found[:, 8, 0, 1]) / 200 * 16 / 15
    areas, aspects = height * width, width / height
    assert areas.min() > 0.06
    assert areas.max() < 1.04
    # Evenly drawn, but that large parts of strong aspect do not fit.
    assert abs(np.mean(areas < 0.54) - 0.5) < 0.1
    assert abs(np.mean(areas < 0.31) - 0.25) < 0.08
    assert aspects.min() > 0.7
    assert aspects.max() < 1.43
    assert abs(np.log(aspects).mean()) < 0.03
    small = areas < 0.5
    low, high = np.log(3 / 4), np.log(4 / 3)
    assert np.log(aspects[small]).std() == pytest.approx(
        (high - low) / np.sqrt(12), rel=0.15
    )
    lefts = (found[:, 8, 0, 1] / 200)[areas < 0.2]
    assert lefts.min() < 0.1
    assert lefts.max() > 0.5


def test_a_part_that_never_fits_is_the_middle_square():
    source = positions(6, 12)
    dataset = area_and_aspect_crop(
        repeated(source, 5), 6, seed=0, area=(1, 1), aspect=(1, 1)
    )
    np.testing.assert_array_equal(images(dataset), [source[:, 3:9]] * 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"area": (0, 1)}, "`area` must be .*Received"),
        ({"area": (0.5, 0.4)}, "area"),
        ({"aspect": (2, 1)}, "`aspect` must be .*Received"),
        ({"attempts": 0}, "attempts=0"),
    ],
)
def test_ranges_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        area_and_aspect_crop(repeated(positions(4, 4), 1), 4, 0, **arguments)


def photograph(height, width):
    """Random blocks of four pixels: neither noise nor smooth."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
    return blocks.repeat(4, 0).repeat(4, 1)[:height, :width].astype(np.uint8)


def batch_of_positions(height, width):
    """A batch of an image whose pixels say where they are, from 0."""
    rows, columns = np.indices((height, width))
    return np.stack([rows, columns, rows + columns], -1)[None].astype("float32")


@pytest.mark.parametrize("size", [(20, 31), (31, 20), (20, 20)])
def test_ten_crops_are_corners_and_center_and_mirrored(size):
    image = batch_of_positions(*size)
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
    image = batch_of_positions(32, 48)  # of the short side, the long side
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
    image = batch_of_positions(8, 8)
    for crops in (single_crop, ten_crops):
        with pytest.raises(ValueError, match="size=9, short_side=8"):
            crops(image, 8, 9)
    with pytest.raises(ValueError, match="size=9, short_side=8"):
        googlenet_crops(image, (10, 8), 9)
