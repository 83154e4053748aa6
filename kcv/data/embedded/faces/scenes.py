"""Photographs with several faces on them.

Letters: H, W height and width of a scene, S side of a patch, N faces. Images
are (3, H, W) float32 in 0..1 until the camera has taken them.
"""

from typing import NamedTuple

import numpy as np

from kcv.data.embedded.faces.backdrop import sources
from kcv.data.embedded.faces.camera import expose
from kcv.data.embedded.faces.photo import Camera
from kcv.data.embedded.faces.rendering import STREAMS
from kcv.data.embedded.faces.rendering import render_face
from kcv.data.embedded.scenes.material import PHOTOGRAPHS

# Number of faces, from none to four, and how often each number occurs.
_COUNTS = (0.12, 0.30, 0.28, 0.20, 0.10)
_HEADS = (24.0, 110.0)  # pixels from crown to chin, log-uniform
_HEAD = 0.72  # height of a head over the side of its canvas
_REAL = 0.2  # share of the faces that are real ones, if there are any
_REAL_SIDE = 0.8  # side of a real crop over the height of a head
_MAX_DISTRACTORS = 3
_TRIES = 30  # places that are tried for a patch before it is left out
# Its portraits are faces without boxes.
_PORTRAITS = "coins"
# People and photos are drawn from so many.
_PEOPLE, _PHOTOS = 20_000, 1_000


class Scene(NamedTuple):
    """One scene.

    Attributes:
        image: Image before compression, (H, W, 3) uint8 RGB.
        boxes: Square boxes of the faces (N, 4) float32, xyxy in pixels.
        landmarks: Landmarks (N, 5, 2) float32, NaN where a face is real.
        quality: Quality of the JPEG compression, from 45 to 95.
    """

    image: np.ndarray
    boxes: np.ndarray
    landmarks: np.ndarray
    quality: int


class Patch(NamedTuple):
    """Something that is put on a photograph.

    Attributes:
        pixels: (3, S, S) float32 in 0..1.
        alpha: Share of each pixel that it covers, (S, S) float32.
        box: Square box of the face in pixels of the patch (4,), None for
            what is not a face.
        landmarks: (5, 2) float32.
    """

    pixels: np.ndarray
    alpha: np.ndarray
    box: np.ndarray | None
    landmarks: np.ndarray


def draw_scene(
    split: str,
    seed: int,
    index: int,
    real: tuple[np.ndarray, np.ndarray] | None = None,
) -> Scene:
    """Draw one scene.

    Args:
        split: "train" or "test", which share neither people nor photographs.
        seed: Seed of the scenes, at least 0.
        index: Number of the scene, at least 0.
        real: Crops of real faces (M, h, w) and of other things (K, h, w),
            gray in 0..1. None for rendered faces alone. Defaults to None.

    Returns:
        The scene, a function of the arguments.
    """
    rng = np.random.default_rng((4, STREAMS[split], seed, index))
    height = int(rng.integers(150, 241))
    width = int(rng.integers(180, 281))
    image = _photograph(split, rng, height, width)
    taken: list[np.ndarray] = []
    faces = []
    for _ in range(rng.choice(len(_COUNTS), p=_COUNTS)):
        patch = _face(split, rng, real)
        corner = _paste(image, patch, taken, rng)
        if corner is not None:
            faces.append((patch, corner))
    for _ in range(rng.integers(_MAX_DISTRACTORS + 1)):
        _paste(image, _distractor(split, rng, real), taken, rng)
    camera = Camera(
        gain=1.0,
        gamma=1.0,
        offset=0.0,
        saturation=1.0,
        blur=float(rng.uniform(0, 0.5)),
        noise=float(rng.uniform(0, 0.025)),
        noise_offset=float(rng.random()),
        quality=int(rng.integers(45, 96)),
    )
    boxes = [patch.box + np.tile(corner, 2) for patch, corner in faces]
    points = [patch.landmarks + corner for patch, corner in faces]
    return Scene(
        expose(image, camera),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(points, np.float32).reshape(-1, 5, 2),
        camera.quality,
    )


def resize_patch(
    image: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Sample an image bilinearly.

    Args:
        image: Image (..., H, W).
        rows: Rows to sample, (R,) floats from 0 to H - 1.
        columns: Columns to sample, (C,) floats from 0 to W - 1.

    Returns:
        Samples (..., R, C) float32.
    """
    image = image.astype(np.float32, copy=False)
    for axis, places in ((-2, rows), (-1, columns)):
        length = image.shape[axis]
        places = np.clip(places, 0, length - 1).astype(np.float32)
        first = np.minimum(places.astype(int), max(length - 2, 0))
        weight = places - first
        weight = weight[:, None] if axis == -2 else weight
        near = np.take(image, first, axis)
        far = np.take(image, np.minimum(first + 1, length - 1), axis)
        image = near + weight * (far - near)
    return image


def _photograph(split, rng, height, width):
    """Cut (3, height, width) in 0..1 out of a photograph."""
    found = [
        levels
        for name, levels in zip(PHOTOGRAPHS[split], sources(split), strict=True)
        if name != _PORTRAITS
    ]
    levels = found[rng.integers(len(found))]
    zoom = 2 ** rng.uniform(-0.4, 0.8)
    source = levels[0 if zoom < 1.5 else 1]
    zoom = zoom if zoom < 1.5 else zoom / 2
    zoom = min(
        zoom, (source.shape[1] - 1) / height, (source.shape[2] - 1) / width
    )
    places = []
    for side, length in ((height, source.shape[1]), (width, source.shape[2])):
        start = rng.uniform(0, length - 1 - zoom * (side - 1))
        places.append(start + zoom * np.arange(side))
    rows, columns = places
    if rng.random() < 0.5:
        columns = columns[::-1]
    low, high = (int(places[0].min()), int(places[0].max()) + 2)
    view = source[:, low:high].astype(np.float32)
    image = resize_patch(view, rows - low, columns) / np.float32(255)
    gains = rng.uniform(0.6, 1.2) * (1 + 0.05 * rng.standard_normal(3))
    return image * gains.astype(np.float32)[:, None, None]


def _face(split, rng, real) -> Patch:
    low, high = _HEADS
    head = low * (high / low) ** rng.random()
    if rng.random() < _REAL and real is not None:
        crop = real[0][rng.integers(len(real[0]))]
        side = round(_REAL_SIDE * head)
        gray = _tinted(_square(crop, side, rng), rng)
        box = np.array([0, 0, side, side], np.float32)
        return Patch(gray, _feather(side, rng), box, np.full((5, 2), np.nan))
    face = render_face(
        split,
        0,
        int(rng.integers(_PEOPLE)),
        int(rng.integers(_PHOTOS)),
        round(head / _HEAD),
        camera=False,
    )
    center = (face.box[:2] + face.box[2:]) / 2
    half = (face.box[2:] - face.box[:2]).mean() / 2
    pixels = np.moveaxis(face.image, 2, 0).astype(np.float32) / 255
    box = np.concatenate([center - half, center + half])
    return Patch(pixels, face.alpha, box, face.landmarks)


def _distractor(split, rng, real) -> Patch:
    """Draw something that is not a face, with edges like those of faces."""
    low, high = _HEADS
    side = round(low * (high / low) ** rng.random())
    kind = rng.integers(3)
    if kind == 0 and real is not None:
        crop = real[1][rng.integers(len(real[1]))]
        pixels, alpha = _tinted(_square(crop, side, rng), rng), None
    elif kind == 1:
        pixels, alpha = _photograph(split, rng, side, side), None
    else:
        # Of one color, which is that of skin, with a shade to one side.
        skin = np.array([0.9, 0.66, 0.53]) * rng.uniform(0.35, 1.05)
        ramp = np.linspace(-0.5, 0.5, side) * rng.uniform(-0.3, 0.3)
        ramp = ramp if rng.random() < 0.5 else ramp[:, None]
        pixels = skin[:, None, None] * (1 + ramp + np.zeros((side, side)))
        alpha = None
    if rng.random() < 0.5:
        # The outline of a head.
        head = render_face(
            split,
            0,
            int(rng.integers(_PEOPLE)),
            int(rng.integers(_PHOTOS)),
            side,
            camera=False,
        )
        alpha = head.alpha
    alpha = _feather(side, rng) if alpha is None else alpha
    return Patch(pixels.astype(np.float32), alpha, None, np.zeros((5, 2)))


def _square(crop, side, rng):
    places = (np.arange(side) + 0.5) / side
    rows, columns = (length * places - 0.5 for length in crop.shape)
    columns = columns[::-1] if rng.random() < 0.5 else columns
    return resize_patch(crop, rows, columns)


def _tinted(gray, rng):
    """Give a gray patch the colors of skin in some light."""
    warm = np.array([1.12, 0.98, 0.88]) ** rng.uniform(0, 1.5)
    return np.clip(gray[None] * warm[:, None, None], 0, 1).astype(np.float32)


def _feather(side, rng):
    """Cover (side, side) that falls to 0 at the border of a square or disk."""
    away = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.abs(away)[None], np.abs(away)[:, None]
    reach = np.maximum(x, y) if rng.random() < 0.5 else np.hypot(x, y)
    return np.clip((1 - reach) / 0.2, 0, 1).astype(np.float32)


def _paste(image, patch, taken, rng):
    """Put a patch where there is room, and return its corner (x, y)."""
    height, width = image.shape[1:]
    rows, columns = (np.flatnonzero(patch.alpha.any(i)) for i in (1, 0))
    cover = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    inside = cover if patch.box is None else patch.box
    room = np.array([width, height]) - inside[2:]
    if (room < -inside[:2]).any():
        return None
    for _ in range(_TRIES):
        corner = np.floor(rng.uniform(-inside[:2], room)).astype(int)
        corner = np.maximum(corner, np.ceil(-inside[:2]).astype(int))
        place = cover + np.tile(corner, 2)
        if not any(_meet(place, other) for other in taken):
            break
    else:
        return None
    taken.append(place)
    left, top = np.maximum(corner, 0)
    right = min(corner[0] + patch.alpha.shape[1], width)
    bottom = min(corner[1] + patch.alpha.shape[0], height)
    own = (
        slice(top - corner[1], bottom - corner[1]),
        slice(left - corner[0], right - corner[0]),
    )
    part = image[:, top:bottom, left:right]
    part += patch.alpha[own] * (patch.pixels[(slice(None), *own)] - part)
    return corner


def _meet(one, other):
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
