"""Recall of every number of mask proposals, by the evaluator of COCO.

Shapes: n objects and m proposals of an image of H x W pixels.
"""

import contextlib
import io
from collections.abc import Mapping
from typing import Any
from typing import Literal

import numpy as np

from kcv.metrics.mask_codes import encode_masks
from kcv.metrics.mask_codes import mask_api

Kind = Literal["segm", "bbox"]
_KINDS = ("segm", "bbox")
# Limits of the areas of small, medium and large objects, in pixels.
_AREAS = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}


def mask_recall_curves(
    ground_truth: Mapping[str, Mapping[str, Any]],
    proposals: Mapping[str, Mapping[str, Any]],
    max_proposals: int = 1000,
    kind: Kind = "segm",
    include_difficult: bool = False,
) -> dict[str, np.ndarray]:
    """Compute the recall of every number of proposals.

    Args:
        ground_truth: Objects by image, see `mask_average_recall`.
        proposals: Proposals by image, see `mask_average_recall`.
        max_proposals: Largest number of proposals of an image. Defaults to
            1000.
        kind: "segm" compares masks, "bbox" the boxes of masks. Defaults to
            "segm".
        include_difficult: Whether difficult objects must be covered. Defaults
            to False.

    Returns:
        Dict of "all", "small", "medium" and "large": recall (10,
        max_proposals) float64 at IoU 0.5, 0.55, ..., 0.95 with at most 1, 2,
        ... proposals of an image, NaN where there is no object.

    Raises:
        ImportError: If pycocotools is not installed.
        ValueError: If `kind` is unknown, proposals belong to unknown images, or
            masks are wrong.

    Example:

    >>> masks = np.ones((1, 8, 8), np.uint8)
    >>> curves = mask_recall_curves({"a": {"masks": masks}}, {}, 2)
    >>> curves["all"].shape, float(curves["all"].max())
    ((10, 2), 0.0)
    """
    if kind not in _KINDS:
        raise ValueError(
            f"`kind` must be one of {_KINDS}. Received: kind={kind!r}"
        )
    unknown = [
        image_id for image_id in proposals if image_id not in ground_truth
    ]
    if unknown:
        raise ValueError(
            f"`proposals` has {len(unknown)} images that are not in the ground "
            f"truth. The first is {unknown[0]!r}"
        )
    evaluator = _evaluate(
        _annotations(ground_truth, "ground_truth", include_difficult),
        _annotations(
            {key: proposals.get(key, {"masks": ()}) for key in ground_truth},
            "proposals",
            True,
        ),
        len(ground_truth),
        max_proposals,
        kind,
    )
    images = evaluator.evalImgs
    per_area = len(ground_truth)
    return {
        area: _recall(
            images[number * per_area : (number + 1) * per_area], max_proposals
        )
        for number, area in enumerate(_AREAS)
    }


def _annotations(images, argument, include_difficult) -> list[dict[str, Any]]:
    """List masks in the form of COCO, images counted from 1."""
    api = mask_api()
    listed: list[dict[str, Any]] = []
    for number, (image_id, entry) in enumerate(images.items(), start=1):
        where = f"{argument}[{image_id!r}]"
        if "masks" not in entry:
            raise ValueError(
                f"`{argument}` must have masks for every image. Received: "
                f"{where} with {sorted(entry)}"
            )
        masks = entry["masks"]
        if not isinstance(masks, list):
            masks = encode_masks(masks)
        sizes = {tuple(mask["size"]) for mask in masks}
        if len(sizes) > 1:
            raise ValueError(
                f"`{argument}` must have masks of the size of their image. "
                f"Received: {where} with masks of the sizes {sorted(sizes)}"
            )
        crowd = np.zeros(len(masks), bool)
        crowd = np.asarray(entry.get("is_crowd", crowd), bool)
        left_out = np.asarray(entry.get("difficult", 0 * crowd), bool)
        # Without scores, the first one is the best.
        scores = np.asarray(entry.get("scores", -np.arange(len(masks))))
        lengths = {len(crowd), len(left_out), len(scores)}
        if lengths != {len(masks)}:
            raise ValueError(
                f"`{argument}` must have as many entries as masks. Received: "
                f"{where} with {len(masks)} masks and columns of {lengths}"
            )
        if not masks:
            continue
        areas, boxes = api.area(masks), api.toBbox(masks)
        for n, mask in enumerate(masks):
            if left_out[n] and not include_difficult:
                continue
            listed.append(
                {
                    "id": len(listed) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": mask,
                    "bbox": boxes[n].tolist(),
                    "area": float(areas[n]),
                    "iscrowd": int(crowd[n]),
                    "score": float(scores[n]),
                }
            )
    return listed


def _evaluate(objects, results, images, max_proposals, kind):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # It reports by printing.
        sides = []
        for annotations in (objects, results):
            side = COCO()
            # Sizes of images are read, and not used with run lengths.
            size = {"height": 0, "width": 0}
            side.dataset = {
                "images": [{"id": n, **size} for n in range(1, images + 1)],
                "categories": [{"id": 1}],
                "annotations": annotations,
            }
            side.createIndex()
            sides.append(side)
        evaluator = COCOeval(*sides, iouType=kind)
        evaluator.params.useCats = 0
        evaluator.params.maxDets = [max_proposals]
        evaluator.params.areaRng = [list(limits) for limits in _AREAS.values()]
        evaluator.params.areaRngLbl = [*_AREAS]
        evaluator.evaluate()
    return evaluator


def _recall(images, max_proposals) -> np.ndarray:
    """Recall over IoU and number, from the matches of the evaluator.

    Proposals are matched in the order of their scores, so the matches of the
    first n do not depend on those behind.
    """
    hits = np.zeros((10, max_proposals))
    objects = 0
    for image in images:
        if image is None:
            continue
        objects += (np.asarray(image["gtIgnore"]) == 0).sum()
        matched = (image["dtMatches"] > 0) & ~image["dtIgnore"].astype(bool)
        hits[:, : matched.shape[1]] += matched
    if not objects:
        return np.full_like(hits, np.nan)
    return hits.cumsum(1) / objects
