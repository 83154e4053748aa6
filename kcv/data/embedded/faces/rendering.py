"""One rendered photo: pixels, cover, landmarks and box.

Letters: S side of the canvas, P pixels of the head.
"""

import math
from typing import NamedTuple

import numpy as np

from kcv.data.embedded.faces.backdrop import draw_backdrop
from kcv.data.embedded.faces.backdrop import draw_body
from kcv.data.embedded.faces.camera import expose
from kcv.data.embedded.faces.camera import to_uint8
from kcv.data.embedded.faces.features import mouth_half_width
from kcv.data.embedded.faces.features import paint_brows
from kcv.data.embedded.faces.features import paint_eyes
from kcv.data.embedded.faces.features import paint_mouth
from kcv.data.embedded.faces.hair import paint_glasses
from kcv.data.embedded.faces.hair import paint_hair
from kcv.data.embedded.faces.hair import paint_hat
from kcv.data.embedded.faces.head import Surface
from kcv.data.embedded.faces.head import profile
from kcv.data.embedded.faces.head import trace
from kcv.data.embedded.faces.person import Person
from kcv.data.embedded.faces.person import draw_person
from kcv.data.embedded.faces.photo import Photo
from kcv.data.embedded.faces.photo import draw_photo
from kcv.data.embedded.faces.skin import paint_beard
from kcv.data.embedded.faces.skin import paint_skin
from kcv.data.embedded.faces.strokes import step
from kcv.data.streams.holdout import check_split

STREAMS = {"train": 0, "test": 1}
_EDGE = 0.6  # width of a logistic edge, in pixels
_FADE = 0.08  # of the canvas, over which the cover fades at its border


class RenderedFace(NamedTuple):
    """A rendered photo of a rendered person.

    Attributes:
        image: Pixels, (S, S, 3) uint8 RGB.
        alpha: Share of each pixel that the person covers, (S, S) float32 in
            [0, 1]. It fades at the border of the canvas.
        landmarks: Centers of the eyes, tip of the nose and corners of the
            mouth, (5, 2) float32 xy in pixels. The center of the first pixel is
            (0, 0), and "left" comes first.
        box: Box of the face from the brows to the chin, (4,) float32 xyxy,
            half-open. It may leave the canvas.
        quality: Quality of JPEG compression that the photo is meant to have.
    """

    image: np.ndarray
    alpha: np.ndarray
    landmarks: np.ndarray
    box: np.ndarray
    quality: int


def render_face(
    split: str,
    seed: int,
    person: int,
    photo: int,
    size: int,
    camera: bool = True,
) -> RenderedFace:
    """Render one photo of one person, without JPEG compression.

    Args:
        split: "train" or "test", which share neither people nor backdrops.
        seed: Seed of the people, at least 0.
        person: Number of the person, at least 0.
        photo: Number of the photo of the person, at least 0.
        size: Side of the canvas, in pixels. The head is about 0.72 of it high.
        camera: Whether the photo has the tones, the blur and the noise of a
            camera. Without them, the face can be pasted into a scene. Defaults
            to True.

    Returns:
        The face, a function of the arguments.

    Raises:
        ValueError: If `split` is neither of the two.

    Example:

    >>> face = render_face("train", seed=0, person=3, photo=0, size=64)
    >>> face.image.shape, face.landmarks.shape
    ((64, 64, 3), (5, 2))
    """
    check_split(split)
    stream = STREAMS[split]
    who = draw_person(stream, seed, person)
    drawn = draw_photo(stream, seed, person, photo, size)
    surface = trace(who, drawn, size)
    canvas = draw_backdrop(split, drawn, size)
    draw_body(canvas, who, drawn)
    _draw_face(canvas, surface, who, drawn)
    if drawn.occluder is not None:
        _draw_occluder(canvas, drawn)
    image = canvas[:3]
    return RenderedFace(
        image=expose(image, drawn.camera) if camera else to_uint8(image),
        alpha=canvas[3] * _fade(size),
        landmarks=_landmarks(surface, who, drawn),
        box=_box(who, drawn),
        quality=drawn.camera.quality,
    )


def _draw_face(canvas, surface: Surface, person: Person, photo: Photo):
    """Paint the face, light it, and put it on the canvas."""
    sharpness = photo.pose.scale / _EDGE
    hair = person.hair.color * np.float32(photo.hair_brightness)
    albedo = paint_skin(surface, person)
    paint_beard(albedo, surface, person, hair)
    paint_mouth(albedo, surface, person, photo, sharpness)
    paint_eyes(albedo, surface, person, photo, sharpness)
    paint_brows(albedo, surface, person, photo, sharpness, 0.8 * hair)
    if not person.hair.bald:
        paint_hair(albedo, surface, person.hair, sharpness, hair)
    if photo.hat is not None:
        paint_hat(albedo, surface, photo.hat, sharpness)
    if photo.glasses is not None:
        paint_glasses(albedo, surface, person, photo.glasses, sharpness)
    lit = _light(albedo, surface, photo)
    size = canvas.shape[1]
    flat = canvas.reshape(4, -1)
    where = surface.rows * size + surface.columns
    under = flat.take(where, 1)
    under[:3] += surface.cover * (lit - under[:3])
    under[3] += surface.cover * (1 - under[3])
    flat[:, where] = under


def _light(albedo, surface: Surface, photo: Photo):
    """Light of a surface, (3, P)."""
    light, rotation = photo.light, photo.pose.rotation
    normal, facing = surface.normal, surface.facing
    direction = light.direction @ rotation  # in the frame of the head
    up = rotation[1] @ normal  # -1 where the surface faces upward
    direct = np.maximum((0.85 * direction) @ normal + np.float32(0.15), 0)
    ambient = 0.875 - 0.125 * up
    lit = light.ambient[:, None] * ambient + light.directed[:, None] * direct
    lit *= albedo
    if light.specular > 0.02:
        half = direction + rotation[2]
        half /= np.sqrt(half @ half)
        gloss = np.maximum(half @ normal, 0) ** 2
        gloss *= gloss  # ** 4
        gloss *= gloss  # ** 8
        gloss *= gloss  # ** 16
        lit += np.float32(light.specular) * gloss
    lit *= 0.62 + 0.38 * np.minimum(np.maximum(1.6 * facing, 0), 1)
    return lit


def _draw_occluder(canvas, photo: Photo):
    """Draw a striped ellipse in front of the face."""
    occluder, pose = photo.occluder, photo.pose
    reach = occluder.radius * max(occluder.aspect, 1 / occluder.aspect)
    size = canvas.shape[1]
    ends = []
    for center, offset in ((pose.x, occluder.x), (pose.y, occluder.y)):
        middle = center + offset * pose.scale
        side = (reach + 0.1) * pose.scale
        first = min(max(int(middle - side), 0), size)
        ends.append((first, min(max(int(middle + side) + 1, first), size)))
    (left, right), (top, bottom) = ends
    u = (np.arange(left, right, dtype=np.float32) - pose.x) / pose.scale
    v = (np.arange(top, bottom, dtype=np.float32) - pose.y) / pose.scale
    u, v = u - occluder.x, (v - occluder.y)[:, None]
    root = math.sqrt(occluder.aspect)
    away = np.sqrt((u / root) ** 2 + (v * root) ** 2)
    cover = step(occluder.radius - away, pose.scale / _EDGE)
    cosine, sine = math.cos(occluder.angle), math.sin(occluder.angle)
    stripes = np.sin(occluder.stripes * (cosine * u + sine * v))
    light = photo.light.ambient + 0.6 * photo.light.directed
    color = (occluder.color * light)[:, None, None] * (1 + 0.25 * stripes)
    part = canvas[:, top:bottom, left:right]
    part[:3] += cover * (color - part[:3])
    part[3] += cover * (1 - part[3])


def _landmarks(surface: Surface, person: Person, photo: Photo):
    """Find the landmarks on the surface as it is drawn.

    A landmark is the mean place of the pixels that show its part of the face.
    Where no pixel does, as behind the nose, it is computed from the ellipsoid.
    """
    pose, expression, mouth = photo.pose, photo.expression, person.mouth
    corner = mouth_half_width(person, photo)
    corner_y = mouth.y + 0.02 - 0.045 * expression.smile
    points = np.array(
        [
            (-person.eyes.x, person.eyes.y),
            (person.eyes.x, person.eyes.y),
            (0.0, person.nose.y),
            (-corner, corner_y),
            (corner, corner_y),
        ],
        np.float32,
    )
    x, y = surface.x, surface.y
    narrow = np.array((pose.scale / 0.7) ** 2, np.float32)
    terms = np.stack([x * x + y * y, x, y, np.ones_like(x)])
    factors = np.stack(
        [-np.ones(5), *(2 * points.T), -(points**2).sum(1)], 1
    ).astype(np.float32)
    weights = np.exp(np.minimum(narrow * (factors @ terms), 0))
    places = np.stack([surface.columns, surface.rows, np.ones_like(x)], 1)
    sums = weights @ places.astype(np.float32)
    seen = sums[:, 2] > 0.3
    found = sums[:, :2] / np.maximum(sums[:, 2:], 0.3)
    if seen.all():
        return found
    return np.where(seen[:, None], found, _projected(points, person, photo))


def _projected(points, person: Person, photo: Photo):
    """Project points of the ellipsoid to the image."""
    skull, pose = person.skull, photo.pose
    width, depth = profile(skull, points[:, 1])
    inside = 1 - (points[:, 0] / (skull.half_width * width)) ** 2
    inside -= (points[:, 1] / skull.half_height) ** 2
    z = skull.depth * depth * np.sqrt(np.maximum(inside, 0))
    z[2] += person.nose.height + 0.25 * person.nose.bridge_height
    xy = np.column_stack([points, z]) @ pose.rotation[:2].T
    return (xy * pose.scale + (pose.x, pose.y)).astype(np.float32)


def _box(person: Person, photo: Photo):
    """Extent of a rotated ellipsoid from the brows to the chin."""
    skull, pose = person.skull, photo.pose
    axes = np.array(
        [skull.half_width, 0.86 * skull.half_height, 0.6 * skull.depth]
    )
    center = pose.rotation[:2] @ np.array([0.0, 0.13, 0.25]) * pose.scale
    # Boxes count from the border of the first pixel, not from its center.
    center += (pose.x + 0.5, pose.y + 0.5)
    reach = np.sqrt((pose.rotation[:2] ** 2) @ axes**2) * pose.scale
    return np.concatenate([center - reach, center + reach]).astype(np.float32)


def _fade(size: int):
    """Cover that falls to 0 at the border of the canvas, (S, S)."""
    away = np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5
    ramp = np.clip(away / (_FADE * size), 0, 1).astype(np.float32)
    return ramp[:, None] * ramp
