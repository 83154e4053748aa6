"""Overlap of masks with the truth, and measures of patches.

Shapes: n masks of H x W pixels, or of patches of M x M.
"""

import numpy as np

from kcv.metrics.forms import read_masks


def mask_iou(masks: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Compute the IoU of each mask with its own truth.

    Args:
        masks: Masks (n, H, W) of bool.
        truth: Masks (n, H, W) of bool.

    Returns:
        IoU (n,) float64, 0 where both are empty.

    Raises:
        ValueError: If the shapes differ, or values are other than 0 and 1.

    Example:

    >>> mask = np.arange(4).reshape(1, 2, 2)
    >>> mask_iou(mask < 2, mask < 3).round(3)
    array([0.667])
    """
    masks, truth = read_masks(masks, "masks"), read_masks(truth, "truth")
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
