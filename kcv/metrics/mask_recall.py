"""Average recall of mask proposals.

P. O. Pinheiro, R. Collobert and P. Dollar, "Learning to Segment Object
Candidates", NIPS 2015, section 5: the recall of at most n proposals of an
image, averaged over IoU 0.5 to 0.95, without classes, for masks and for their
boxes.

Shapes: n objects and m proposals of an image of H x W pixels.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from kcv.metrics.mask_recall_curves import Kind
from kcv.metrics.mask_recall_curves import mask_recall_curves


def mask_average_recall(
    ground_truth: Mapping[str, Mapping[str, Any]],
    proposals: Mapping[str, Mapping[str, Any]],
    counts: Sequence[int] = (10, 100, 1000),
    kinds: Sequence[Kind] = ("segm", "bbox"),
    include_difficult: bool = False,
) -> dict[str, float]:
    """Measure how many objects the best proposals cover, by masks and boxes.

    Objects and proposals are matched one to one, in the order of the scores.
    Objects that are crowds count neither for nor against a proposal. Small and
    large objects are distinguished by the areas of their masks, 32^2 and 96^2
    pixels.

    Args:
        ground_truth: Objects `{image_id: {"masks": (n, H, W), "is_crowd": (n,)
            bool, "difficult": (n,) bool}}`, `is_crowd` and `difficult`
            optional. Masks are an array of 0 and 1 or a list of COCO's
            compressed run lengths, see `encode_masks`.
        proposals: Proposals `{image_id: {"masks": (m, H, W), "scores": (m,)}}`,
            with masks in one of the same forms. Without `scores`, the proposals
            must be in order, the best first.
        counts: Numbers of proposals of an image, increasing. Defaults to 10,
            100 and 1,000.
        kinds: "segm" compares masks, "bbox" the boxes of masks. Defaults to
            both.
        include_difficult: Whether difficult objects must be covered. If False,
            they are left out. Defaults to False.

    Returns:
        Dict of `segm_ar10`, `segm_ar10_small`, `segm_ar10_medium`,
        `segm_ar10_large` and so on for every count and kind, and of `segm_auc`
        for every kind. The latter is the area under average recall over the
        logarithm of the number of proposals, from 1 to the last count, divided
        by the length of this interval. All values are in [0, 1], or NaN if
        there is no object.

    Raises:
        ImportError: If pycocotools is not installed.
        ValueError: If proposals belong to unknown images, or objects have no
            masks, or masks have another size than those of their image.

    Example:

    >>> masks = np.zeros((2, 8, 8), np.uint8)
    >>> masks[0, :4, :4] = masks[1, 5:, 5:] = 1
    >>> found = {"a": {"masks": masks[:1]}}
    >>> recall = mask_average_recall({"a": {"masks": masks}}, found, (1, 10))
    >>> recall["segm_ar10"], recall["bbox_ar10"]
    (0.5, 0.5)
    """
    if not counts or counts[0] < 1 or list(counts) != sorted(set(counts)):
        raise ValueError(
            "`counts` must be one or more increasing positive integers. "
            f"Received: counts={tuple(counts)}"
        )
    measures = {}
    for kind in kinds:
        curves = mask_recall_curves(
            ground_truth, proposals, counts[-1], kind, include_difficult
        )
        for count in counts:
            for area, recall in curves.items():
                end = "" if area == "all" else f"_{area}"
                value = float(recall[:, count - 1].mean())
                measures[f"{kind}_ar{count}{end}"] = value
        measures[f"{kind}_auc"] = area_under_recall(curves["all"].mean(0))
    return measures


def area_under_recall(recall: np.ndarray) -> float:
    """Compute the area under recall over the logarithm of the number.

    Args:
        recall: Recall with at most 1, 2, ... proposals, (n,).

    Returns:
        Area over the logarithm, by the trapezoidal rule, divided by the length
        of the interval. If there is a single number, it is the recall.

    Example:

    >>> area_under_recall(np.array([0.25, 0.25, 0.25]))
    0.25
    """
    if len(recall) == 1:
        return float(recall[0])
    place = np.log(np.arange(1, len(recall) + 1))
    area = (np.diff(place) * (recall[1:] + recall[:-1]) / 2).sum()
    return float(area / place[-1])
