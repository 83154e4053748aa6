"""Random choices against the ranges that describe them."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from kcv.data.embedded.scenes import layout as layouts
from kcv.data.embedded.scenes import material


@functools.cache
def drawing():
    return tf.function(
        functools.partial(
            layouts.draw_block,
            short_side=192,
            digits=material.digits("train"),
            distractors=material.distractors("train"),
            sizes=material.photographs("train").sizes,
        )
    )


def draw(block: int, seed: int = 0) -> dict[str, np.ndarray]:
    drawn = drawing()(tf.constant(seed, tf.int64), tf.constant(block, tf.int64))
    return {key: value.numpy() for key, value in drawn.items()}


@pytest.fixture(scope="module")
def drawn() -> dict[str, np.ndarray]:
    blocks = [draw(block) for block in range(4)]
    return {k: np.concatenate([b[k] for b in blocks]) for k in blocks[0]}


def test_blocks_and_seeds_differ_and_repeat():
    one, again, other, seeded = draw(1), draw(1), draw(2), draw(1, seed=2)
    for key, value in one.items():
        np.testing.assert_array_equal(value, again[key])
    for different in (other, seeded):
        assert (one["field"] != different["field"]).mean() > 0.9


def test_slots_hold_distractors_then_digits(drawn):
    below = layouts.MAX_DISTRACTORS
    assert (drawn["label"][:, :below] == -1).all()
    digits = drawn["label"][:, below:]
    assert set(digits.ravel()) == set(range(10))
    known = len(material.digits("train").labels)
    assert (drawn["field"][:, :below] >= known).all()
    assert (drawn["field"][:, below:] < known).all()
    assert drawn["present"][:, :below].any(0).all()


def test_heights_rotation_and_shear(drawn):
    # Undo the transform: columns of its inverse are where the axes go.
    back = drawn["transform"][..., :6].reshape(-1, 2, 3)[..., :2]
    matrix = np.linalg.inv(back.astype(np.float64))
    angle = np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0])
    assert np.abs(angle).max() <= np.radians(25) + 1e-3
    assert np.abs(angle).max() > np.radians(24)
    cosine, sine = np.cos(-angle), np.sin(-angle)
    turn = np.stack(
        [np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2
    )
    upright = turn @ matrix
    shear = upright[:, 0, 1] / upright[:, 1, 1]
    assert np.abs(shear).max() <= 0.25 + 1e-3
    assert np.abs(shear).max() > 0.24

    strokes = material.digits("train")
    is_digit = drawn["label"].ravel() >= 0
    ink = strokes.ink[drawn["field"].ravel()[is_digit]]
    height = upright[is_digit, 1, 1] * (ink[:, 3] - ink[:, 1])
    assert 24 - 1e-2 <= height.min() < 26
    assert 94 < height.max() <= 96 + 1e-2
    assert np.mean(height) == pytest.approx(60, abs=2)


def test_windows_lie_in_the_canvas(drawn):
    low = drawn["window"][..., :2]
    high = low + drawn["window"][..., 2:]
    assert (low >= 0).all()
    assert (high > low).all()
    assert (high <= drawn["canvas"][:, None]).all()


def test_crops_lie_in_their_photographs(drawn):
    sizes = material.photographs("train").sizes[drawn["photograph"]]
    low, side = drawn["crop"][..., :2], drawn["crop"][..., 2:]
    assert (low >= 0).all()
    assert (side >= 2).all()
    assert (low + side <= sizes).all()
    assert set(drawn["photograph"].ravel()) == set(range(9))
