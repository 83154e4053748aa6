"""Masks as run lengths, expanded to pixels when asked for.

Shapes: N masks of an image of H x W pixels, R runs.
"""

import numpy as np
from numpy.typing import ArrayLike

from kcv.proposals.record import Masks


class RunLengthMasks(Masks):
    """Masks of one image that are stored as run lengths.

    Args:
        runs: Array (N, R) of integers, for each mask the numbers of pixels,
            column by column, that are alternately 0 and 1, the first of them
            0. Rows may be filled up with zeros.
        shape: Height and width of the image, in pixels.

    Raises:
        ValueError: If the runs of a mask do not add up to the pixels of the
            image.

    Example:

    >>> masks = RunLengthMasks([[1, 3, 0], [0, 2, 2]], (2, 2))
    >>> masks[1].astype(int)
    array([[1, 0],
           [1, 0]])
    """

    def __init__(self, runs: ArrayLike, shape: tuple[int, int]):
        self.runs = np.asarray(runs, np.int64)
        self.shape = (int(shape[0]), int(shape[1]))
        pixels = self.shape[0] * self.shape[1]
        if self.runs.ndim != 2 or (self.runs.sum(1) != pixels).any():
            raise ValueError(
                "`runs` must be rows (N, R) that add up to the pixels of the "
                f"image, {pixels}. Received: runs.shape={self.runs.shape}, "
                f"shape={self.shape}"
            )

    def __len__(self) -> int:
        return len(self.runs)

    def _expand(self, number):
        return decode_runs(self.runs[[number]], *self.shape)[0] > 0

    def _select(self, numbers):
        return RunLengthMasks(self.runs[numbers], self.shape)


def decode_runs(runs: ArrayLike, height: int, width: int) -> np.ndarray:
    """Expand the run lengths that a mask model returns for one image.

    Args:
        runs: Array (N, R) of integers, see `RunLengthMasks`.
        height: Height H of the image, in pixels.
        width: Width W of the image, in pixels.

    Returns:
        Masks (N, H, W) uint8 of 0 and 1. A row of zeros gives an empty mask.

    Raises:
        ValueError: If the runs of a mask are more than the pixels of the
            image.

    Example:

    >>> decode_runs([[1, 3, 0]], 2, 2).tolist()
    [[[0, 1], [1, 1]]]
    """
    runs = np.asarray(runs)
    values = np.arange(runs.shape[1]) % 2
    masks = np.zeros((len(runs), width * height), np.uint8)
    for mask, row in zip(masks, runs, strict=True):
        if row.sum() > len(mask):
            raise ValueError(
                "`runs` must add up to the pixels of the image, "
                f"{len(mask)}. Received: a row of {row.sum()} pixels"
            )
        pixels = np.repeat(values, row)
        mask[: len(pixels)] = pixels
    return masks.reshape(-1, width, height).transpose(0, 2, 1)
