"""Changes of an image against closed forms and OpenCV."""

import cv2
import numpy as np
import pytest

from kcv.metrics import IDENTITY_AMOUNTS
from kcv.metrics import PERTURBATIONS
from kcv.metrics import perturb

EVERY = [
    (kind, amount)
    for kind, amounts in PERTURBATIONS.items()
    for amount in amounts
]


@pytest.fixture(scope="module")
def image():
    """A smooth image with dark and bright places, of an odd width."""
    y, x = np.indices((60, 83))
    waves = [np.sin(x / a + y / b) for a, b in ((9, 13), (15, 7), (8, -11))]
    return np.rint(127 + 120 * np.stack(waves, -1)).astype(np.uint8)


def places(homography, points):
    projected = np.c_[points, np.ones(len(points))] @ homography.T
    return projected[:, :2] / projected[:, 2:]


def test_all_kinds_have_an_amount_that_changes_nothing(image):
    assert PERTURBATIONS.keys() == IDENTITY_AMOUNTS.keys()
    for kind, amount in IDENTITY_AMOUNTS.items():
        assert amount in PERTURBATIONS[kind]
        changed = perturb(image, kind, amount)
        np.testing.assert_array_equal(changed.homography, np.eye(3))
        expected = image
        if kind == "rotation":
            rows, columns = changed.image.shape[:2]
            top, left = (60 - rows) // 2, (83 - columns) // 2
            expected = image[top : top + rows, left : left + columns]
        np.testing.assert_array_equal(changed.image, expected)


@pytest.mark.parametrize(("kind", "amount"), EVERY)
def test_every_amount_of_the_paper(image, kind, amount):
    changed = perturb(image, kind, amount)
    assert changed.image.dtype == np.uint8
    reference = perturb(image, kind, IDENTITY_AMOUNTS[kind]).image
    height, width = changed.image.shape[:2]
    if kind != "scale":
        assert changed.image.shape == reference.shape
    again = perturb(image, kind, amount)
    np.testing.assert_array_equal(again.image, changed.image)
    # The homography takes the reference into the changed image.
    corners = [[0, 0], [reference.shape[1], reference.shape[0]]]
    if kind == "scale":
        np.testing.assert_allclose(
            places(changed.homography, corners), [[0, 0], [width, height]]
        )
    elif kind != "rotation":
        np.testing.assert_array_equal(changed.homography, np.eye(3))


def test_tiny_images():
    for size in ((1, 1), (2, 1), (3, 16)):
        tiny = np.full((*size, 3), 90, np.uint8)
        for kind, amount in EVERY:
            changed = perturb(tiny, kind, amount).image
            assert changed.size
            if kind in ("scale", "rotation", "blur"):
                assert (changed == 90).all(), (size, kind, amount)


@pytest.mark.parametrize("degrees", [-20, -5, 1, 15])
def test_rotation_shows_the_same_points(image, degrees):
    reference = perturb(image, "rotation", 0).image
    rotated, homography = perturb(image, "rotation", degrees)
    rows, columns = reference.shape[:2]
    points = (
        np.array([[x, y] for x in (20, 30, 40) for y in (15, 20, 25)]) + 0.5
    )
    there = np.rint(places(homography, points) - 0.5).astype(int)
    inside = ((there >= 0) & (there < [columns, rows])).all(1)
    assert inside.sum() >= 6
    near, far = (points[inside] - 0.5).astype(int).T, there[inside].T
    difference = rotated[far[1], far[0]] - reference[near[1], near[0]].astype(
        int
    )
    # Up to half a pixel of a wave that rises by 15 a pixel.
    assert np.abs(difference).max() <= 16
    # Counterclockwise: what is on the right moves up.
    middle = np.array([[columns / 2, rows / 2]])
    right = places(homography, middle + [10, 0]) - middle
    assert np.sign(right[0, 1]) == -np.sign(degrees)
    np.testing.assert_allclose(np.linalg.norm(right), 10)


def test_rotation_equals_that_of_opencv(image):
    rows, columns = perturb(image, "rotation", 0).image.shape[:2]
    matrix = cv2.getRotationMatrix2D((41, 29.5), 12, 1)  # centers of pixels
    whole = cv2.warpAffine(image, matrix, (83, 60), flags=cv2.INTER_LINEAR)
    top, left = (60 - rows) // 2, (83 - columns) // 2
    expected = whole[top : top + rows, left : left + columns]
    found = perturb(image, "rotation", 12).image
    # OpenCV rounds places to 1/32 of a pixel.
    assert np.abs(found.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("size", [(400, 300), (300, 400), (100, 400)])
def test_the_crop_is_filled_at_twenty_degrees(size):
    """All of it comes from the image, and it cannot be much larger."""
    white = np.full((*size, 3), 255, np.uint8)
    rows, columns = perturb(white, "rotation", 20).image.shape[:2]
    cos, sin = np.cos(np.radians(20)), np.sin(np.radians(20))
    reach = columns * sin + rows * cos, columns * cos + rows * sin
    assert (np.array(reach) <= np.array(size)).all()
    best = max(
        a * b
        for a in range(1, size[0] + 1)
        if (b := int(min((size[0] - a * cos) / sin, (size[1] - a * sin) / cos)))
        > 0
    )
    assert rows * columns > 0.97 * best


def test_light_is_a_factor_until_a_channel_is_full():
    image = np.array([[[100, 50, 0], [200, 120, 40], [0, 0, 0]]], np.uint8)
    half, brighter = (
        perturb(image, "light", factor).image[0].tolist()
        for factor in (0.5, 1.5)
    )
    assert half == [[50, 25, 0], [100, 60, 20], [0, 0, 0]]
    # Hue and saturation stay: 200 becomes 255 and not 300.
    assert brighter == [[150, 75, 0], [255, 153, 51], [0, 0, 0]]


@pytest.mark.parametrize("sigma", [1, 4, 8])
def test_blur_equals_that_of_opencv(image, sigma):
    expected = cv2.GaussianBlur(
        image.astype(np.float64),
        (20 * sigma + 1, 20 * sigma + 1),
        sigma,
        borderType=cv2.BORDER_REFLECT,
    )
    found = perturb(image, "blur", sigma).image
    assert np.abs(found - expected).max() <= 0.51


def test_the_worst_jpeg_is_the_farthest(image):
    differences = [
        np.abs(perturb(image, "jpeg", quality).image - image.astype(int)).mean()
        for quality in (5, 50, 99)
    ]
    assert differences == sorted(differences, reverse=True)
    assert differences[0] > 5


@pytest.mark.parametrize("count", [1, 100, 10**6])
def test_salt_on_dark_and_pepper_on_bright_pixels(image, count):
    changed = perturb(image, "salt_and_pepper", count).image
    different = (changed != image).any(-1)
    assert different.sum() == min(count, 60 * 83)
    dark = image.mean(-1) < 128
    assert (changed[different & dark] == 255).all()
    assert (changed[different & ~dark] == 0).all()


def test_bad_arguments(image):
    with pytest.raises(ValueError, match="`kind` must be one of.*'zoom'"):
        perturb(image, "zoom", 2)
    for kind, amount in (
        ("scale", 0),
        ("scale", None),
        ("rotation", 21),
        ("jpeg", 0),
        ("blur", float("nan")),
        ("salt_and_pepper", -1),
    ):
        with pytest.raises(ValueError, match="`amount` is out of range"):
            perturb(image, kind, amount)
