"""Classes are counted as reading all examples would count them."""

import numpy as np
import pytest

import kcv
from kcv.data.sources import class_counts
from kcv.data.sources.class_counts import count_classes


def count(labels, classes):
    return np.bincount([int(label) for label in labels], minlength=classes)


def test_the_digits_that_are_held_back_are_not_counted():
    for part in (0.0, 0.2):
        found = kcv.data.load_classification("digits", validation=part)
        expected = count((x["labels"] for x in found.dataset), 10)
        counts = count_classes(
            "classification", "digits", "train", 10, validation=part
        )
        assert counts["training images"].tolist() == expected.tolist()
    held_out = kcv.data.load_classification("digits", "test").dataset
    expected = count((x["labels"] for x in held_out), 10)
    # The held-out part has nothing that is held back for validation.
    counts = count_classes(
        "classification", "digits", "test", 10, validation=0.2
    )
    assert counts["held-out images"].tolist() == expected.tolist()


def test_digit_scenes_are_counted_without_their_pixels(monkeypatch):
    monkeypatch.setattr(class_counts, "_SCENES", 3)
    labels = [np.array(own, int) for own in ([4, 4, 0], [], [4])]
    monkeypatch.setattr(class_counts, "drawn_labels", lambda *given: labels)
    counts = count_classes("detection", "digit_scenes", "train", 10)
    assert counts["digits in 3 training scenes"].tolist() == [
        *(1, 0, 0, 0, 3),
        *(0, 0, 0, 0, 0),
    ]
    counts = count_classes("segmentation", "digit_scenes", "test", 11)
    assert counts["images of 3 held-out scenes"].tolist() == [
        *(3, 1, 0, 0, 0, 2),
        *(0, 0, 0, 0, 0),
    ]


@pytest.mark.parametrize(
    ("task", "source"),
    [("classification", "imagenet2012"), ("masks", "digit_scenes")],
)
def test_what_would_take_long_is_not_counted(task, source):
    assert count_classes(task, source, "train", 10) == {}
