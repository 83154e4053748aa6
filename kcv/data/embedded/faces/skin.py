"""Albedo of the skin: its color, its marks and its beard.

Letters: P pixels of the head. Albedos are (3, P) float32, RGB in 0..1.
"""

import numpy as np

from kcv.data.embedded.faces.head import Surface
from kcv.data.embedded.faces.person import Person
from kcv.data.embedded.faces.strokes import blend
from kcv.data.embedded.faces.strokes import bumps
from kcv.data.embedded.faces.strokes import step


def paint_skin(surface: Surface, person: Person) -> np.ndarray:
    """Paint the skin of a face without its features.

    Args:
        surface: Visible surface of the head.
        person: Person.

    Returns:
        The albedo, (3, P).
    """
    skin, x, y = person.skin, surface.x, surface.y
    shade = np.ones_like(x)
    if skin.mottling > 0.01:
        for along, across, phase in skin.waves:
            shade += (skin.mottling / 2) * np.sin(
                along * x + across * y + phase
            )
    if skin.freckles:
        where = bumps(x, y, [(1, 0.0, 0.20, 0.40, 0.22)])
        spots = np.sin(41 * x + 7 * y) * np.sin(37 * y - 11 * x)
        shade -= (3 * skin.freckles) * where * np.maximum(spots - 0.25, 0)
    for mole_x, mole_y, radius, depth in skin.moles:
        away = (x - mole_x) ** 2 + (y - mole_y) ** 2
        shade *= 1 - depth * np.exp(away * (-1 / radius**2))
    shade *= 1 - bumps(x, y, _dark_bumps(person), mirrored=True)
    shade -= (person.mouth.fold / 1.5) * _fold(surface, person)
    albedo = skin.color[:, None] * shade
    flush = bumps(
        x,
        y,
        [
            (skin.ruddiness, 0.42, 0.24, 0.20, 0.17),
            (0.8 * skin.ruddiness, 0.0, person.nose.y, 0.10, 0.09),
        ],
        mirrored=True,
    )
    albedo[1:] *= 1 - flush
    return albedo


def paint_beard(
    albedo: np.ndarray, surface: Surface, person: Person, color: np.ndarray
) -> None:
    """Paint a beard and a moustache on an albedo, in place.

    Args:
        albedo: Albedo of the skin, (3, P).
        surface: Visible surface of the head.
        person: Person.
        color: Color of the hair, (3,).
    """
    mouth, x, y = person.mouth, surface.x, surface.y
    if person.beard:
        # From below the lower lip up to the ears.
        edge = mouth.y + 0.08 - 0.62 * np.minimum(surface.side, 1.2) ** 2
        cover = person.beard * step(y - edge, 14.0)
        grain = 0.9 + 0.1 * np.sin(40 * x + 9 * y)
        blend(albedo, cover * grain, 0.85 * color)
    if person.moustache:
        high = (person.nose.y + mouth.y) / 2 + 0.055
        cover = bumps(x, y, [(1.0, 0.0, high, 1.1 * mouth.half_width, 0.062)])
        cover = np.minimum(1.4 * cover, 1) * person.moustache
        blend(albedo, cover, 0.85 * color)


def _dark_bumps(person: Person):
    eyes, nose = person.eyes, person.nose
    return [
        # strength, x, y, width in x, width in y
        (nose.nostrils, 0.55 * nose.wing_x, nose.y + 0.075, 0.032, 0.024),
        (eyes.bags, eyes.x, eyes.y + 0.115, 0.115, 0.032),
    ]


def _fold(surface: Surface, person: Person):
    """Draw the line from the wing of the nose to the corner of the mouth."""
    nose, mouth = person.nose, person.mouth
    first_x, first_y = nose.wing_x + 0.045, nose.y + 0.03
    along_x = mouth.half_width + 0.055 - first_x
    along_y = mouth.y - 0.01 - first_y
    scale = 1 / (along_x**2 + along_y**2)
    x, y = np.abs(surface.x) - first_x, surface.y - first_y
    share = x * (along_x * scale) + y * (along_y * scale)
    share = np.minimum(np.maximum(share, 0), 1)
    away = (x - share * along_x) ** 2 + (y - share * along_y) ** 2
    return np.exp(away * (-1 / 0.022**2))
