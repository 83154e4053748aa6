"""The two dictionaries that every detection metric reads, checked once.

    ground_truth = {image_id: {"boxes": (n, 4), "labels": (n,),
                               "difficult": (n,) bool,      # optional
                               "is_crowd": (n,) bool}}      # optional
    detections = {image_id: {"boxes": (m, 4), "scores": (m,),
                             "labels": (m,)}}

Boxes are xyxy pixels, half-open (width = x2 - x1). Labels count from 0 and no
label stands for padding or background. An image of the ground truth without
an entry in the detections has none.

Image ids travel with the boxes, and images are read in the order of their ids:
the order of a dataset cannot move a figure, not even by a tie of scores between
two images.
"""

from collections.abc import Hashable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Boxes = Mapping[Hashable, Mapping[str, Any]]


class Truth(NamedTuple):
    """Objects of one image.

    Attributes:
        boxes: Boxes (n, 4) float64.
        labels: Labels (n,) int64.
        difficult: Whether an object is difficult, (n,) bool.
        is_crowd: Whether an object is a crowd, (n,) bool.
    """

    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray
    is_crowd: np.ndarray


class Found(NamedTuple):
    """Detections of one image.

    Attributes:
        boxes: Boxes (m, 4) float64.
        scores: Scores (m,) float64.
        labels: Labels (m,) int64.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def read_boxes(value: ArrayLike, where: str) -> np.ndarray:
    """Convert boxes to float64 and check them.

    Args:
        value: Boxes, array-like (n, 4), or empty.
        where: Place of the boxes, for error messages.

    Returns:
        Boxes (n, 4) float64.

    Raises:
        ValueError: If the shape is another, a number is not finite, or a side
            is negative.
    """
    boxes = np.asarray(value, np.float64)
    if boxes.size == 0:
        return np.zeros((0, 4))
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{where}: boxes must be (n, 4), got {boxes.shape}")
    wrong = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] < boxes[:, :2]).any(
        axis=1
    )
    if wrong.any():
        index = int(np.argmax(wrong))
        raise ValueError(
            f"{where}: box {index} is {boxes[index].tolist()}; boxes must be "
            "finite with x1 <= x2 and y1 <= y2"
        )
    return boxes


def read_masks(values: ArrayLike, name: str) -> np.ndarray:
    """Convert masks to bool and check them.

    Scores between 0 and 1 are not accepted, since all of them would become
    True.

    Args:
        values: Masks, array-like (n, H, W) of bool or of 0 and 1.
        name: Name of the argument, for error messages.

    Returns:
        Masks (n, H, W) bool.

    Raises:
        ValueError: If the shape is another, or a value is not 0 or 1.
    """
    masks = np.asarray(values)
    if masks.ndim != 3 and masks.size:
        raise ValueError(
            f"`{name}` must be masks (n, H, W). Received: {name}.shape="
            f"{masks.shape}"
        )
    if masks.dtype != bool and not ((masks == 0) | (masks == 1)).all():
        raise ValueError(
            f"`{name}` must be 0 and 1, or bool: compare scores with a "
            f"threshold first. Received: values from {masks.min()} to "
            f"{masks.max()}"
        )
    return masks.astype(bool, copy=False)


def read_column(
    value: ArrayLike, name: str, dtype: type, length: int, where: str
) -> np.ndarray:
    """Convert the numbers of the boxes of an image, and check them.

    Args:
        value: Numbers, array-like (length,).
        name: Name of the numbers, for error messages.
        dtype: Type that they are converted to, such as `np.int64`.
        length: Number of boxes.
        where: Place of the numbers, for error messages.

    Returns:
        Array (length,) of the type.

    Raises:
        ValueError: If the shape is another, or a number changes its value when
            it is converted.
    """
    given = np.asarray(value)
    if given.shape != (length,) and (given.size or length):
        raise ValueError(
            f"{where}: {name} must be ({length},) like its boxes, "
            f"got {given.shape}"
        )
    column = given.reshape(length).astype(dtype)
    if not np.array_equal(column, given.reshape(length)):
        raise ValueError(
            f"{where}: {name} must be numbers of type {dtype.__name__}, "
            f"got {given}"
        )
    return column


def read_ground_truth(
    ground_truth: Boxes, classes: int | None = None
) -> dict[Hashable, Truth]:
    """Check the ground truth of images.

    Args:
        ground_truth: Dict from image ids to dicts of `boxes` (n, 4), `labels`
            (n,) and optionally `difficult` and `is_crowd` (n,).
        classes: Number of classes, which labels must be below. If None, any
            label is accepted. Defaults to None.

    Returns:
        Objects of each image, in the order of the image ids.
    """
    return {
        image_id: _read_truth(
            ground_truth[image_id], f"ground_truth[{image_id!r}]", classes
        )
        for image_id in sorted(ground_truth, key=str)
    }


def read_detections(
    detections: Boxes,
    truth: Mapping[Hashable, Truth],
    classes: int | None = None,
) -> dict[Hashable, Found]:
    """Check the detections of images.

    Args:
        detections: Dict from image ids to dicts of `boxes` (m, 4), `scores`
            (m,) and `labels` (m,).
        truth: Objects of each image, as `read_ground_truth` returns them.
        classes: Number of classes, which labels must be below. If None, any
            label is accepted. Defaults to None.

    Returns:
        Detections of each image of `truth`. An image without an entry has none.

    Raises:
        ValueError: If an image is not in the ground truth, or its detections
            are not as above.
    """
    unknown = [image_id for image_id in detections if image_id not in truth]
    if unknown:
        raise ValueError(
            f"detections of {len(unknown)} images that are not in the ground "
            f"truth, the first is {unknown[0]!r}; an image without objects "
            "needs an entry with zero boxes there"
        )
    nothing = {"boxes": (), "scores": (), "labels": ()}
    return {
        image_id: _read_found(
            detections.get(image_id, nothing),
            f"detections[{image_id!r}]",
            classes,
        )
        for image_id in truth
    }


def _read_truth(entry, where, classes) -> Truth:
    boxes = read_boxes(entry["boxes"], where)
    n = len(boxes)
    flags = {
        name: read_column(entry.get(name, [False] * n), name, bool, n, where)
        for name in ("difficult", "is_crowd")
    }
    labels = _read_labels(entry["labels"], n, where, classes)
    return Truth(boxes, labels, **flags)


def _read_found(entry, where, classes) -> Found:
    boxes = read_boxes(entry["boxes"], where)
    scores = read_column(
        entry["scores"], "scores", np.float64, len(boxes), where
    )
    labels = _read_labels(entry["labels"], len(boxes), where, classes)
    return Found(boxes, scores, labels)


def _read_labels(value, length, where, classes) -> np.ndarray:
    labels = read_column(value, "labels", np.int64, length, where)
    if length and labels.min() < 0:
        raise ValueError(
            f"{where}: label {labels.min()} is padding; remove padded boxes "
            "first (kcv.metrics.collect_detections does)"
        )
    if classes is not None and length and labels.max() >= classes:
        raise ValueError(
            f"{where}: label {labels.max()} with classes={classes}; labels "
            "count from 0"
        )
    return labels
