"""What differs between two photos of a rendered person.

Pose, expression, light, camera, things worn, and what stands in front of the
face and behind it. Nothing here depends on the person.
"""

import math
from typing import NamedTuple

import numpy as np

from kcv.data.embedded.faces.draws import Draws


class Pose(NamedTuple):
    """Place and rotation of the head."""

    rotation: np.ndarray  # (3, 3), from the frame of the head to the camera's
    roll: float  # radians
    scale: float  # pixels per unit
    x: float  # pixels
    y: float


class Expression(NamedTuple):
    """Positions of mouth, brows and eyes."""

    smile: float
    open: float
    raised: float
    closed: float
    gaze_x: float
    gaze_y: float


class Light(NamedTuple):
    """Light from all sides and from one direction."""

    direction: np.ndarray  # (3,) unit vector to the light, frame of the camera
    ambient: np.ndarray  # (3,)
    directed: np.ndarray  # (3,)
    specular: float


class Camera(NamedTuple):
    """Tones, blur, noise and compression."""

    gain: float
    gamma: float
    offset: float
    saturation: float
    blur: float
    noise: float
    noise_offset: float
    quality: int


class Glasses(NamedTuple):
    """Glasses with two equal lenses."""

    radius: float
    frame: float
    gray: float
    exponent: float
    shade: float


class Hat(NamedTuple):
    """A cap with a band."""

    color: np.ndarray
    edge: float


class Occluder(NamedTuple):
    """A striped ellipse in front of the face, in units of the head."""

    x: float
    y: float
    radius: float
    aspect: float
    color: np.ndarray
    stripes: float
    angle: float


class Backdrop(NamedTuple):
    """The part of a photograph behind the head."""

    photograph: float
    zoom: float
    x: float
    y: float
    mirrored: bool
    plain: bool
    ramp: float
    gains: np.ndarray  # (3,)


class Photo(NamedTuple):
    """Everything about a photo that is not the person."""

    pose: Pose
    expression: Expression
    light: Light
    camera: Camera
    glasses: Glasses | None
    hat: Hat | None
    occluder: Occluder | None
    backdrop: Backdrop
    hair_brightness: float
    clothes: np.ndarray
    neck: float
    lipstick: np.ndarray | None


def draw_photo(
    split: int, seed: int, person: int, photo: int, size: int
) -> Photo:
    """Draw a photo.

    Args:
        split: Number of the split, 0 or 1.
        seed: Seed of the people.
        person: Number of the person.
        photo: Number of the photo among those of the person.
        size: Side of the canvas, in pixels.

    Returns:
        The photo, a function of the arguments.
    """
    draws = Draws(1, split, seed, person, photo)
    n, u, chance = draws.normal, draws.uniform, draws.chance
    pose = _draw_pose(draws, size)
    opened, opening = chance(0.4), u()
    blinking, closed, narrow = chance(0.06), u(0.5, 1.0), u(0.0, 0.25)
    expression = Expression(
        smile=u(-0.4, 1.0),
        open=opening if opened else 0.0,
        raised=n(0.0, 0.4),
        closed=closed if blinking else narrow,
        gaze_x=n(0.0, 0.35),
        gaze_y=n(0.0, 0.2),
    )
    light = _draw_light(draws)
    gray, saturation = chance(0.12), u(0.5, 1.3)
    camera = Camera(
        gain=math.exp(n(0.0, 0.24)),
        gamma=math.exp(n(0.0, 0.22)),
        offset=n(0.0, 0.04),
        saturation=0.0 if gray else saturation,
        blur=u(0.0, 1.1),
        noise=u(0.0, 0.035),
        noise_offset=u(),
        quality=int(u(35, 96)),
    )
    glasses = Glasses(
        radius=u(0.15, 0.20),
        frame=u(0.012, 0.028),
        gray=u(0.02, 0.35),
        exponent=u(2.0, 6.0),
        shade=u(0.0, 0.35),
    )
    hat = Hat(color=draws.color(), edge=u(-0.62, -0.42))
    occluder = Occluder(
        x=u(-0.9, 0.9),
        y=u(-0.9, 1.1),
        radius=u(0.18, 0.42),
        aspect=2.0 ** u(-1.0, 1.0),
        color=draws.color(),
        stripes=u(8.0, 20.0),
        angle=u(0.0, math.pi),
    )
    backdrop = Backdrop(
        photograph=u(),
        zoom=2.0 ** u(0.0, 1.6),
        x=u(),
        y=u(),
        mirrored=chance(0.5),
        plain=chance(0.25),
        ramp=u(-0.3, 0.3),
        gains=np.array([n(1, 0.1) for _ in range(3)], np.float32)
        * np.float32(u(0.6, 1.2)),
    )
    lips = np.array([u(0.5, 0.85), u(0.05, 0.25), u(0.10, 0.35)], np.float32)
    return Photo(
        pose=pose,
        expression=expression,
        light=light,
        camera=camera,
        glasses=glasses if chance(0.15) else None,
        hat=hat if chance(0.08) else None,
        occluder=occluder if chance(0.22) else None,
        backdrop=backdrop,
        hair_brightness=u(0.8, 1.25),
        clothes=draws.color(),
        neck=u(0.36, 0.52),
        lipstick=lips if chance(0.2) else None,
    )


def _draw_pose(draws: Draws, size: int) -> Pose:
    yaw = math.radians(draws.uniform(-35, 35))
    pitch = math.radians(np.clip(draws.normal(0, 9), -20, 20))
    roll = math.radians(np.clip(draws.normal(0, 7), -15, 15))
    around_x = _rotation(0, pitch)
    around_y = _rotation(1, yaw)
    around_z = _rotation(2, roll)
    return Pose(
        rotation=(around_z @ around_x @ around_y).astype(np.float32),
        roll=roll,
        scale=size * draws.uniform(0.34, 0.40),
        x=size * draws.normal(0.5, 0.03),
        y=size * draws.normal(0.49, 0.03),
    )


def _rotation(axis: int, angle: float) -> np.ndarray:
    cosine, sine = math.cos(angle), math.sin(angle)
    matrix = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[first, first] = matrix[second, second] = cosine
    matrix[first, second], matrix[second, first] = -sine, sine
    return matrix


def _draw_light(draws: Draws) -> Light:
    n, u = draws.normal, draws.uniform
    azimuth = math.radians(n(0.0, 40.0))
    elevation = math.radians(u(-25.0, 65.0))
    direction = np.array(
        [
            math.sin(azimuth) * math.cos(elevation),
            -math.sin(elevation),
            math.cos(azimuth) * math.cos(elevation),
        ],
        np.float32,
    )

    def tinted(strength):
        # Warm to cool, and a little green to magenta. Independent noise of the
        # channels would make green people.
        warm, green = n(0.0, 1.0), 0.45 * n(0.0, 1.0)
        tint = warm * np.array([1, 0, -1]) + green * np.array([0.5, -1, 0.5])
        return np.array(strength * (1 + 0.13 * tint), np.float32)

    return Light(
        direction=direction,
        ambient=tinted(u(0.22, 0.65)),
        directed=tinted(u(0.45, 1.15)),
        specular=u(0.0, 0.28),
    )
