"""Eyes, brows and mouth, painted as functions of the place on the face.

Letters: P pixels of the head, K pixels of a feature. Albedos are (3, P).
"""

import math

import numpy as np

from kcv.data.embedded.faces.head import Surface
from kcv.data.embedded.faces.person import Person
from kcv.data.embedded.faces.photo import Photo
from kcv.data.embedded.faces.strokes import blend
from kcv.data.embedded.faces.strokes import step

_WHITE = np.array([0.90, 0.88, 0.86], np.float32)
_INSIDE = np.array([0.16, 0.04, 0.04], np.float32)
_TEETH = np.array([0.88, 0.86, 0.80], np.float32)


def paint_eyes(
    albedo: np.ndarray,
    surface: Surface,
    person: Person,
    photo: Photo,
    sharpness: float,
) -> None:
    """Paint both eyes, in place.

    Args:
        albedo: Albedo of the face, (3, P).
        surface: Visible surface of the head.
        person: Person.
        photo: Photo.
        sharpness: Sharpness of edges, see `strokes.step`.
    """
    eyes, expression = person.eyes, photo.expression
    across, down = np.abs(surface.x) - eyes.x, surface.y - eyes.y
    near = np.flatnonzero((np.abs(across) < 0.21) & (np.abs(down) < 0.19))
    if not near.size:
        return
    right = np.sign(surface.x[near])
    across, down = across[near], down[near]
    cosine, sine = math.cos(eyes.tilt), math.sin(eyes.tilt)
    # Positive tilt lifts the outer corner.
    x, y = across * cosine - down * sine, across * sine + down * cosine

    bulge = 1 - (x * (1 / eyes.half_width)) ** 2
    closed = expression.closed
    upper = -eyes.half_height * (1 - 1.45 * closed) * bulge
    lower = 0.75 * eyes.half_height * bulge
    opening = step(y - upper, sharpness) * step(lower - y, sharpness)
    opening *= step(bulge * eyes.half_width, sharpness)
    blend(albedo, opening, _WHITE, near)

    gaze_x = 0.055 * expression.gaze_x * right
    gaze_y = 0.03 * expression.gaze_y - 0.006
    away = np.sqrt((x - gaze_x) ** 2 + (y - gaze_y) ** 2)
    iris = opening * step(eyes.iris - away, sharpness)
    blend(albedo, iris, eyes.color, near)
    pupil = opening * step(0.45 * eyes.iris - away, sharpness)
    blend(albedo, pupil, np.array([0.02, 0.02, 0.02], np.float32), near)
    glint = (x - gaze_x + 0.018 * right) ** 2 + (y - gaze_y + 0.018) ** 2
    glint = 0.8 * opening * np.exp(glint * (-1 / 0.014**2))
    blend(albedo, glint, np.array([1.0, 1.0, 1.0], np.float32), near)

    inside = step(bulge * 0.5 * eyes.half_width, sharpness)
    lash = np.exp(((y - upper) * (1 / 0.020)) ** 2 * -1)
    blend(
        albedo,
        0.8 * inside * lash,
        np.array([0.08, 0.06, 0.05], np.float32),
        near,
    )
    fold = np.exp(((y - upper + 0.045) * (1 / 0.016)) ** 2 * -1)
    fold *= 0.45 * eyes.crease * inside
    rim = np.exp(((y - lower) * (1 / 0.014)) ** 2 * -1)
    albedo[:, near] *= 1 - np.maximum(fold, 0.25 * inside * rim)


def paint_brows(
    albedo: np.ndarray,
    surface: Surface,
    person: Person,
    photo: Photo,
    sharpness: float,
    color: np.ndarray,
) -> None:
    """Paint both brows, in place.

    Args:
        albedo: Albedo of the face, (3, P).
        surface: Visible surface of the head.
        person: Person.
        photo: Photo.
        sharpness: Sharpness of edges, see `strokes.step`.
        color: Color of the brows, (3,).
    """
    eyes, brows = person.eyes, person.brows
    high = eyes.y + brows.y - 0.04 * photo.expression.raised
    across = np.abs(surface.x) - (eyes.x + brows.x)
    down = surface.y - high
    near = np.flatnonzero((np.abs(across) < 0.30) & (np.abs(down) < 0.20))
    if not near.size:
        return
    across, down = across[near], down[near]
    cosine, sine = math.cos(brows.tilt), math.sin(brows.tilt)
    x, y = across * cosine - down * sine, across * sine + down * cosine
    along = x * (1 / brows.half_length)
    curve = brows.arch * (along**2 - 0.5)
    thick = brows.thickness * (1 - 0.45 * np.clip(along, -0.3, 1))
    cover = step(thick - np.abs(y - curve), sharpness)
    cover *= step(brows.half_length - np.abs(x), sharpness)
    blend(albedo, brows.density * cover, color, near)


def paint_mouth(
    albedo: np.ndarray,
    surface: Surface,
    person: Person,
    photo: Photo,
    sharpness: float,
) -> None:
    """Paint lips, teeth and the inside of the mouth, in place.

    Args:
        albedo: Albedo of the face, (3, P).
        surface: Visible surface of the head.
        person: Person.
        photo: Photo.
        sharpness: Sharpness of edges, see `strokes.step`.
    """
    mouth, expression = person.mouth, photo.expression
    smile, opened = expression.smile, expression.open
    half_width = mouth_half_width(person, photo)
    x, y = surface.x, surface.y - mouth.y
    near = np.flatnonzero((np.abs(x) < half_width + 0.06) & (np.abs(y) < 0.3))
    if not near.size:
        return
    x, y = x[near], y[near]
    share = 1 - (x * (1 / half_width)) ** 2
    bulge = np.maximum(share, 0)
    line = 0.02 - 0.045 * smile + 0.05 * smile * bulge
    gap = (0.13 * opened) * bulge
    bow = mouth.bow * np.exp((x * (1 / 0.045)) ** 2 * -1)
    upper = line - 1.25 * mouth.upper * np.sqrt(bulge) * (1 - bow)
    lower = line + gap + 1.15 * mouth.lower * bulge
    inside = step(half_width - np.abs(x), sharpness)
    lips = step(y - upper, sharpness) * step(lower - y, sharpness) * inside
    color = mouth.color if photo.lipstick is None else photo.lipstick
    blend(albedo, lips, color, near)
    if opened > 0.05:
        hole = step(y - line, sharpness) * step(line + gap - y, sharpness)
        hole *= inside
        blend(albedo, hole, _INSIDE, near)
        teeth = hole * step(line + 0.4 * gap - y, sharpness)
        blend(albedo, 0.85 * teeth, _TEETH, near)
    dark = np.exp(((y - line) * (1 / 0.013)) ** 2 * -1)
    below = np.exp(((y - lower - 0.03) * (1 / 0.03)) ** 2 * -1)
    albedo[:, near] *= 1 - inside * np.maximum(0.6 * dark, 0.14 * below)


def mouth_half_width(person: Person, photo: Photo) -> float:
    """Half the width of the mouth in a photo.

    Args:
        person: Person.
        photo: Photo.

    Returns:
        The distance of a corner from the middle, in units of the head.
    """
    expression = photo.expression
    change = 0.16 * expression.smile - 0.10 * expression.open
    return person.mouth.half_width * (1 + change)
