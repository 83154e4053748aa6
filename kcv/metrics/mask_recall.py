"""Average recall of mask proposals, by the evaluator of COCO.

P. O. Pinheiro, R. Collobert and P. Dollar, "Learning to Segment Object
Candidates", NIPS 2015, section 5: the recall of at most n proposals of an
image, averaged over IoU 0.5 to 0.95, without classes, for masks and for their
boxes.

Shapes: n objects and m proposals of an image of H x W pixels.
"""

import contextlib
import io
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Literal

import numpy as np

Kind = Literal["segm", "bbox"]
_KINDS = ("segm", "bbox")
# Limits of the areas of small, medium and large objects, in pixels.
_AREAS = {
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}


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
    large objects are told apart by the areas of their masks, 32^2 and 96^2
    pixels.

    Args:
        ground_truth: Objects `{image_id: {"masks": (n, H, W), "is_crowd": (n,)
            bool, "difficult": (n,) bool}}`, `is_crowd` and `difficult`
            optional. Masks are an array of 0 and 1 or a list of COCO's
            compressed run lengths, see `encode_masks`.
        proposals: Proposals `{image_id: {"masks": (m, H, W), "scores": (m,)}}`,
            with masks in one of the same forms. Without `scores` they must
            stand in order, the best first.
        counts: Numbers of proposals of an image, increasing. Defaults to 10,
            100 and 1,000.
        kinds: "segm" compares masks, "bbox" the boxes of masks. Defaults to
            both.
        include_difficult: Whether difficult objects must be covered. Defaults
            to False: they are left out.

    Returns:
        Dict of `segm_ar10`, `segm_ar10_small`, `_medium`, `_large` and so on
        for every count and kind, and of `segm_auc`: the area under average
        recall over the logarithm of the number of proposals, from 1 to the
        last count, over the length of this interval. All in [0, 1], NaN where
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
        ValueError: If `kind` is neither, proposals belong to unknown images,
            or masks are wrong.

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


def area_under_recall(recall: np.ndarray) -> float:
    """Compute the area under recall over the logarithm of the number.

    Args:
        recall: Recall with at most 1, 2, ... proposals, (n,).

    Returns:
        Area by trapezoids over the logarithm, divided by its span. With a
        single number, its recall.

    Example:

    >>> area_under_recall(np.array([0.25, 0.25, 0.25]))
    0.25
    """
    if len(recall) == 1:
        return float(recall[0])
    place = np.log(np.arange(1, len(recall) + 1))
    area = (np.diff(place) * (recall[1:] + recall[:-1]) / 2).sum()
    return float(area / place[-1])


def encode_masks(masks: np.ndarray) -> list[dict[str, Any]]:
    """Convert masks to COCO's compressed run lengths.

    Args:
        masks: Masks (n, H, W) of 0 and 1, or of bool.

    Returns:
        List of n dicts of `size` and `counts`.

    Raises:
        ImportError: If pycocotools is not installed.

    Example:

    >>> encode_masks(np.ones((1, 2, 3), bool))[0]["size"]
    [2, 3]
    """
    masks = np.asarray(masks)
    if not len(masks):
        return []
    by_column = np.asfortranarray(np.moveaxis(masks, 0, -1).astype(np.uint8))
    return _mask_api().encode(by_column)


def decode_masks(masks: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Convert COCO's compressed run lengths to masks.

    Args:
        masks: Sequence of dicts of `size` and `counts`, at least one.

    Returns:
        Masks (n, H, W) of bool.

    Raises:
        ImportError: If pycocotools is not installed.

    Example:

    >>> mask = np.eye(3) > 0
    >>> bool((decode_masks(encode_masks(mask[None]))[0] == mask).all())
    True
    """
    return np.moveaxis(_mask_api().decode(list(masks)), -1, 0).astype(bool)


def mask_iou(masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Compute the IoU of each mask with its own truth.

    Args:
        masks: Masks (n, H, W) of bool.
        truth: Masks (n, H, W) of bool.

    Returns:
        IoU (n,) float64, 0 where both are empty.

    Raises:
        ValueError: If the shapes differ.

    Example:

    >>> mask = np.arange(4).reshape(1, 2, 2)
    >>> mask_iou(mask < 2, mask < 3).round(3)
    array([0.667])
    """
    masks, truth = np.asarray(masks, bool), np.asarray(truth, bool)
    if masks.shape != truth.shape:
        raise ValueError(
            "`masks` and `truth` must have the same shape. Received: "
            f"masks.shape={masks.shape}, truth.shape={truth.shape}"
        )
    both = (masks & truth).sum((1, 2))
    either = (masks | truth).sum((1, 2))
    return both / np.maximum(either, 1)


def patch_measures(masks: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Measure the masks of patches as the authors of DeepMask do.

    Args:
        masks: Masks (n, M, M) of bool.
        truth: Masks (n, M, M) of bool.

    Returns:
        Dict of `mean_iou`, `median_iou`, and the shares of the masks with at
        least an IoU of 0.5 and 0.7, `iou_50` and `iou_70`.

    Raises:
        ValueError: If there is no mask, or the shapes differ.

    Example:

    >>> mask = np.arange(4).reshape(1, 2, 2)
    >>> patch_measures(mask < 2, mask < 3)["iou_50"]
    1.0
    """
    if not len(masks):
        raise ValueError("`masks` must not be empty. Received: no mask")
    iou = mask_iou(masks, truth)
    return {
        "mean_iou": float(iou.mean()),
        "median_iou": float(np.median(iou)),
        "iou_50": float((iou >= 0.5).mean()),
        "iou_70": float((iou >= 0.7).mean()),
    }


def _annotations(images, argument, include_difficult) -> list[dict[str, Any]]:
    """List masks in the form of COCO, images counted from 1."""
    api = _mask_api()
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


def _mask_api():
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            'Masks need pycocotools: pip install "kcv[eval]"'
        ) from error
    return mask
