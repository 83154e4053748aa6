"""The identity of a rendered person, which all photos of the person share.

The unit is half the height of the head. The frame of the head has x to the
right of the viewer, y down and z to the viewer.
"""

import functools
from typing import NamedTuple

import numpy as np

from kcv.data.embedded.faces.draws import Draws

# Colors are RGB in 0..1. The skin is at a position on this line.
_SKIN = np.array(
    [
        (0.96, 0.80, 0.70),
        (0.93, 0.74, 0.61),
        (0.86, 0.66, 0.51),
        (0.76, 0.55, 0.40),
        (0.62, 0.43, 0.30),
        (0.47, 0.32, 0.22),
        (0.33, 0.22, 0.16),
    ],
    np.float32,
)
_IRIS = (
    (0.30, (0.20, 0.12, 0.07)),
    (0.20, (0.38, 0.23, 0.12)),
    (0.20, (0.07, 0.05, 0.04)),
    (0.15, (0.34, 0.50, 0.68)),
    (0.08, (0.33, 0.46, 0.28)),
    (0.07, (0.48, 0.52, 0.54)),
)
_HAIR = (
    (0.20, (0.05, 0.045, 0.04)),
    (0.20, (0.11, 0.085, 0.07)),
    (0.18, (0.20, 0.13, 0.085)),
    (0.12, (0.34, 0.22, 0.13)),
    (0.09, (0.72, 0.56, 0.32)),
    (0.06, (0.50, 0.37, 0.22)),
    (0.05, (0.55, 0.23, 0.10)),
    (0.06, (0.52, 0.51, 0.50)),
    (0.04, (0.88, 0.87, 0.84)),
)


class Skull(NamedTuple):
    """Half-axes of the head, and how its outline deviates from an ellipse."""

    half_width: float
    half_height: float
    depth: float
    jaw: float
    jaw_power: float
    forehead: float
    chin_height: float
    chin_width: float
    cheek_height: float
    cheek_x: float
    brow_ridge: float


class Eyes(NamedTuple):
    """Both eyes, which mirror each other."""

    x: float
    y: float
    half_width: float
    half_height: float
    tilt: float  # radians, positive where the outer corner is higher
    socket: float
    iris: float
    crease: float
    bags: float
    color: np.ndarray


class Brows(NamedTuple):
    """Both brows, relative to the eyes."""

    x: float
    y: float
    half_length: float
    thickness: float
    arch: float
    tilt: float
    density: float


class Nose(NamedTuple):
    """Bumps of the nose, and its nostrils."""

    y: float
    height: float
    width: float
    bridge_height: float
    bridge_width: float
    wing_x: float
    wing_height: float
    nostrils: float


class Mouth(NamedTuple):
    """The mouth at rest."""

    y: float
    half_width: float
    upper: float
    lower: float
    bow: float
    muzzle: float
    color: np.ndarray
    fold: float  # strength of the line from the nose to the mouth


class Skin(NamedTuple):
    """Color and marks of the skin."""

    color: np.ndarray
    ruddiness: float
    mottling: float
    waves: np.ndarray  # (3, 3): frequencies in x and y, and phase
    freckles: float
    moles: tuple[tuple[float, float, float, float], ...]  # x, y, radius, depth


class Hair(NamedTuple):
    """Hair of the head."""

    color: np.ndarray
    bald: bool
    line: float
    peak: float
    curve: float
    slant: float
    sides: float
    temples: float
    volume: float
    strands: float
    phase: float


class Person(NamedTuple):
    """Everything about a person that no photo changes."""

    skull: Skull
    eyes: Eyes
    brows: Brows
    nose: Nose
    mouth: Mouth
    skin: Skin
    hair: Hair
    beard: float
    moustache: float


@functools.lru_cache(4096)
def draw_person(split: int, seed: int, person: int) -> Person:
    """Draw a person.

    Args:
        split: Number of the split, 0 or 1.
        seed: Seed of the people.
        person: Number of the person.

    Returns:
        The person, a function of the arguments.
    """
    draws = Draws(0, split, seed, person)
    n, u = draws.normal, draws.uniform
    skull = Skull(
        half_width=n(0.745, 0.045),
        half_height=n(1.0, 0.03),
        depth=n(0.86, 0.03),
        jaw=u(0.10, 0.42),
        jaw_power=u(1.2, 2.6),
        forehead=u(0.0, 0.16),
        chin_height=n(0.05, 0.03),
        chin_width=u(0.12, 0.28),
        cheek_height=n(0.04, 0.03),
        cheek_x=n(0.42, 0.04),
        brow_ridge=u(0.0, 0.07),
    )
    eyes = Eyes(
        x=n(0.305, 0.028),
        y=n(-0.03, 0.035),
        half_width=n(0.128, 0.017),
        half_height=n(0.056, 0.012),
        tilt=n(0.0, 0.11),
        socket=u(0.03, 0.10),
        iris=n(0.056, 0.005),
        crease=u(0.1, 0.9),
        bags=u(0.0, 0.22),
        color=_one_of(_IRIS, draws, 0.1),
    )
    brows = Brows(
        y=n(-0.195, 0.032),
        x=n(0.01, 0.025),
        half_length=n(0.175, 0.024),
        thickness=float(np.clip(n(0.030, 0.013), 0.012, 0.07)),
        arch=n(0.045, 0.035),
        tilt=n(0.0, 0.13),
        density=u(0.35, 1.0),
    )
    nose = Nose(
        y=n(0.27, 0.045),
        height=n(0.24, 0.045),
        width=n(0.085, 0.018),
        bridge_height=n(0.10, 0.032),
        bridge_width=n(0.06, 0.013),
        wing_x=n(0.105, 0.022),
        wing_height=n(0.09, 0.025),
        nostrils=u(0.25, 0.8),
    )
    skin = _draw_skin(draws)
    mouth = Mouth(
        y=n(0.545, 0.035),
        half_width=n(0.215, 0.03),
        upper=max(n(0.036, 0.013), 0.01),
        lower=max(n(0.052, 0.016), 0.015),
        bow=u(0.0, 0.5),
        muzzle=u(0.02, 0.08),
        color=skin.color
        * np.array([u(0.75, 1.0), u(0.42, 0.78), u(0.45, 0.80)], np.float32),
        fold=u(0.0, 0.30),
    )
    hair = _draw_hair(draws)
    bearded, stubbled = draws.chance(0.22), draws.chance(0.3)
    dense, light = u(0.35, 0.95), u(0.05, 0.25)
    beard = dense if bearded else light if stubbled else 0.0
    moustache = draws.chance(0.8 if bearded else 0.05)
    return Person(
        skull=skull,
        eyes=eyes,
        brows=brows,
        nose=nose,
        mouth=mouth,
        skin=skin,
        hair=hair,
        beard=beard,
        moustache=dense if moustache else 0.0,
    )


def _draw_skin(draws: Draws) -> Skin:
    n, u = draws.normal, draws.uniform
    # Kumaraswamy's distribution (1.1, 1.4), which is close to the Beta
    # distribution and has an inverse in closed form.
    position = (1 - (1 - u()) ** (1 / 1.4)) ** (1 / 1.1)
    stops = np.linspace(0, 1, len(_SKIN))
    color = np.array(
        [np.interp(position, stops, c) for c in _SKIN.T], np.float32
    )
    color *= np.array([n(1.0, 0.05) for _ in range(3)], np.float32)
    moles = [
        (
            draws.chance(0.45),
            (u(-0.55, 0.55), u(-0.35, 0.75), u(0.014, 0.028), u(0.2, 0.75)),
        )
        for _ in range(3)
    ]
    freckled, freckles = draws.chance(0.15), u(0.05, 0.14)
    return Skin(
        color=np.clip(color, 0, 1),
        ruddiness=u(0.0, 0.16),
        mottling=u(0.0, 0.05),
        waves=np.array(
            [(u(2, 9), u(2, 9), u(0, 2 * np.pi)) for _ in range(3)], np.float32
        ),
        freckles=freckles if freckled else 0.0,
        moles=tuple(mole for present, mole in moles if present),
    )


def _draw_hair(draws: Draws) -> Hair:
    n, u = draws.normal, draws.uniform
    fringed, fringe = draws.chance(0.25), u(0.10, 0.28)
    short, low, high = draws.chance(0.55), u(0.5, 1.3), u(-0.45, 0.05)
    return Hair(
        color=_one_of(_HAIR, draws, 0.15),
        bald=draws.chance(0.10),
        line=n(-0.60, 0.09) + (fringe if fringed else 0.0),
        peak=n(0.0, 0.10),
        curve=u(0.1, 0.9),
        slant=n(0.0, 0.16),
        sides=high if short else low,
        temples=u(0.80, 1.0),
        volume=u(0.05, 0.19),
        strands=u(8.0, 26.0),
        phase=u(0.0, 2 * np.pi),
    )


def _one_of(table, draws: Draws, spread: float) -> np.ndarray:
    """Draw one of the weighted colors, and vary its brightness."""
    color = table[draws.choice([weight for weight, _ in table])][1]
    varied = np.array(color, np.float32) * draws.normal(1.0, spread)
    return np.clip(varied, 0, 1)
