"""Checks of the boxes of examples, with errors that name the wrong box."""

import logging
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

_LOG = logging.getLogger(__name__)
# Annotation tools disagree about where pixels begin, and COCO rounds. A box
# that leaves its image by at most this much is clipped, not refused.
TOLERANCE = 1.0  # pixels
#: Ways to handle boxes that are empty, inverted or outside their image.
BOX_MODES = ("raise", "clip", "drop")


def check_box_mode(boxes: str) -> None:
    """Raise an error unless `boxes` is "raise", "clip" or "drop".

    Args:
        boxes: Treatment of boxes that are not inside their image.

    Raises:
        ValueError: If it is something else.
    """
    if boxes not in BOX_MODES:
        raise ValueError(
            "`boxes` must be 'raise', 'clip' or 'drop'. Received: "
            f"boxes={boxes!r}"
        )


def check_boxes(
    boxes: np.ndarray,
    labels: np.ndarray,
    *,
    classes: int,
    name: str,
    size: Sequence[int] | None = None,
    wanted: np.ndarray | None = None,
) -> np.ndarray:
    """Check the boxes of one image, and clip them to it.

    Args:
        boxes: Boxes (N, 4), absolute half-open xyxy in pixels. N may be 0.
        labels: Labels (N,), integers from 0.
        classes: Number of classes. Labels must be below it.
        name: Name of the image in error messages, such as its annotation file.
        size: Height and width of the image, in pixels. If None, the right and
            the lower border are not checked. Defaults to None.
        wanted: Which boxes to check, (N,) bool. If None, all are checked.
            Defaults to None.

    Returns:
        Boxes (N, 4) float32. A box that leaves the image by at most one pixel
        is clipped.

    Raises:
        ValueError: If a box is not finite, inverted, empty or outside, or if a
            label is out of range. The message names the image and the box.

    Example:

    >>> check_boxes([[10, 10, 50, 40]], [0], classes=1, name="cat.xml").tolist()
    [[10.0, 10.0, 50.0, 40.0]]
    """
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    labels = np.asarray(labels)
    if labels.shape != (len(boxes),):
        raise ValueError(
            f"{name}: boxes and labels must have the same number. Received: "
            f"{len(boxes)} boxes and labels of shape {labels.shape}"
        )
    checked = np.ones(len(boxes), bool) if wanted is None else wanted
    far = (np.inf, np.inf) if size is None else (size[1], size[0])
    edge = np.asarray([*far, *far], np.float32)
    kept = np.clip(boxes, 0, edge)
    problems = (
        ("is not finite", ~np.isfinite(boxes).all(1)),
        ("is inverted or empty", (boxes[:, 2:] <= boxes[:, :2]).any(1)),
        (
            "lies outside the image",
            (boxes < -TOLERANCE).any(1)
            | (boxes > edge + TOLERANCE).any(1)
            | (kept[:, 2:] <= kept[:, :2]).any(1),
        ),
    )
    for problem, wrong in problems:
        bad = wrong & checked
        if bad.any():
            number = int(bad.argmax())
            of_size = "" if size is None else f" of {size[1]}x{size[0]} pixels"
            raise ValueError(
                f"{name}{of_size}: box {number} {boxes[number].tolist()} "
                f"(x1, y1, x2, y2, half-open) {problem}"
            )
    bad = (labels < 0) | (labels >= classes)
    if bad.any():
        number = int(bad.argmax())
        raise ValueError(
            f"{name}: box {number} has label {labels[number]}. Labels are from "
            f"0 to {classes - 1}"
        )
    return kept


def validate(
    dataset: tf.data.Dataset, classes: int, boxes: str = "raise"
) -> tf.data.Dataset:
    """Check the boxes of every example against its image, and clip them.

    This is for what `check_boxes` cannot check: datasets that are not in
    memory, images whose size is known only after decoding, and a user's own
    proposals.

    Args:
        dataset: Dataset of single examples with `images`, `bounding_boxes` and
            `image_id`, with or without `proposals`.
        classes: Number of classes.
        boxes: "raise" an error at a box that is empty, inverted or outside its
            image; "clip" boxes to the image and leave out those of which
            nothing remains; or "drop" all of these boxes. The number of boxes
            that are left out is logged. Proposals are always checked. Defaults
            to "raise".

    Returns:
        The dataset. Its iteration raises `InvalidArgumentError`, naming the
        image and the box, where `check_boxes` raises `ValueError`.

    Example:

    ```python
    dataset = kcv.data.validate(dataset, classes=20)
    ```
    """
    check_box_mode(boxes)
    if boxes != "raise":
        filter_boxes = _Filter(boxes)
        dataset = dataset.map(filter_boxes)
    return dataset.map(
        lambda example: _checked(example, classes),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


class _Filter:
    """Clip or drop the wrong boxes of examples, and count those left out."""

    def __init__(self, boxes):
        self.boxes = boxes
        self.left_out = 0

    def __call__(self, example):
        boxes = example["bounding_boxes"]["boxes"]
        size = tf.cast(tf.shape(example["images"])[:2], tf.float32)
        edge = tf.concat([size[::-1], size[::-1]], 0)
        inside = tf.clip_by_value(boxes, 0.0, edge)
        finite = tf.reduce_all(tf.math.is_finite(boxes), 1)
        good = tf.reduce_all(boxes[:, 2:] > boxes[:, :2], 1)
        good &= tf.reduce_all(inside[:, 2:] > inside[:, :2], 1)
        if self.boxes == "drop":
            near = (boxes >= -TOLERANCE) & (boxes <= edge + TOLERANCE)
            good &= finite & tf.reduce_all(near, 1)
        else:
            boxes = tf.where(finite[:, None], inside, boxes)
            good |= ~finite  # not left out, so that they raise an error
        bad = tf.reduce_sum(tf.cast(~good, tf.int64))
        noted = tf.cond(
            bad > 0,
            lambda: tf.numpy_function(self._note, [bad], tf.int64),
            lambda: bad,
        )
        with tf.control_dependencies([noted]):
            kept = {
                key: tf.boolean_mask(example[key], good)
                for key in ("difficult", "is_crowd", "instance_masks")
                if key in example
            }
            bounding_boxes = {
                **example["bounding_boxes"],
                "boxes": tf.boolean_mask(boxes, good),
                "labels": tf.boolean_mask(
                    example["bounding_boxes"]["labels"], good
                ),
            }
        return {**example, **kept, "bounding_boxes": bounding_boxes}

    def _note(self, count):
        before, self.left_out = self.left_out, self.left_out + int(count)
        # A stream may repeat forever, so log whenever the number has doubled.
        if before.bit_length() != self.left_out.bit_length():
            _LOG.warning(
                "%d boxes are left out so far, because they are empty, "
                "inverted or outside their image (boxes=%r).",
                self.left_out,
                self.boxes,
            )
        return np.int64(count)


def _checked(example, classes):
    boxes = _checked_boxes(example, "box", example["bounding_boxes"]["boxes"])
    labels = example["bounding_boxes"]["labels"]
    good_label = (labels >= 0) & (labels < classes)
    check = tf.debugging.Assert(
        tf.reduce_all(good_label),
        [
            "image",
            example["image_id"],
            "box",
            tf.argmax(tf.cast(~good_label, tf.int32)),
            "has label",
            tf.gather(labels, tf.where(~good_label)[:1, 0]),
            "number of classes",
            classes,
        ],
    )
    with tf.control_dependencies([check]):
        boxes = tf.identity(boxes)
    bounding_boxes = {**example["bounding_boxes"], "boxes": boxes}
    example = {**example, "bounding_boxes": bounding_boxes}
    if "proposals" in example:
        example["proposals"] = _checked_boxes(
            example, "proposal", example["proposals"]
        )
    return example


def _checked_boxes(example, what, boxes):
    """Clip the boxes of an example to its image."""
    size = tf.cast(tf.shape(example["images"])[:2], tf.float32)
    edge = tf.concat([size[::-1], size[::-1]], 0)
    kept = tf.clip_by_value(boxes, 0.0, edge)
    # Written so that NaN is not good.
    good = (
        (boxes[:, 2:] > boxes[:, :2])
        & (kept[:, 2:] > kept[:, :2])
        & (boxes[:, :2] >= -TOLERANCE)
        & (boxes[:, 2:] <= edge[2:] + TOLERANCE)
    )
    good = tf.reduce_all(good, 1)
    check = tf.debugging.Assert(
        tf.reduce_all(good),
        [
            "image",
            example["image_id"],
            what,
            tf.argmax(tf.cast(~good, tf.int32)),
            tf.gather(boxes, tf.where(~good)[:1, 0]),
            "is not finite, inverted, empty, or outside the image of "
            "height and width",
            size,
        ],
    )
    with tf.control_dependencies([check]):
        return tf.identity(kept)
