"""The visible surface of a head: an ellipsoid with a relief.

Letters: P pixels of the head, G bumps of the relief. Arrays of pixels are
float32, and points are in the frame of the head (see `person.py`).
"""

from typing import NamedTuple

import numpy as np

from kcv.data.embedded.faces.person import Person
from kcv.data.embedded.faces.person import Skull
from kcv.data.embedded.faces.photo import Photo

_OPEN_CHIN = 0.10  # how far an open mouth lowers the chin
_DAMPING = 0.75  # of the steps along a ray to the surface of the relief
_ROUNDS = 3
_GRAZING = 0.4  # least slope of a ray against the relief


class Surface(NamedTuple):
    """The pixels of a photo that show the head.

    Attributes:
        rows: Row of each pixel, (P,) int64.
        columns: Column of each pixel, (P,) int64.
        cover: Share of the pixel that the head covers, (P,).
        x: Coordinate to the right, (P,).
        y: Coordinate downward, (P,).
        side: 0 in the middle of the face, 1 where it turns backward, (P,).
        normal: Unit normals in the frame of the head, (3, P).
        facing: Cosine of the angle between the normal and the viewer, (P,).
    """

    rows: np.ndarray
    columns: np.ndarray
    cover: np.ndarray
    x: np.ndarray
    y: np.ndarray
    side: np.ndarray
    normal: np.ndarray
    facing: np.ndarray


def trace(person: Person, photo: Photo, size: int) -> Surface:
    """Intersect the rays of the pixels with a head.

    Args:
        person: Person.
        photo: Photo.
        size: Side of the canvas, in pixels.

    Returns:
        The surface. Projection is orthographic.
    """
    skull, pose = person.skull, photo.pose
    rotation = pose.rotation
    columns, rows = _window(skull, photo, size)
    u = (columns.astype(np.float32) - np.float32(pose.x)) / pose.scale
    v = (rows.astype(np.float32) - np.float32(pose.y)) / pose.scale
    width = len(u)
    # Starts of the rays, in the plane through the center of the head.
    start = (
        rotation[0][:, None, None] * u + rotation[1][:, None, None] * v[:, None]
    )
    start = start.reshape(3, -1)
    ray = rotation[2]
    lowered = photo.expression.open * _OPEN_CHIN
    depth, gap, inverses = _hit_ellipsoid(skull, start, ray, lowered)
    # The gap falls by about 2 / radius from the outline inward.
    cover = np.minimum(0.5 + gap * (0.43 * pose.scale), 1)
    inside = np.flatnonzero(cover > 0)
    start, inverses = start.take(inside, 1), inverses.take(inside, 1)
    depth, cover = depth[inside], cover[inside]

    # The gradient of the ellipsoid.
    point = start + ray[:, None] * depth
    normal = point * inverses
    _normalize(normal)
    side = np.abs(point[0]) * np.sqrt(inverses[0])
    side -= 2 * np.minimum(point[2], 0)

    bumps, weights = _relief(person)
    slope = 1 / max(float(ray[2]), _GRAZING)
    moved = depth
    for _ in range(_ROUNDS - 1):
        monomials = _monomials(
            start[0] + moved * ray[0], start[1] + moved * ray[1]
        )
        relief = weights[0] @ np.exp(bumps @ monomials)
        moved = moved + _DAMPING * (depth + relief * slope - moved)
    x, y = start[0] + moved * ray[0], start[1] + moved * ray[1]
    monomials = _monomials(x, y)
    relief, *parts = weights @ np.exp(bumps @ monomials)
    moved = moved + _DAMPING * (depth + relief * slope - moved)
    along, across, down, fall = parts
    normal[0] -= np.sign(x) * (across - along * np.abs(x))
    normal[1] -= fall - down * y
    _normalize(normal)
    x, y = start[0] + moved * ray[0], start[1] + moved * ray[1]
    return Surface(
        rows=rows[inside // width],
        columns=columns[inside % width],
        cover=cover,
        x=x,
        y=y,
        side=side,
        normal=normal,
        facing=ray @ normal,
    )


def profile(skull: Skull, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute the width and depth of a head at a height.

    Args:
        skull: Skull of the person.
        y: Heights in units of half the height of the head, array of any shape.

    Returns:
        Tuple (width, depth), arrays of the shape of `y`, relative to the
        half-axes of the head.
    """
    low = np.minimum(np.maximum(y - 0.05, 0) * (1 / 0.95), 1.1)
    high = np.minimum(np.maximum(-0.25 - y, 0) * (1 / 0.75), 1)
    width = 1 - skull.jaw * low**skull.jaw_power
    width -= skull.forehead * (high * high)
    return width, 1 - (0.25 * skull.jaw) * low


def _window(skull: Skull, photo: Photo, size: int):
    """Columns and rows of the pixels that the ellipsoid may cover."""
    pose = photo.pose
    lowered = skull.half_height + photo.expression.open * _OPEN_CHIN
    axes = np.array([skull.half_width, lowered, skull.depth])
    reach = np.sqrt((pose.rotation[:2] ** 2) @ axes**2) * pose.scale + 1
    ranges = []
    for center, side in zip((pose.x, pose.y), reach, strict=True):
        first = max(int(center - side), 0)
        last = min(int(center + side) + 2, size)
        ranges.append(np.arange(first, last))
    return ranges


def _hit_ellipsoid(skull: Skull, start, ray, lowered):
    """Intersect rays with the ellipsoid, whose width depends on the height.

    Returns:
        Depths along the rays, gaps (1 in the center, 0 on the outline,
        negative outside), and the inverse squares of the half-axes at the
        points, (3, P).
    """
    x, y, z = start
    inverses = np.empty_like(start)
    upper = 1 / skull.half_height**2
    lower = 1 / (skull.half_height + lowered) ** 2
    inverses[1] = np.where(y > 0, np.float32(lower), np.float32(upper))
    height = y
    for _ in range(2):
        width, depth = profile(skull, height)
        width *= skull.half_width
        depth *= skull.depth
        np.divide(1, width * width, out=inverses[0])
        np.divide(1, depth * depth, out=inverses[2])
        a = (ray * ray) @ inverses
        scaled = start * inverses
        b = ray @ scaled
        c = x * scaled[0] + y * scaled[1] + z * scaled[2] - 1
        gap = b * b / a - c
        root = (np.sqrt(np.maximum(gap * a, 0)) - b) / a
        height = y + root * ray[1]
    return root, gap, inverses


def _normalize(vectors):
    """Give vectors (3, P) unit length, in place."""
    x, y, z = vectors
    vectors /= np.sqrt(x * x + y * y + z * z)


def _monomials(x, y):
    """Terms of the exponents of mirrored bumps, (5, P)."""
    far = np.abs(x)
    return np.stack([far * far, far, y * y, y, np.ones_like(x)])


def _relief(person: Person):
    """Bumps of a face, as exponents and weights.

    A bump is h exp(-((|x| - x0) / wx)^2 - ((y - y0) / wy)^2), so its exponent
    is a sum of the terms of `_monomials`.

    Returns:
        Coefficients of the terms, (G, 5), and weights of the bumps, (5, G),
        whose products with the bumps are the height H and the parts of its
        slopes: dH/dx = sign(x) (part 2 - |x| part 1), dH/dy = part 4 - y part
        3.
    """
    skull, eyes, nose = person.skull, person.eyes, person.nose
    center = 0.35 * nose.y - 0.02
    bumps = np.array(
        [
            # height, x0, y0, width in x, width in y
            (nose.bridge_height, 0, center, 1.6 * nose.bridge_width, 0.26),
            (nose.height, 0, nose.y, 1.25 * nose.width, 0.135),
            (nose.wing_height, nose.wing_x, nose.y + 0.035, 0.062, 0.065),
            (-1.3 * eyes.socket, 0.92 * eyes.x, eyes.y, 0.17, 0.11),
            (0.55 * eyes.socket, eyes.x, eyes.y, 0.10, 0.075),
            (
                skull.brow_ridge,
                eyes.x,
                eyes.y + person.brows.y,
                0.26,
                0.09,
            ),
            (skull.cheek_height, skull.cheek_x, 0.20, 0.20, 0.18),
            (person.mouth.muzzle, 0, person.mouth.y, 0.26, 0.15),
            (skull.chin_height, 0, 0.86, skull.chin_width, 0.12),
        ]
    )
    height, x0, y0, wide, high = bumps.T
    p, q = 1 / wide**2, 1 / high**2
    exponents = np.stack(
        [-p, 2 * p * x0, -q, 2 * q * y0, -p * x0**2 - q * y0**2], 1
    )
    weights = height * np.stack(
        [np.ones_like(p), 2 * p, 2 * p * x0, 2 * q, 2 * q * y0]
    )
    return exponents.astype(np.float32), weights.astype(np.float32)
