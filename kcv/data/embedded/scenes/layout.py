"""The layout of scenes: all random numbers except for the noise of pixels.

Numbers are drawn for a block of scenes at once, since hundreds of small draws
for each scene would cost more than its pixels. Block b of a seed is always the
same, so a scene depends on (split, seed, index) only.

Letters: C scenes in a block, S slots for strokes in a scene.
"""

import math

import numpy as np
import tensorflow as tf

from kcv.data.embedded.scenes.material import EDGE
from kcv.data.embedded.scenes.material import SAMPLES
from kcv.data.embedded.scenes.material import Strokes

BLOCK = 64  # C
NUMBERS = 512  # random numbers of a scene, more than all draws together need
MAX_DIGITS = 6
MAX_DISTRACTORS = 2
SLOTS = MAX_DISTRACTORS + MAX_DIGITS  # S; distractors lie below the digits

EMPTY_SHARE = 0.1
HEIGHT = (1 / 8, 1 / 2)  # share of the short side: 24 to 96 pixels of 192
ROTATION = 25 * math.pi / 180
SHEAR = 0.25
OVERLAP = 0.6  # maximum, as a share of the smaller box
FAINT_SHARE = 0.15  # share of strokes with a low contrast
BLENDED_SHARE = 0.25  # share of backdrops that are two photographs
INVERTED_SHARE = 0.15
BLURRED_SHARE = 0.5
BLUR_REACH = 2
CUT_SHARE = 0.2  # share of strokes that the border may cut
PEN_MARGIN = 1.5 * SAMPLES  # around the ink, for soft edges and bold pens
TRIES = 8  # number of positions tried before a stroke is left out


def draw_block(
    seed: tf.Tensor,
    block: tf.Tensor,
    *,
    short_side: int,
    digits: Strokes,
    distractors: Strokes,
    sizes: np.ndarray,
) -> dict[str, tf.Tensor]:
    """Draw the layouts of one block of scenes.

    Args:
        seed: Integer that is different for each split and seed. () int64.
        block: Number of the block. () int64.
        short_side: Short side of the canvas, in pixels.
        digits: Strokes for the last six slots.
        distractors: Strokes for the first two slots.
        sizes: Height and width of the photographs, (P, 2) int32.

    Returns:
        Dict of tensors whose first dimension is C. `rendering.render` takes one
        row of them.
    """
    draw = _Draws(seed, block)
    canvas = _canvas(draw, short_side)  # (C, 2) height, width
    extent = tf.cast(canvas, tf.float32)

    # Strokes: distractors fill the first slots, digits the others.
    count = tf.where(
        draw(()) < EMPTY_SHARE, 0, draw.integers((), 1, MAX_DIGITS + 1)
    )
    decoys = draw.integers((), 0, MAX_DISTRACTORS + 1)
    wanted = tf.concat(
        [
            tf.range(MAX_DISTRACTORS) < decoys[:, None],
            tf.range(MAX_DIGITS) < count[:, None],
        ],
        1,
    )
    known = len(digits.labels)
    # The stroke fields of distractors come after those of digits.
    field = tf.concat(
        [
            known
            + draw.integers((MAX_DISTRACTORS,), 0, len(distractors.labels)),
            draw.integers((MAX_DIGITS,), 0, known),
        ],
        1,
    )
    ink = tf.gather(tf.concat([digits.ink, distractors.ink], 0), field)
    labels = tf.gather(tf.concat([digits.labels, distractors.labels], 0), field)

    # The shape of each stroke: a matrix from field samples to pixels.
    ink_height = ink[..., 3] - ink[..., 1]
    ink_width = ink[..., 2] - ink[..., 0]
    height = draw((SLOTS,), *HEIGHT) * short_side
    # The size of a wide and flat figure, unlike a digit, is set by its width.
    scale_y = height / tf.maximum(ink_height, 0.6 * ink_width)
    scale_x = scale_y * draw((SLOTS,), 0.8, 1.25)
    angle = draw((SLOTS,), -ROTATION, ROTATION)
    shear = draw((SLOTS,), -SHEAR, SHEAR)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    matrix = (
        tf.stack(
            [
                tf.stack([cosine, cosine * shear - sine], -1),
                tf.stack([sine, sine * shear + cosine], -1),
            ],
            -2,
        )
        * tf.stack([scale_x, scale_y], -1)[..., None, :]
    )  # (C, S, 2, 2)

    reach = tf.stack([ink_width, ink_height], -1) / 2
    half = tf.linalg.matvec(tf.abs(matrix), reach)  # (C, S, 2) half box
    center, placed = _place(draw, half, extent[:, ::-1])
    middle = tf.stack(
        [ink[..., 0] + ink[..., 2], ink[..., 1] + ink[..., 3]], -1
    )
    offset = center - tf.linalg.matvec(matrix, middle / 2)
    # Soft edges and bold pens reach beyond the box.
    wide = half + tf.linalg.matvec(tf.abs(matrix), tf.fill([2], PEN_MARGIN))
    window = _window(center, wide, canvas)
    return {
        "canvas": canvas,
        "present": wanted & placed,
        "field": field,
        "label": labels,
        "window": window,
        "transform": _transform(matrix, offset, window),
        "magnification": tf.linalg.det(matrix),
        # Level of the field at which the pen's edge lies: thin to bold strokes.
        "edge": draw((SLOTS,), *EDGE),
        "gain": _gain(draw, height),
        "opacity": draw((SLOTS,), 0.85, 1.0),
        "color": draw((SLOTS, 3), 0.0, 255.0),
        "contrast": _contrast(draw),
        **_scenery(draw, sizes, extent),
        "noise": draw((), 0.0, 1.0) ** 2 * 16.0,
        "noise_offset": draw(()),
        **_blur(draw),
        "jpeg_quality": draw.integers((), 35, 96),
    }


class _Draws:
    """Uniform random numbers for one block, columns of one table in turn."""

    def __init__(self, seed: tf.Tensor, block: tf.Tensor):
        self._table = tf.random.stateless_uniform(
            (BLOCK, NUMBERS),
            tf.stack([tf.cast(seed, tf.int64), block]),
            alg="philox",
        )
        self._used = 0

    def __call__(self, shape, low=0.0, high=1.0):
        first, self._used = self._used, self._used + math.prod(shape)
        numbers = self._table[:, first : self._used]
        return low + (high - low) * tf.reshape(numbers, (BLOCK, *shape))

    def integers(self, shape, low, high):
        # Rounding could return `high`.
        numbers = tf.cast(tf.floor(self(shape, low, high)), tf.int32)
        return tf.minimum(numbers, high - 1)


def _canvas(draw: _Draws, short_side: int) -> tf.Tensor:
    """Draw sizes from 3:4 to 4:3, of few values, so that batches pad little."""
    step = max(short_side // 12, 1)
    longest = short_side * 4 // 3
    longer = (longest - short_side) // step
    sides = short_side + step * draw.integers((), 0, longer + 1)
    short = tf.fill((BLOCK,), short_side)
    return tf.where(
        (draw(()) < 0.5)[:, None],
        tf.stack([short, sides], 1),
        tf.stack([sides, short], 1),
    )


def _place(draw: _Draws, half: tf.Tensor, extent: tf.Tensor):
    """Choose centers one after another so that boxes overlap by 60% at most.

    Args:
        draw: Function from a shape to random numbers in [0, 1).
        half: (C, S, 2) half widths and heights of the boxes.
        extent: (C, 2) width and height of the canvas.

    Returns:
        Centers (C, S, 2), and whether a place was found for a stroke, (C, S)
        bool.
    """
    cut = draw((SLOTS,)) < CUT_SHARE
    # Of a cut stroke, a fifth of the half box remains inside the canvas.
    inset = tf.where(cut[..., None], -0.8 * half, half)
    room = extent[:, None] - 2 * inset
    tries = inset[:, :, None] + room[:, :, None] * draw((SLOTS, TRIES, 2))

    centers = tries[:, 0, :1]  # the first stroke fits anywhere
    placed = tf.ones((BLOCK, 1), tf.bool)
    for slot in range(1, SLOTS):
        mine = half[:, None, None, slot]  # (C, 1, 1, 2)
        others = half[:, None, :slot]  # (C, 1, slot, 2)
        apart = tf.abs(tries[:, slot, :, None] - centers[:, None])
        shared = tf.clip_by_value(
            mine + others - apart, 0.0, 2 * tf.minimum(mine, others)
        )
        least = tf.minimum(tf.reduce_prod(mine, -1), tf.reduce_prod(others, -1))
        overlap = tf.reduce_prod(shared, -1) / (4 * least)  # (C, T, slot)
        fits = (overlap <= OVERLAP) | ~placed[:, None]
        fits = tf.reduce_all(fits, -1)  # (C, T)
        first = tf.argmax(fits, -1)
        found = tf.gather(tries[:, slot], first, batch_dims=1)
        centers = tf.concat([centers, found[:, None]], 1)
        fit = tf.reduce_any(fits, -1, keepdims=True)
        placed = tf.concat([placed, fit], 1)
    return centers, placed


def _window(center, half, canvas):
    """Return the part of the canvas a stroke may touch: y, x, height, width."""
    low = tf.cast(tf.floor(center - half), tf.int32)[..., ::-1]
    high = tf.cast(tf.math.ceil(center + half), tf.int32)[..., ::-1]
    canvas = canvas[:, None]
    low = tf.clip_by_value(low, 0, canvas - 1)
    high = tf.clip_by_value(high, low + 1, canvas)
    return tf.concat([low, high - low], -1)


def _transform(matrix, offset, window):
    """Return the transform from pixels of the window to samples of the field.

    The eight numbers (C, S, 8) are those of `ImageProjectiveTransformV3`. The
    op counts from the center of the first pixel and of the first sample, hence
    the halves.
    """
    back = tf.linalg.inv(matrix)
    corner = tf.cast(window[..., 1::-1], tf.float32)
    start = tf.linalg.matvec(back, corner + 0.5 - offset) - 0.5
    affine = tf.concat([back, start[..., None]], -1)  # (C, S, 2, 3)
    affine = tf.reshape(affine, (BLOCK, SLOTS, 6))
    return tf.pad(affine, [[0, 0], [0, 0], [0, 2]])


def _gain(draw, height):
    """Draw the steepness of a pen's edge, the factor of field values.

    The edge is at least one pixel wide, and at most a tenth of the height. With
    a factor below 1.5, a stroke would not end within its field.
    """
    cell = height / 8
    width = 1 + draw((SLOTS,)) ** 2 * height / 10
    return tf.maximum(cell / width, 1.5)


def _contrast(draw):
    """Draw the minimum and maximum distance of a color from its backdrop."""
    faint = draw((SLOTS,)) < FAINT_SHARE
    least = tf.where(
        faint, draw((SLOTS,), 24.0, 44.0), draw((SLOTS,), 48.0, 140.0)
    )
    return tf.stack([least, tf.where(faint, least, 255.0)], -1)


def _scenery(draw, sizes, extent):
    """Draw the photographs, crops and colors of the backdrop."""
    saturation = draw((1, 1), 0.0, 1.5)
    mixing = saturation * tf.eye(3) + (1 - saturation) / 3
    mixing *= draw((1, 3), 0.6, 1.2)
    mixing *= tf.where(draw((1, 1)) < INVERTED_SHARE, -1.0, 1.0)
    photograph = draw.integers((2,), 0, len(sizes))
    return {
        "blended": draw(()) < BLENDED_SHARE,
        "blend": draw((), 0.3, 0.7),
        "photograph": photograph,
        "crop": _crop(draw, tf.gather(sizes, photograph), extent),
        "flip": draw((2,)) < 0.5,
        "mixing": mixing,  # (C, 3, 3)
        # Colors are mixed about middle gray.
        "bias": 128 + draw((3,), -40.0, 40.0) - 128 * tf.reduce_sum(mixing, 1),
    }


def _crop(draw, true, extent):
    """Draw crops of the canvas's shape: (C, 2, 4) y, x, height, width."""
    true = tf.cast(true, tf.float32)
    extent = extent[:, None]
    fit = tf.reduce_min(true / extent, -1, keepdims=True)
    size = fit * extent * draw((2, 1), 0.3, 1.0)
    corner = (true - size) * draw((2, 2))
    return tf.cast(tf.concat([corner, tf.maximum(size, 2.0)], -1), tf.int32)


def _blur(draw):
    """Draw which scenes are blurred, by a Gaussian of 0.3 to 1 pixel."""
    deviation = draw((1,), 0.3, 1.0)
    steps = tf.range(-BLUR_REACH, BLUR_REACH + 1, dtype=tf.float32)
    kernel = tf.nn.softmax(-(steps**2) / (2 * deviation**2))
    return {"blurred": draw(()) < BLURRED_SHARE, "blur": kernel}
