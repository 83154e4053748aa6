"""Masks as the compressed run lengths of COCO, by pycocotools.

Shapes: n masks of an image of H x W pixels.
"""

from collections.abc import Mapping
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from kcv.extras import describe_installation
from kcv.metrics.forms import read_masks


def encode_masks(masks: np.ndarray) -> list[dict[str, Any]]:
    """Convert masks to COCO's compressed run lengths.

    Args:
        masks: Masks (n, H, W) of 0 and 1, or of bool.

    Returns:
        List of n dicts of `size` and `counts`.

    Raises:
        ImportError: If pycocotools is not installed.
        ValueError: If masks have another shape, or values other than 0 and 1.

    Example:

    >>> encode_masks(np.ones((1, 2, 3), bool))[0]["size"]
    [2, 3]
    """
    masks = read_masks(masks, "masks")
    if not len(masks):
        return []
    by_column = np.asfortranarray(np.moveaxis(masks, 0, -1).astype(np.uint8))
    return mask_api().encode(by_column)


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
    return np.moveaxis(mask_api().decode(list(masks)), -1, 0).astype(bool)


def mask_api() -> ModuleType:
    """Import the module of pycocotools that handles masks.

    Returns:
        The module.

    Raises:
        ImportError: If pycocotools is not installed.
    """
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            f"Masks need pycocotools. {describe_installation('eval')}"
        ) from error
    return mask
