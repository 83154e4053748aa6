"""Closed forms, and the statistics of many draws."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.data import area_and_aspect_crop
from kcv.data import pca_colour
from kcv.data import random_crop
from kcv.data import random_flip
from kcv.data import random_short_side
from kcv.data import resize_short_side
from kcv.data.transforms.crops import PCA_EIGENVALUES
from kcv.data.transforms.crops import PCA_EIGENVECTORS


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
    "colour": lambda x, seed, start=0: pca_colour(x, seed, start, std=1.0),
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
    grey = source[..., :1]
    found = images(random_crop(repeated(grey, 3), 7, seed=0))
    np.testing.assert_array_equal(found, [grey] * 3)


def test_a_crop_too_large_names_the_image():
    dataset = random_crop(repeated(positions(7, 9), 1), 8, seed=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="too small for"):
        list(dataset)
    with pytest.raises(ValueError, match="size=0 and padding=0"):
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
    # The centres of the first and last cell are 15/16 of the part apart.
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
        ({"area": (0, 1)}, "area must be .*received"),
        ({"area": (0.5, 0.4)}, "area"),
        ({"aspect": (2, 1)}, "aspect must be .*received"),
        ({"attempts": 0}, "attempts=0"),
    ],
)
def test_ranges_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        area_and_aspect_crop(repeated(positions(4, 4), 1), 4, 0, **arguments)


def test_the_components_are_orthonormal():
    product = PCA_EIGENVECTORS.T @ PCA_EIGENVECTORS
    np.testing.assert_allclose(product, np.eye(3), atol=1e-3)
    assert list(PCA_EIGENVALUES) == sorted(PCA_EIGENVALUES, reverse=True)


def test_colours_shift_along_the_components():
    middle = np.full((3, 4, 3), 128, np.uint8)
    found = images(pca_colour(repeated(middle, 2000), seed=0)).astype(float)
    assert np.ptp(found, axis=(1, 2)).max() == 0  # one shift for all pixels
    shifts = (found[:, 0, 0] - 128) / 255
    amounts = shifts @ PCA_EIGENVECTORS / PCA_EIGENVALUES
    # Rounding to 1/255 drowns the third component, and most of the second.
    assert amounts[:, 0].std() == pytest.approx(0.1, rel=0.1)
    assert np.abs(amounts[:, 0].mean()) < 0.01
    covariance = np.cov(shifts.T)
    expected = PCA_EIGENVECTORS * (0.1 * PCA_EIGENVALUES) ** 2
    expected = expected @ PCA_EIGENVECTORS.T
    np.testing.assert_allclose(covariance, expected, atol=3e-5)


def test_strong_shifts_show_every_component():
    middle = np.full((1, 1, 3), 128, np.uint8)
    dataset = pca_colour(repeated(middle, 400), seed=0, std=0.5)
    shifts = (images(dataset)[:, 0, 0].astype(float) - 128) / 255
    amounts = shifts @ PCA_EIGENVECTORS / PCA_EIGENVALUES
    assert amounts[:, 0].std() == pytest.approx(0.5, rel=0.15)
    assert amounts[:, 1].std() == pytest.approx(0.5, rel=0.15)
    assert abs(np.corrcoef(amounts[:, 0], amounts[:, 1])[0, 1]) < 0.2


def test_no_shift_and_clipping():
    source = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    found = images(pca_colour(repeated(source, 3), seed=0, std=0))
    np.testing.assert_array_equal(found, [source] * 3)
    white = np.full((2, 2, 3), 255, np.uint8)
    found = images(pca_colour(repeated(white, 50), seed=0, std=3.0))
    assert found.max() == 255
    with pytest.raises(ValueError, match="received -1"):
        pca_colour(repeated(white, 1), seed=0, std=-1)


def test_flips_need_no_boxes():
    source = positions(4, 6)
    found = images(random_flip(repeated(source, 40), seed=0))
    flipped = [bool((image == source[:, ::-1]).all()) for image in found]
    kept = [bool((image == source).all()) for image in found]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 10 <= sum(flipped) <= 30


def test_short_sides_are_drawn_evenly():
    image = positions(10, 20)
    sides = []
    for example in random_short_side(repeated(image, 600), 8, 11, seed=1):
        height, width = example["images"].shape[:2]
        assert width == 2 * height
        sides.append(height - 8)
        np.testing.assert_array_equal(
            example["images"], resize_short_side(image, height)
        )
    np.testing.assert_allclose(spread(sides, 4), 1, atol=0.25)
    for least, most in ((0, 5), (6, 5)):
        with pytest.raises(ValueError, match=f"most={most}"):
            random_short_side(repeated(image, 1), least, most, seed=1)
