"""What is behind a face: a photograph, shoulders, neck, hair and ears.

Letters: S side of the canvas. A canvas is (4, S, S) float32: RGB in 0..1, and
the share of each pixel that the person covers.
"""

import functools
import math

import numpy as np

from kcv.data.embedded.faces.person import Person
from kcv.data.embedded.faces.photo import Photo
from kcv.data.embedded.faces.strokes import step
from kcv.data.embedded.scenes.material import PHOTOGRAPHS
from kcv.data.embedded.scenes.material import photographs

# First column of the astronaut's photograph that is to the right of her face,
# which would otherwise be a face without a box.
_ASTRONAUT_COLUMN = 240
_BALD_CAP = 0.05  # volume of a hat on a bald head


def draw_backdrop(split: str, photo: Photo, size: int) -> np.ndarray:
    """Cut the backdrop out of a photograph.

    Args:
        split: "train" or "test", which share no photograph.
        photo: Photo.
        size: Side of the canvas, in pixels.

    Returns:
        The canvas, (4, S, S).
    """
    backdrop = photo.backdrop
    found = sources(split)
    levels = found[int(backdrop.photograph * len(found))]
    level = 0 if backdrop.zoom < 1.5 else 1
    source = levels[level]
    height, width = source.shape[1:]
    side = min(size * backdrop.zoom / 2**level, height, width)
    rows = _places(backdrop.y, height, side, size)
    columns = _places(backdrop.x, width, side, size)
    if backdrop.mirrored:
        columns = columns[::-1]
    canvas = np.zeros((4, size, size), np.float32)
    view = source[:, rows[:, None], columns]
    gains = backdrop.gains[:, None, None] * np.float32(1 / 255)
    if backdrop.plain:
        ramp = np.linspace(-0.5, 0.5, size, dtype=np.float32) * backdrop.ramp
        mean = view.mean((1, 2), dtype=np.float32)[:, None, None] * gains
        canvas[:3] = mean + ramp
    else:
        np.multiply(view, gains, out=canvas[:3])
    return canvas


def draw_body(canvas: np.ndarray, person: Person, photo: Photo) -> None:
    """Draw all of a person that is behind the face, in place.

    Args:
        canvas: Canvas (4, S, S).
        person: Person.
        photo: Photo.
    """
    pose, skull = photo.pose, person.skull
    size = canvas.shape[1]
    sharpness = pose.scale / 0.6
    u = (np.arange(size, dtype=np.float32) - pose.x) * (1 / pose.scale)
    v = (np.arange(size, dtype=np.float32) - pose.y) * (1 / pose.scale)
    light = _mean_light(photo)

    low = _first(v, 1.25)
    down = v[low:, None]
    away = 1 - np.sqrt((u / 1.45) ** 2 + ((down - 2.1) / 0.75) ** 2)
    _cover(
        canvas[:, low:], step(away, sharpness), photo.clothes * (0.9 * light)
    )
    # The neck is in the shadow of the head, most of all below the chin.
    low, high = _first(v, 0.4), _first(v, 1.55)
    down = v[low:high, None]
    shadow = 0.55 + 0.25 * np.clip(down - 0.8, 0, 0.6)
    shadow = shadow * (1 - 0.3 * (u / photo.neck) ** 2).clip(0.4, 1)
    cover = step(photo.neck - np.abs(u), sharpness) * step(
        1.48 - down, sharpness
    )
    color = (person.skin.color * light)[:, None, None] * shadow
    _cover(canvas[:, low:high], cover, color)

    _draw_hair_volume(canvas, person, photo, u, v, light)
    if person.hair.bald or person.hair.sides < 0.2:
        color = (
            person.skin.color * light * np.array([0.88, 0.80, 0.78], np.float32)
        )
        for sign in (-1, 1):
            ear = np.array(
                [sign * skull.half_width * 0.99, 0.06, -0.05], np.float32
            )
            x, y, _ = pose.rotation @ ear
            _draw_ear(canvas, u, v, float(x), float(y), color, sharpness)


def _draw_hair_volume(canvas, person: Person, photo: Photo, u, v, light):
    hair, hat, pose, skull = person.hair, photo.hat, photo.pose, person.skull
    if hair.bald and hat is None:
        return
    volume = _BALD_CAP if hair.bald else hair.volume
    sides = hat.edge if hair.bald else hair.sides
    wide, high = skull.half_width + volume, skull.half_height + volume
    # The hair is around the back of the head, which turns away from the face.
    back = -0.15 * pose.rotation[:2, 2]
    top = _first(v, back[1] - 1.15 * high)
    bottom = _first(v, back[1] + max(sides, 0) + 0.5)
    left, right = (
        _first(u, back[0] - 1.6 * wide),
        _first(u, back[0] + 1.6 * wide),
    )
    u = u[left:right] - back[0]
    v = v[top:bottom, None] - back[1]
    cosine, sine = math.cos(pose.roll), math.sin(pose.roll)
    x, y = cosine * u + sine * v, cosine * v - sine * u
    # Half an ellipse above, and a curtain below that becomes a bit narrower.
    above = np.minimum(y, 0) * (1 / high)
    away = 1 - np.sqrt((x * (1 / wide)) ** 2 + above**2)
    away -= 0.10 * np.maximum(y, 0) ** 2
    soft = 0.5 * pose.scale / 0.6
    cover = step(away, soft) * step(sides - y, soft)
    wave = np.sin(0.7 * hair.strands * x + hair.phase)
    color = hair.color * (0.85 * photo.hair_brightness * light)
    color = color[:, None, None] * (1 + 0.1 * wave)
    if hat is not None:
        covered = step(hat.edge - y, 2 * soft)
        color += covered * ((hat.color * light)[:, None, None] - color)
    _cover(canvas[:, top:bottom, left:right], cover, color)


def _draw_ear(canvas, u, v, x, y, color, sharpness):
    left, right = _first(u, x - 0.2), _first(u, x + 0.2)
    top, bottom = _first(v, y - 0.3), _first(v, y + 0.3)
    across = (u[left:right] - x) * (1 / 0.10)
    down = (v[top:bottom, None] - y) * (1 / 0.17)
    away = 1 - np.sqrt(across**2 + down**2)
    cover = step(away, 0.12 * sharpness)
    shade = 0.75 + 0.25 * np.clip(1.5 * np.abs(away - 0.4), 0, 1)
    _cover(
        canvas[:, top:bottom, left:right], cover, color[:, None, None] * shade
    )


def _cover(canvas, cover, color):
    """Blend a color into a part of a canvas, and count it as covered."""
    if color.ndim == 1:
        color = color[:, None, None]
    canvas[:3] += cover * (color - canvas[:3])
    canvas[3] += cover * (1 - canvas[3])


def _mean_light(photo: Photo) -> np.ndarray:
    """Light on a surface that faces the viewer, (3,)."""
    light = photo.light
    return 0.87 * light.ambient + light.directed * np.float32(
        0.15 + 0.6 * light.direction[2]
    )


def _first(values, bound) -> int:
    """Find the index of the first of rising values that reaches a bound."""
    return int(np.searchsorted(values, bound))


def _places(share, length, side, size):
    """Nearest rows or columns of a crop that becomes `size` pixels."""
    places = np.arange(size) * (side / size) + share * (length - side)
    return places.astype(np.int64)


@functools.cache
def sources(split: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the photographs of a split, without faces.

    Args:
        split: "train" or "test", which share no photograph.

    Returns:
        List of pairs: a photograph (3, H, W) uint8, and the same scaled to a
        half.
    """
    found = photographs(split)
    pairs = []
    for name, pixels, (height, width) in zip(
        PHOTOGRAPHS[split], found.pixels, found.sizes, strict=True
    ):
        first = _ASTRONAUT_COLUMN if name == "astronaut" else 0
        whole = np.moveaxis(pixels[:height, first:width], 2, 0)
        rows, columns = whole.shape[1] // 2, whole.shape[2] // 2
        half = whole[:, : 2 * rows, : 2 * columns].astype(np.float32)
        half = half.reshape(3, rows, 2, columns, 2).mean((2, 4))
        pairs.append((whole.copy(), np.rint(half).astype(np.uint8)))
    return pairs
