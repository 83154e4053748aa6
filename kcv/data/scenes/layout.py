"""What stands where in a scene: all random choices but the pixel noise.

Choices are drawn for a block of scenes at once, since hundreds of small draws
for each scene alone would cost more than its pixels. Block b of a seed is
always the same, so a scene depends on (split, seed, index) and nothing else.

Letters: C scenes in a block, S slots for strokes in a scene.
"""

import math

import tensorflow as tf

from kcv.data.scenes.material import Strokes

BLOCK = 64  # C
MAX_DIGITS = 6
MAX_DISTRACTORS = 4
SLOTS = MAX_DISTRACTORS + MAX_DIGITS  # S; distractors lie below the digits

EMPTY_SHARE = 0.1
HEIGHT = (1 / 8, 1 / 2)  # of the short side: 24 to 96 px of 192
ROTATION = 25 * math.pi / 180
SHEAR = 0.25
OVERLAP = 0.6  # of the smaller of two boxes
CUT_SHARE = 0.2  # may be cut by the border; the others lie inside
TRIES = 8  # positions tried for a stroke before it is left out


def draw_block(
    seed: tf.Tensor,
    block: tf.Tensor,
    *,
    short_side: int,
    digits: Strokes,
    distractors: Strokes,
    photographs: int,
) -> dict[str, tf.Tensor]:
    """Draw the layouts of one block of scenes.

    Args:
        seed: () int64, what tells this split and stream from all others.
        block: () int64, number of the block.
        short_side: of the canvas, in pixels.
        digits: what the last six slots draw from.
        distractors: what the first four slots draw from.
        photographs: how many there are to choose from.

    Returns:
        Tensors whose first dimension is C. `rendering.render` takes one row of
        them.
    """
    draw = _Draws(seed, block)
    canvas = _canvas(draw, short_side)  # (C, 2) height, width
    extent = tf.cast(canvas, tf.float32)

    # Which strokes: distractors fill the first slots, digits the others.
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
    # Fields of digits come first, those of distractors after them.
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
    centre, placed = _place(draw, half, extent[:, ::-1])
    middle = tf.stack(
        [ink[..., 0] + ink[..., 2], ink[..., 1] + ink[..., 3]], -1
    )
    return {
        "canvas": canvas,
        "present": wanted & placed,
        "field": field,
        "label": labels,
        "matrix": matrix,
        "offset": centre - tf.linalg.matvec(matrix, middle / 2),
        "height": height,
        # Where the pen's edge lies in the field: thin to bold strokes.
        "edge": draw((SLOTS,), 0.42, 0.6),
        "softness": draw((SLOTS,)) ** 2,
        "opacity": draw((SLOTS,), 0.85, 1.0),
        "colour": draw((SLOTS, 3), 0.0, 255.0),
        "contrast": tf.where(
            draw((SLOTS,)) < 0.2,
            draw((SLOTS,), 20.0, 40.0),
            draw((SLOTS,), 40.0, 140.0),
        ),
        "low_contrast": draw((SLOTS,)) < 0.2,
        "photograph": draw.integers((2,), 0, photographs),
        "crop": draw((2, 3)),
        "flip": draw((2,)) < 0.5,
        "backdrop": draw(()),
        "blend": draw((), 0.3, 0.7),
        "plain": draw((3,), 0.0, 255.0),
        "texture": draw((3,)),
        "gain": draw((3,), 0.6, 1.2),
        "bias": draw((3,), -40.0, 40.0),
        "saturation": draw((), 0.0, 1.5),
        "invert": draw(()) < 0.15,
        "backdrop_blur": draw(()),
        "noise": draw((), 0.0, 1.0) ** 2 * 16.0,
        "blur": tf.maximum(draw((), -0.8, 1.2), 0.0),
        "jpeg_quality": draw.integers((), 35, 96),
        "pixel_seed": draw.integers((2,), 0, 2**31 - 1),
    }


class _Draws:
    """Numbered streams of uniform numbers for one block."""

    def __init__(self, seed: tf.Tensor, block: tf.Tensor):
        self._seed = tf.stack([tf.cast(seed, tf.int64), block])
        self._streams = 0

    def __call__(self, shape, low=0.0, high=1.0):
        return self._uniform(shape, low, high, tf.float32)

    def integers(self, shape, low, high):
        return self._uniform(shape, low, high, tf.int32)

    def _uniform(self, shape, low, high, dtype):
        self._streams += 1
        return tf.random.stateless_uniform(
            (BLOCK, *shape),
            tf.random.fold_in(self._seed, self._streams, alg="philox"),
            low,
            high,
            dtype,
            alg="philox",
        )


def _canvas(draw: _Draws, short_side: int) -> tf.Tensor:
    """Draw sizes from 3:4 to 4:3; few distinct ones, so batches pad little."""
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
    """Choose centres one after another so that boxes overlap by 60 % at most.

    Args:
        half: (C, S, 2) half widths and heights of the boxes.
        extent: (C, 2) width and height of the canvas.

    Returns:
        Centres (C, S, 2), and (C, S) bool, whether a stroke found its place.
    """
    cut = draw((SLOTS,)) < CUT_SHARE
    # The centre of a cut stroke keeps a fifth of its half box in the canvas.
    inset = tf.where(cut[..., None], -0.8 * half, half)
    room = extent[:, None] - 2 * inset
    tries = inset[:, :, None] + room[:, :, None] * draw((SLOTS, TRIES, 2))

    centres, placed = [], []
    for slot in range(SLOTS):
        candidate = tries[:, slot]  # (C, T, 2)
        fits = tf.ones((BLOCK, TRIES), tf.bool)
        for other in range(slot):
            apart = tf.abs(candidate - centres[other][:, None])
            near = half[:, slot] + half[:, other]
            small = tf.minimum(half[:, slot], half[:, other])
            shared = tf.clip_by_value(
                near[:, None] - apart, 0.0, 2 * small[:, None]
            )
            least = tf.minimum(
                tf.reduce_prod(half[:, slot], -1),
                tf.reduce_prod(half[:, other], -1),
            )
            overlap = tf.reduce_prod(shared, -1) / (4 * least[:, None])
            fits &= (overlap <= OVERLAP) | ~placed[other][:, None]
        first = tf.argmax(fits, -1)
        centres.append(tf.gather(candidate, first, batch_dims=1))
        placed.append(tf.reduce_any(fits, -1))
    return tf.stack(centres, 1), tf.stack(placed, 1)
