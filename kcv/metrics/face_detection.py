"""Figures of face detection: recall over false positives, and FDDB's scores.

Jain and Learned-Miller, "FDDB: A Benchmark for Face Detection in Unconstrained
Settings", 2010. FDDB's faces are ellipses. Detections and faces of an image are
matched one to one such that the sum of their overlaps is largest. The discrete
score counts the pairs whose overlap is above one half, the continuous score is
the sum of all overlaps.

Shapes: N faces, M detections of an image, T thresholds.
"""

from collections.abc import Hashable
from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import numpy as np

from kcv.extras import describe_installation
from kcv.metrics.forms import Boxes
from kcv.metrics.forms import read_boxes
from kcv.metrics.forms import read_column
from kcv.metrics.voc import precision_recall


class FalsePositiveCurve(NamedTuple):
    """Recall over the number of false positives, by falling score.

    Attributes:
        false_positives: False positives per image (T,) float64.
        recall: Share of the faces that are found (T,) float64.
        scores: Score of the detection at each point (T,) float64.
    """

    false_positives: np.ndarray
    recall: np.ndarray
    scores: np.ndarray

    def recall_at(self, false_positives: float) -> float:
        """Return the highest recall with at most so many false positives.

        Args:
            false_positives: False positives per image. Non-negative float.

        Returns:
            The recall in [0, 1]. 0 where each threshold has more.
        """
        allowed = self.false_positives <= false_positives
        return float(self.recall[allowed].max(initial=0.0))


def recall_over_false_positives(
    ground_truth: Boxes, detections: Boxes, iou: float = 0.5
) -> FalsePositiveCurve:
    """Measure the recall of faces over the false positives per image.

    A detection is right if its IoU with a face is at least `iou` and no
    detection of a higher score found that face. Difficult faces do not count.

    Args:
        ground_truth: Dict from image id to a dict of `boxes` (N, 4) xyxy in
            pixels, `labels` (N,), which are 0, and optionally `difficult`
            (N,) bool.
        detections: Dict from image id to a dict of `boxes` (M, 4), `scores`
            (M,) and `labels` (M,), without padding.
        iou: IoU that makes a detection right. Float in (0, 1]. Defaults to 0.5.

    Returns:
        The `FalsePositiveCurve`.

    Raises:
        ValueError: If boxes are malformed, or a detection is of an image that
            the ground truth does not have.

    Example:

    >>> faces = {"a": {"boxes": [[0, 0, 9, 9]], "labels": [0]}}
    >>> found = {"a": {"boxes": [[20, 20, 29, 29], [0, 0, 9, 8]],
    ...                "scores": [0.9, 0.8], "labels": [0, 0]}}
    >>> curve = recall_over_false_positives(faces, found)
    >>> curve.recall_at(0), curve.recall_at(1)
    (0.0, 1.0)
    """
    curve = precision_recall(ground_truth, detections, iou, classes=1)[0]
    found = np.arange(1, len(curve.scores) + 1)
    right = np.round(curve.precision * found)
    return FalsePositiveCurve(
        (found - right) / max(len(ground_truth), 1),
        curve.recall,
        curve.scores,
    )


class FDDBCurves(NamedTuple):
    """FDDB's two curves.

    Attributes:
        false_positives: Number of false positives of all images (T,) int64.
        discrete: Share of the faces whose detection overlaps them by more than
            one half (T,) float64.
        continuous: Sum of the overlaps over the number of faces (T,) float64.
        scores: Threshold of each point (T,) float64, falling.
    """

    false_positives: np.ndarray
    discrete: np.ndarray
    continuous: np.ndarray
    scores: np.ndarray


def fddb_scores(
    ground_truth: Mapping[Hashable, Mapping[str, Any]],
    detections: Mapping[Hashable, Mapping[str, Any]],
    stretch: float = 0.0,
) -> FDDBCurves:
    """Compute the discrete and the continuous score of FDDB.

    At each threshold, the detections that reach it are matched with the faces
    of their image by a maximum-weight matching. A detection is a false positive
    if it is not matched, or overlaps its face by one half or less.

    Overlaps are counted on the grid of pixels, as in the benchmark's program.

    Args:
        ground_truth: Dict from image id to a dict of `ellipses` (N, 5): half
            axes (long, short) in pixels, angle of the long one with the x axis
            in radians, and center (x, y), see `kcv.data.read_fddb`.
        detections: Dict from image id to a dict of `boxes` (M, 4) xyxy in
            pixels and `scores` (M,). Images without an entry have none.
        stretch: Share of its height by which each box grows, half of it
            upwards and half of it downwards. Li et al. (2015) use 0.2, since
            ellipses of faces are higher than square windows. Non-negative
            float. Defaults to 0.

    Returns:
        The `FDDBCurves`.

    Raises:
        ValueError: If an array is malformed, there is no face, or a detection
            is of an image that the ground truth does not have.
        ImportError: If SciPy is not installed.

    Example:

    >>> faces = {"a": {"ellipses": [[20.0, 15.0, 1.5708, 30.0, 30.0]]}}
    >>> found = {"a": {"boxes": [[15, 10, 45, 50]], "scores": [0.9]}}
    >>> fddb_scores(faces, found).discrete.tolist()
    [1.0]
    """
    if not stretch >= 0:
        raise ValueError(
            f"`stretch` must not be negative. Received: stretch={stretch}"
        )
    unknown = [name for name in detections if name not in ground_truth]
    if unknown:
        raise ValueError(
            "`detections` must be of images of the ground truth. Received: "
            f"{len(unknown)} others, the first is {unknown[0]!r}"
        )
    faces, images = 0, []
    for image_id, entry in ground_truth.items():
        ellipses = np.asarray(entry["ellipses"], "float64").reshape(-1, 5)
        faces += len(ellipses)
        found = detections.get(image_id, {"boxes": (), "scores": ()})
        where = f"detections[{image_id!r}]"
        boxes = stretch_boxes(read_boxes(found["boxes"], where), stretch)
        scores = read_column(
            found["scores"], "scores", np.float64, len(boxes), where
        )
        if len(scores):
            images.append((scores, ellipse_iou(ellipses, boxes)))
    if not faces:
        raise ValueError("`ground_truth` must have a face. Received: none")
    return _curves(images, faces)


def stretch_boxes(boxes: np.ndarray, stretch: float) -> np.ndarray:
    """Make boxes higher about their centers.

    Args:
        boxes: Boxes (N, 4), xyxy in pixels.
        stretch: Share of its height by which each box grows.

    Returns:
        Boxes (N, 4) float64, xyxy in pixels.

    Example:

    >>> stretch_boxes([[0.0, 10, 10, 20]], 0.2).tolist()
    [[0.0, 9.0, 10.0, 21.0]]
    """
    boxes = np.array(boxes, "float64").reshape(-1, 4)
    more = 0.5 * stretch * (boxes[:, 3] - boxes[:, 1])
    boxes[:, 1] -= more
    boxes[:, 3] += more
    return boxes


def ellipse_iou(ellipses: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Compute the IoU of ellipses and boxes on the grid of pixels.

    Args:
        ellipses: Ellipses (N, 5): half axes (long, short) in pixels, angle of
            the long one with the x axis in radians, center (x, y).
        boxes: Boxes (M, 4), xyxy in pixels.

    Returns:
        IoUs (N, M) float64 in [0, 1].

    Example:

    >>> circle = [[10.0, 10.0, 0.0, 20.0, 20.0]]
    >>> float(ellipse_iou(circle, [[10, 10, 30, 30]]).round(2)[0, 0])
    0.79
    """
    ellipses = np.asarray(ellipses, "float64").reshape(-1, 5)
    boxes = np.asarray(boxes, "float64").reshape(-1, 4)
    # A pixel belongs to a box if its center does.
    low, high = np.ceil(boxes[:, :2] - 0.5), np.ceil(boxes[:, 2:] - 0.5)
    areas = np.prod(np.maximum(high - low, 0.0), axis=1)
    values = np.zeros((len(ellipses), len(boxes)))
    for row, (long, short, angle, x, y) in enumerate(ellipses):
        reach = int(np.ceil(long)) + 1
        left, top = np.floor([x, y]).astype(int) - reach
        grid = np.arange(2 * reach + 1) + 0.5
        dx, dy = (left + grid - x)[None], (top + grid - y)[:, None]
        along = dx * np.cos(angle) + dy * np.sin(angle)
        across = dy * np.cos(angle) - dx * np.sin(angle)
        inside = (along / long) ** 2 + (across / short) ** 2 <= 1
        # Number of pixels of the ellipse above and left of each corner.
        table = np.zeros((2 * reach + 2, 2 * reach + 2))
        table[1:, 1:] = inside.cumsum(0).cumsum(1)
        first = np.clip(low - [left, top], 0, 2 * reach + 1).astype(int)
        last = np.clip(high - [left, top], 0, 2 * reach + 1).astype(int)
        both = (
            table[last[:, 1], last[:, 0]]
            - table[first[:, 1], last[:, 0]]
            - table[last[:, 1], first[:, 0]]
            + table[first[:, 1], first[:, 0]]
        )
        both = np.where((last > first).all(axis=1), both, 0.0)
        either = table[-1, -1] + areas - both
        values[row] = both / np.maximum(either, 1.0)
    return values


def _curves(images, faces) -> FDDBCurves:
    """Add up what each image contributes at each threshold."""
    every = np.concatenate([np.zeros(0), *(scores for scores, _ in images)])
    thresholds = np.unique(every)[::-1]
    changes = np.zeros((3, len(thresholds)))
    for scores, overlaps in images:
        before = np.zeros(3)
        for threshold in np.unique(scores)[::-1]:
            kept = scores >= threshold
            pairs = _matched(overlaps[:, kept])
            hits = np.sum(pairs > 0.5)
            now = np.array([kept.sum() - hits, hits, pairs.sum()])
            # Thresholds fall, so that this one begins at its first place.
            place = np.searchsorted(-thresholds, -threshold)
            changes[:, place] += now - before
            before = now
    wrong, discrete, continuous = np.cumsum(changes, axis=1)
    return FDDBCurves(
        np.round(wrong).astype("int64"),
        discrete / faces,
        continuous / faces,
        thresholds,
    )


def _matched(overlaps: np.ndarray) -> np.ndarray:
    """Overlaps of the pairs of the matching with the largest sum."""
    try:
        from scipy.optimize import linear_sum_assignment
    except ImportError as error:
        raise ImportError(
            f"FDDB's scores need SciPy. {describe_installation('faces')}"
        ) from error
    rows, columns = linear_sum_assignment(overlaps, maximize=True)
    return overlaps[rows, columns]
