import numpy as np
import pytest
import tensorflow as tf

from kcv.landmarks import check_landmarks
from kcv.landmarks import estimate_similarity
from kcv.landmarks import transform_points
from kcv.landmarks import warp

TEMPLATE = np.array([[21, 26], [43, 26], [32, 38], [24, 49], [40, 49.0]])


def similarity(scale, angle, shift):
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[a, -b, shift[0]], [b, a, shift[1]]])


@pytest.mark.parametrize("angle", [0.0, 0.4, -2.9])
@pytest.mark.parametrize("scale", [0.2, 1.0, 7.0])
def test_a_known_transform_is_recovered(scale, angle):
    matrix = similarity(scale, angle, (31.5, -4.25))
    points = transform_points(matrix, TEMPLATE)
    found = estimate_similarity(TEMPLATE, points).numpy()
    np.testing.assert_allclose(found, matrix, atol=1e-9)
    back = estimate_similarity(points, TEMPLATE)
    residual = transform_points(back, points) - TEMPLATE
    np.testing.assert_allclose(residual, 0, atol=1e-9)


def test_the_fit_is_that_of_least_squares():
    rng = np.random.default_rng(3)
    points = TEMPLATE + rng.normal(0, 3, TEMPLATE.shape)
    x, y = points.T
    one, zero = np.ones(5), np.zeros(5)
    rows = [[x, -y, one, zero], [y, x, zero, one]]
    system = np.concatenate([np.stack(row, 1) for row in rows])
    a, b, s, t = np.linalg.lstsq(system, TEMPLATE.T.ravel())[0]
    found = estimate_similarity(points, TEMPLATE)
    np.testing.assert_allclose(found, [[a, -b, s], [b, a, t]], atol=1e-9)


def test_batches_are_fitted_one_by_one():
    rng = np.random.default_rng(4)
    points = rng.normal(30, 9, (3, 5, 2)).astype("float32")
    together = estimate_similarity(points, TEMPLATE)
    assert together.dtype == tf.float32
    for matrix, own in zip(together, points, strict=True):
        single = estimate_similarity(own, TEMPLATE)
        np.testing.assert_allclose(matrix, single, rtol=1e-4, atol=1e-4)


def test_warped_landmarks_are_where_the_template_has_them():
    matrix = similarity(1.7, 0.3, (10, -5))
    points = transform_points(matrix, TEMPLATE).numpy()
    # Round dots on the landmarks.
    rows, columns = np.mgrid[:140, :140]
    away = (columns - points[:, :1, None]) ** 2 + (
        rows - points[:, 1:, None]
    ) ** 2
    image = np.exp(-away / 18).sum(0)[None, :, :, None]
    back = estimate_similarity(points, TEMPLATE)
    warped = warp(image, back[None], 64)[0, :, :, 0].numpy()
    rows, columns = np.mgrid[:64, :64]
    for x, y in TEMPLATE:
        near = warped * ((columns - x) ** 2 + (rows - y) ** 2 < 16)
        center = (near * columns).sum(), (near * rows).sum()
        np.testing.assert_allclose(center / near.sum(), [x, y], atol=0.25)


def test_warping_interpolates_and_is_zero_outside():
    image = np.arange(20, dtype="float32").reshape(1, 4, 5, 1)
    half = warp(image, [[[1, 0, -0.5], [0, 1, -0.25]]], (2, 3)).numpy()
    expected = image[:, :2, :3] + 0.5 + 0.25 * 5
    np.testing.assert_allclose(half, expected, atol=1e-5)
    away = warp(image, [[[1.0, 0, 50], [0, 1, 0]]], 4)
    assert not np.any(away)
    assert away.shape == (1, 4, 4, 1)


@pytest.mark.parametrize(
    ("landmarks", "message"),
    [
        ([[1, 1], [2, 2]], "at least three points .*shape=.2, 2"),
        ([[1, 1], [5, np.nan], [3, 4]], "be finite"),
        ([[1, 1], [5, 1], [3, 12]], "inside the image of 20x10 pixels"),
        ([[-2, 1], [5, 1], [3, 4]], "inside the image"),
        ([[1, 1], [5, 5], [9, 9]], "not lie on a line"),
        ([[4, 4], [4, 4], [4, 4]], "not lie on a line"),
    ],
)
def test_bad_landmarks_are_named(landmarks, message):
    with pytest.raises(ValueError, match=f"a.jpg: .*{message}"):
        check_landmarks(landmarks, name="a.jpg", size=(10, 20))
