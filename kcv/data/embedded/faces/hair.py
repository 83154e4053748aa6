"""Hair on the head, and what is worn on it: hats and glasses.

Letters: P pixels of the head. Albedos are (3, P).
"""

import numpy as np

from kcv.data.embedded.faces.head import Surface
from kcv.data.embedded.faces.person import Hair
from kcv.data.embedded.faces.person import Person
from kcv.data.embedded.faces.photo import Glasses
from kcv.data.embedded.faces.photo import Hat
from kcv.data.embedded.faces.strokes import blend
from kcv.data.embedded.faces.strokes import step


def paint_hair(
    albedo: np.ndarray,
    surface: Surface,
    hair: Hair,
    sharpness: float,
    color: np.ndarray,
) -> None:
    """Paint the hair on the head, in place.

    Args:
        albedo: Albedo of the head, (3, P).
        surface: Visible surface of the head.
        hair: Hair of the person, who is not bald.
        sharpness: Sharpness of edges, see `strokes.step`.
        color: Color of the hair, (3,).
    """
    x, y, side = surface.x, surface.y, surface.side
    line = hair.line + hair.curve * x**2 + hair.slant * x
    line += hair.peak * np.exp((x * (1 / 0.16)) ** 2 * -1)
    soft = 0.5 * sharpness
    # The hairline ends where the sides begin.
    top = step(np.minimum(line, hair.sides + 0.3) - y, soft)
    sides = step(side - hair.temples, soft) * step(hair.sides - y, soft)
    cover = np.maximum(top, sides)
    wave = np.sin(hair.strands * x + 3 * y + hair.phase)
    wave += np.sin(0.37 * hair.strands * (x - 0.6 * y) + 2 * hair.phase)
    blend(albedo, cover, color[:, None] * (1 + 0.08 * wave))


def paint_hat(
    albedo: np.ndarray, surface: Surface, hat: Hat, sharpness: float
) -> None:
    """Paint a cap with a band, in place.

    Args:
        albedo: Albedo of the head, (3, P).
        surface: Visible surface of the head.
        hat: Hat.
        sharpness: Sharpness of edges, see `strokes.step`.
    """
    above = hat.edge + 0.12 * surface.x**2 - surface.y
    blend(albedo, step(above, sharpness), hat.color)
    band = step(above, sharpness) * step(0.09 - above, sharpness)
    blend(albedo, 0.55 * band, 1 - hat.color)


def paint_glasses(
    albedo: np.ndarray,
    surface: Surface,
    person: Person,
    glasses: Glasses,
    sharpness: float,
) -> None:
    """Paint glasses, in place.

    Args:
        albedo: Albedo of the face, (3, P).
        surface: Visible surface of the head.
        person: Person.
        glasses: Glasses.
        sharpness: Sharpness of edges, see `strokes.step`.
    """
    radius, frame = glasses.radius, glasses.frame
    across = np.abs(surface.x) - person.eyes.x - 0.01
    down = surface.y - person.eyes.y - 0.01
    near = np.flatnonzero(np.abs(down) < 1.2 * radius)
    across, down = across[near], down[near]
    power = glasses.exponent
    away = np.abs(across) ** power + np.abs(1.15 * down) ** power
    away = away ** (1 / power) - radius
    rim = step(frame - np.abs(away), sharpness)
    outside = step(away, sharpness)
    bridge = outside * step(-across, sharpness)
    bridge *= step(0.7 * frame - np.abs(down + 0.2 * radius), sharpness)
    arms = outside * step(across, sharpness)
    arms *= step(0.7 * frame - np.abs(down + 0.3 * radius), sharpness)
    lens = glasses.shade * (1 - outside)
    albedo[:, near] *= 1 - lens
    cover = np.maximum(rim, np.maximum(bridge, arms))
    blend(albedo, cover, np.full(3, glasses.gray, np.float32), near)
