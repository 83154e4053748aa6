"""Small changes of an image, after which proposals should be the same.

Hosang et al., "What makes for effective detection proposals?", PAMI 2016,
section 3. Each change comes with the homography that takes a point of the
reference image to the same point of the changed one. Coordinates are those of
half-open boxes: the image reaches from 0 to its width and height.
"""

import math
from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kcv.pixels import to_rgb

_WIDEST = 20.0  # degrees of the largest rotation

#: Amounts of each kind of change in the paper. JPEG of quality None is
#: lossless.
PERTURBATIONS: Mapping[str, tuple[float | None, ...]] = MappingProxyType(
    {
        "scale": (
            *(2 ** (step / 5) for step in range(-5, 6)),
            *(0.9, 0.95, 0.99, 1.01, 1.05, 1.1),
        ),
        "rotation": (*range(-20, 25, 5), -1.0, -0.5, 0.5, 1.0),
        "light": (*(step / 10 for step in range(5, 16)), 0.99, 1.01),
        "jpeg": (5, 10, 20, 50, 80, 99, 100, None),
        "blur": (0, 1, 2, 3, 4, 8),
        "salt_and_pepper": (0, 1, 10, 100, 1000),
    }
)
#: Amount of each kind with which it changes nothing. A rotation by 0 degrees
#: only crops the image.
IDENTITY_AMOUNTS: Mapping[str, float | None] = MappingProxyType(
    {
        "scale": 1.0,
        "rotation": 0.0,
        "light": 1.0,
        "jpeg": None,
        "blur": 0.0,
        "salt_and_pepper": 0,
    }
)


class Perturbed(NamedTuple):
    """A changed image.

    Attributes:
        image: Array (H, W, 3) uint8.
        homography: Matrix (3, 3) float64 from homogeneous coordinates (x, y, 1)
            of the reference image to those of this one.
    """

    image: np.ndarray
    homography: np.ndarray


def perturb(image: ArrayLike, kind: str, amount: float | None) -> Perturbed:
    """Change an image a little.

    The reference of a changed image is that of the amount
    `IDENTITY_AMOUNTS[kind]`. It is the image itself for all kinds but
    "rotation": rotated images are cropped to the largest rectangle that is
    filled at 20 degrees, and so is their reference.

    Args:
        image: RGB image (H, W, 3) with values in 0..255. A gray image (H, W)
            becomes three equal channels, and an alpha channel is dropped.
        kind: One of

            - "scale": bicubic resizing. The amount is the factor.
            - "rotation": counterclockwise, with bilinear interpolation. The
              amount is in degrees, in [-20, 20].
            - "light": a factor of the brightness in HSB, where 255 is the
              highest.
            - "jpeg": compression. The amount is the quality, 1 to 100, or
              None, which changes nothing.
            - "blur": Gaussian smoothing with a window of 20 standard
              deviations. The amount is the standard deviation, in pixels.
            - "salt_and_pepper": dark pixels become white and bright ones
              black. The amount is their number. The image determines which.
        amount: Amount of the change, in the unit of its kind. `PERTURBATIONS`
            has those of the paper. None for a change that has no amount.

    Returns:
        `Perturbed` with the changed image and the homography.

    Raises:
        ValueError: If `image` is not an image, `kind` is not known, or
            `amount` is out of range.

    Example:

    >>> image = np.full((30, 40, 3), 100, np.uint8)
    >>> changed = perturb(image, "scale", 0.5)
    >>> changed.image.shape, changed.homography.diagonal().tolist()
    ((15, 20, 3), [0.5, 0.5, 1.0])
    >>> perturb(image, "light", 1.5).image.max()
    np.uint8(150)
    """
    if kind not in _CHANGES:
        raise ValueError(
            f"`kind` must be one of {[*_CHANGES]}. Received: kind={kind!r}"
        )
    in_range, change = _CHANGES[kind]
    valid = kind == "jpeg" if amount is None else in_range(amount)
    if not valid:
        raise ValueError(
            f"`amount` is out of range for {kind!r}. Received: amount={amount}"
        )
    return change(to_rgb(image), amount)


def _scale(image, factor):
    size = np.array(image.shape[:2])
    new = np.maximum(np.round(factor * size).astype(int), 1)
    if factor != 1:
        resized = tf.image.resize(image, new, "bicubic", antialias=True)
        image = _to_uint8(resized.numpy())
    y, x = new / size
    return Perturbed(image, np.diag([x, y, 1.0]))


def _rotate(image, degrees):
    height, width = image.shape[:2]
    rows, columns = _inner_rectangle(height, width, math.radians(_WIDEST))
    # Even margins, so that without rotation no pixel is interpolated.
    rows = max(rows - (height - rows) % 2, 1)
    columns = max(columns - (width - columns) % 2, 1)
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])  # y points down
    middle = np.array([columns / 2, rows / 2])
    homography = np.eye(3)
    homography[:2, :2] = turn
    homography[:2, 2] = middle - turn @ middle
    # Where the center of each pixel lies in the array that is rotated.
    y, x = np.indices((rows, columns)) + 0.5
    away = np.stack([x - middle[0], y - middle[1]], -1) @ turn
    away += [width / 2 - 0.5, height / 2 - 0.5]
    return Perturbed(_to_uint8(_sample(image, away)), homography)


def _inner_rectangle(height, width, angle):
    """Find the largest rectangle in an image that is rotated.

    Returns:
        Rows and columns, rounded down.
    """
    long, short = max(height, width), min(height, width)
    sin, cos = math.sin(angle), math.cos(angle)
    if short <= 2 * sin * cos * long:
        # Two corners lie on one long side, in its middle.
        sides = short / 2 / sin, short / 2 / cos
    else:
        sides = (
            (long * cos - short * sin) / math.cos(2 * angle),
            (short * cos - long * sin) / math.cos(2 * angle),
        )
    columns, rows = sides if width >= height else sides[::-1]
    return int(rows), int(columns)


def _sample(image, places):
    """Interpolate between the centers of pixels."""
    limits = np.array(image.shape[1::-1]) - 1
    places = np.clip(places, 0, limits)
    near = np.minimum(places.astype(int), np.maximum(limits - 1, 0))
    far = np.minimum(near + 1, limits)
    x, y = np.moveaxis(places - near, -1, 0)[..., np.newaxis]
    top, bottom = (
        (1 - x) * image[row, near[..., 0]] + x * image[row, far[..., 0]]
        for row in (near[..., 1], far[..., 1])
    )
    return (1 - y) * top + y * bottom


def _light(image, factor):
    highest = image.max(axis=2, keepdims=True).astype(float)
    gain = np.minimum(factor * highest, 255) / np.maximum(highest, 1)
    return _in_place(_to_uint8(gain * image))


def _jpeg(image, quality):
    if quality is not None:
        encoded = tf.io.encode_jpeg(image, quality=int(quality))
        image = tf.io.decode_jpeg(encoded, dct_method="INTEGER_ACCURATE")
        image = image.numpy()
    return _in_place(image)


def _blur(image, sigma):
    if sigma:
        height, width = image.shape[:2]
        rows = _smoothing(height, sigma) @ image.reshape(height, -1)
        turned = rows.reshape(image.shape).swapaxes(0, 1).reshape(width, -1)
        smooth = _smoothing(width, sigma) @ turned
        smooth = smooth.reshape(width, height, 3).swapaxes(0, 1)
        image = _to_uint8(smooth)
    return _in_place(image)


def _smoothing(size, sigma):
    """Make the matrix of a Gaussian filter whose border is mirrored."""
    radius = math.ceil(10 * sigma)
    offsets = np.arange(-radius, radius + 1)
    weights = np.exp(-((offsets / sigma) ** 2) / 2)
    places = (np.arange(size)[:, None] + offsets) % (2 * size)
    places = np.minimum(places, 2 * size - 1 - places)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.arange(size)[:, None], places), weights)
    return matrix / weights.sum()


def _salt_and_pepper(image, count):
    flat = image.reshape(-1, 3).copy()
    rng = np.random.default_rng(int(image.sum(dtype=np.int64)))
    chosen = rng.permutation(len(flat))[: int(count)]
    dark = flat[chosen].mean(axis=1) < 128
    flat[chosen] = np.where(dark, 255, 0)[:, np.newaxis]
    return _in_place(flat.reshape(image.shape))


def _in_place(image):
    return Perturbed(image, np.eye(3))


def _to_uint8(values):
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


# The amounts that are valid, and the function.
_CHANGES: dict[str, tuple[Callable, Callable]] = {
    "scale": (lambda factor: 0 < factor < math.inf, _scale),
    "rotation": (lambda degrees: abs(degrees) <= _WIDEST, _rotate),
    "light": (lambda factor: 0 <= factor < math.inf, _light),
    "jpeg": (lambda quality: 1 <= quality <= 100, _jpeg),
    "blur": (lambda sigma: 0 <= sigma < math.inf, _blur),
    "salt_and_pepper": (lambda count: 0 <= count < math.inf, _salt_and_pepper),
}
