"""What the scenes are made of, and what each split may use of it."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from kcv.data.embedded.scenes import material


def test_the_last_fifth_of_each_class_is_held_out():
    train = material.digit_indices("train")
    test = material.digit_indices("test")
    assert set(train).isdisjoint(test)
    assert sorted([*train, *test]) == list(range(1797))
    with np.load(material.RAW / "strokes.npz") as raw:
        labels = raw["labels"]
    for label in range(10):
        mine = train[labels[train] == label]
        others = test[labels[test] == label]
        assert mine.max() < others.min()
        whole = len(mine) + len(others)
        assert len(mine) == whole * 4 // 5


def test_fields_keep_the_order_and_labels_of_the_digits():
    for split in ("train", "test"):
        digits = material.digits(split)
        with np.load(material.RAW / "strokes.npz") as raw:
            indices = material.digit_indices(split)
            np.testing.assert_array_equal(digits.labels, raw["labels"][indices])
            cells = raw["digits"][indices] / 16
        # The mean over the samples of a cell stays near the cell.
        shape = (len(cells), 12, 6, 12, 6)
        means = digits.fields.reshape(shape).mean((2, 4))[:, 2:-2, 2:-2]
        assert np.abs(means - cells).mean() < 0.06
        correlation = np.corrcoef(means.ravel(), cells.ravel())[0, 1]
        assert correlation > 0.99


def test_fields_equal_cubic_resizing():
    # TensorFlow's bicubic kernel is the same; it differs at the borders alone,
    # which are empty.
    with np.load(material.RAW / "strokes.npz") as raw:
        cells = raw["digits"][material.digit_indices("test")[:20]] / 16.0
    padded = np.pad(cells, ((0, 0), (2, 2), (2, 2))).astype(np.float32)
    expected = tf.image.resize(padded[..., None], (72, 72), "bicubic")[..., 0]
    fields = material.digits("test").fields[:20]
    np.testing.assert_allclose(fields, np.clip(expected, 0, 1), atol=2e-3)


def test_ink_is_the_tight_box_of_a_field():
    strokes = material.digits("test")
    for field, ink in zip(strokes.fields[:30], strokes.ink, strict=False):
        y, x = np.nonzero(field > sum(material.EDGE) / 2)
        box = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        np.testing.assert_array_equal(ink, box)


def test_no_photograph_and_no_distractor_is_in_both_splits():
    assert len(material.PHOTOGRAPHS["test"]) >= 3
    train, test = (material.photographs(s).pixels for s in ("train", "test"))
    names = material.PHOTOGRAPHS
    assert set(names["train"]).isdisjoint(names["test"])
    assert len(train) == len(names["train"])
    assert len(test) == len(names["test"])
    strokes = [material.distractors(s).fields for s in ("train", "test")]
    one, other = ({f.tobytes() for f in fields} for fields in strokes)
    assert one.isdisjoint(other)


@pytest.mark.parametrize("split", ["train", "test"])
def test_photographs_fill_their_sizes(split):
    pixels, sizes = material.photographs(split)
    for image, (height, width) in zip(pixels, sizes, strict=True):
        assert image[:height, :width].std() > 10
        assert not image[height:].any()
        assert not image[:, width:].any()


def test_raw_files_are_small_and_have_their_provenance():
    files = [f for f in Path(material.RAW).iterdir() if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 2_000_000
    provenance = (material.RAW / "PROVENANCE.md").read_text()
    for file in files:
        if file.suffix in (".jpg", ".npz"):
            assert file.name in provenance
