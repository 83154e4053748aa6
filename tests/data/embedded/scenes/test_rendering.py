"""Masks and difficulty against a plain rendering in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.data.embedded.scenes import material
from kcv.data.embedded.scenes.layout import BLOCK
from kcv.data.embedded.scenes.layout import MAX_DISTRACTORS
from kcv.data.embedded.scenes.layout import draw_block
from kcv.data.embedded.scenes.rendering import render
from kcv.data.embedded.scenes.rendering import store

SCENES = 24
MARGIN = 100  # wide enough for the part of a digit outside the canvas


@pytest.fixture(scope="module")
def rendered():
    """Layouts and what `render` makes of them, as NumPy arrays."""
    kept = store("train", 192)
    drawn = draw_block(
        tf.constant(0, tf.int64),
        tf.constant(5, tf.int64),
        short_side=192,
        digits=material.digits("train"),
        distractors=material.distractors("train"),
        sizes=material.photographs("train").sizes,
    )
    rows = tf.data.Dataset.from_tensor_slices(drawn).take(SCENES)
    pairs = rows.map(lambda row: (row, render(row, kept)))
    return kept.fields.numpy(), list(pairs.as_numpy_iterator())


def whole_masks(layout, fields):
    """Draw each stroke alone: (S, H + 2 MARGIN, W + 2 MARGIN) bool."""
    height, width = layout["canvas"]
    grid = np.mgrid[-MARGIN : height + MARGIN, -MARGIN : width + MARGIN]
    masks = []
    for slot, present in enumerate(layout["present"]):
        if not present:
            masks.append(np.zeros(grid.shape[1:], bool))
            continue
        y, x = grid - layout["window"][slot][:2, None, None]
        a, b, c, d, e, f, *_ = layout["transform"][slot].astype(np.float64)
        across, down = a * x + b * y + c, d * x + e * y + f
        field = np.pad(fields[layout["field"][slot]], 1)
        across = np.clip(across + 1, 0, field.shape[1] - 1.001)
        down = np.clip(down + 1, 0, field.shape[0] - 1.001)
        left, top = across.astype(int), down.astype(int)
        across, down = across - left, down - top
        upper = field[top, left] * (1 - across)
        upper += field[top, left + 1] * across
        lower = field[top + 1, left] * (1 - across)
        lower += field[top + 1, left + 1] * across
        value = upper * (1 - down) + lower * down
        masks.append(value > layout["edge"][slot])
    return np.stack(masks)


def test_later_digits_occlude_earlier_ones(rendered):
    fields, pairs = rendered
    occluded = 0
    for layout, scene in pairs:
        whole = whole_masks(layout, fields)
        inside = whole[:, MARGIN:-MARGIN, MARGIN:-MARGIN]
        seen = []
        for slot in range(MAX_DISTRACTORS, len(inside)):
            visible = inside[slot] & ~inside[slot + 1 :].any(0)
            occluded += visible.sum() < inside[slot].sum()
            if visible.any():
                seen.append(visible)
        assert len(seen) == len(scene["masks"])
        for expected, mask in zip(seen, scene["masks"], strict=True):
            # A pixel on the very edge may fall either way.
            assert (expected != mask).sum() <= 2
    assert occluded > 3


def test_difficult_is_less_than_forty_per_cent_visible_or_low(rendered):
    fields, pairs = rendered
    answers = []
    for layout, scene in pairs:
        whole = whole_masks(layout, fields)[MAX_DISTRACTORS:]
        masks = scene["masks"]
        present = [mask for mask in whole if mask.any()]
        inside = [m[MARGIN:-MARGIN, MARGIN:-MARGIN] for m in present]
        areas = [m.sum() for m in present]
        for index, mask in enumerate(masks):
            # Whose visible mask it is: the one that covers it best.
            cover = [(mask & m).sum() / mask.sum() for m in inside]
            share = mask.sum() / areas[int(np.argmax(cover))]
            assert scene["share"][index] == pytest.approx(share, abs=0.05)
            y = np.nonzero(mask.any(1))[0]
            low = y.max() + 1 - y.min() < 12
            if low or abs(share - 0.4) > 0.05:
                expected = low or share < 0.4
                assert scene["difficult"][index] == expected
                answers.append(expected)
    assert len(answers) > 50
    assert {True, False} == set(answers)


def test_strokes_change_their_pixels(rendered):
    _, pairs = rendered
    contrasts = []
    for _, scene in pairs:
        image = scene["image"].astype(float)
        for mask, box in zip(scene["masks"], scene["boxes"], strict=True):
            x1, y1, x2, y2 = box.astype(int)
            part, inked = image[y1:y2, x1:x2], mask[y1:y2, x1:x2]
            if inked.all():
                continue
            away = part[inked].mean(0) - part[~inked].mean(0)
            contrasts.append(np.sqrt((away**2).mean()))
    # Sometimes low, mostly not.
    assert 10 < np.percentile(contrasts, 10) < 50
    assert 50 < np.median(contrasts) < 130


def test_a_block_holds_as_many_scenes_as_it_says(rendered):
    _, pairs = rendered
    assert len(pairs) == SCENES < BLOCK
