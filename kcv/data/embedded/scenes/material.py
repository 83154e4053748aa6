"""The digits, distractors and photographs of digit scenes, and their splits.

Training and test scenes have no digit, photograph or distractor in common.
"""

import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import tensorflow as tf

RAW = Path(__file__).parent.parent / "raw"
DIGIT_CLASSES = tuple("0123456789")

PHOTOGRAPHS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train": (
            "astronaut",
            "brick",
            "china",
            "coffee",
            "grass",
            "hubble_deep_field",
            "ihc",
            "retina",
            "rocket",
        ),
        "test": ("chelsea", "coins", "flower", "gravel"),
    }
)

# A digit of 8 x 8 cells becomes a smooth field of 12 x 12 cells with 6 samples
# per cell. Two empty cells around the digit let strokes fade before the border.
CELLS = 12
SAMPLES = 6
FIELD_SIDE = CELLS * SAMPLES
# Levels of the field at which a pen's edge may lie. Above them, thin strokes of
# some digits break (a 0 becomes a C). Below them, the holes of others close.
EDGE = (0.35, 0.45)


class Strokes(NamedTuple):
    """Fields of pen strokes.

    Attributes:
        fields: Fields (K, 72, 72) float32 in [0, 1], about 0.4 at the edge.
        ink: Tight box (x1, y1, x2, y2) of each field above the middle of
            `EDGE`, (K, 4).
        labels: Labels (K,), -1 for distractors.
    """

    fields: np.ndarray
    ink: np.ndarray
    labels: np.ndarray


class Photographs(NamedTuple):
    """Photographs in one zero-padded array, with their true sizes.

    Attributes:
        pixels: Photographs (P, H, W, 3) uint8, padded with zeros.
        sizes: Height and width of each photograph, (P, 2) int32.
    """

    pixels: np.ndarray
    sizes: np.ndarray


def digit_indices(split: str) -> np.ndarray:
    """Return the indices of the digits that a split uses.

    The last fifth of each class, in the order of the source, is for testing.

    Args:
        split: "train" or "test".

    Returns:
        Indices into the 1,797 embedded digits, int64, in increasing order.
    """
    labels = _raw()["labels"]
    chosen = []
    for label in range(len(DIGIT_CLASSES)):
        indices = np.flatnonzero(labels == label)
        chosen.append(_share(indices, split))
    return np.sort(np.concatenate(chosen))


def digit_cells(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the digits of a split and their labels.

    Args:
        split: "train" or "test".

    Returns:
        Tuple of the digits (K, 8, 8) in [0, 16] and their labels (K,).
    """
    chosen = digit_indices(split)
    return _raw()["digits"][chosen], _raw()["labels"][chosen]


def digits(split: str) -> Strokes:
    """Return the digits of a split as stroke fields.

    Args:
        split: "train" or "test".

    Returns:
        The K digits with their labels.
    """
    return _strokes(*digit_cells(split))


def distractors(split: str) -> Strokes:
    """Return stroke figures that are not digits, with the label -1.

    Args:
        split: "train" or "test".

    Returns:
        The figures, with the label -1.
    """
    figures = _raw()["distractors"]
    figures = figures[_share(np.arange(len(figures)), split)]
    return _strokes(figures, np.full(len(figures), -1))


@functools.cache
def photographs(split: str) -> Photographs:
    """Return the photographs of a split.

    Args:
        split: "train" or "test".

    Returns:
        The P photographs.
    """
    images = []
    for name in PHOTOGRAPHS[split]:
        image = tf.io.decode_jpeg(
            (RAW / f"{name}.jpg").read_bytes(),
            channels=3,
            dct_method="INTEGER_ACCURATE",
        )
        images.append(image.numpy())
    sizes = np.array([image.shape[:2] for image in images])
    pixels = np.zeros((len(images), *sizes.max(0), 3), np.uint8)
    for padded, image in zip(pixels, images, strict=True):
        padded[: image.shape[0], : image.shape[1]] = image
    return Photographs(pixels, sizes.astype(np.int32))


@functools.cache
def _raw() -> dict[str, np.ndarray]:
    with np.load(RAW / "strokes.npz") as arrays:
        return dict(arrays)


def _share(indices: np.ndarray, split: str) -> np.ndarray:
    train = len(indices) * 4 // 5
    return indices[:train] if split == "train" else indices[train:]


def _strokes(cells: np.ndarray, labels: np.ndarray) -> Strokes:
    fields = _smooth(cells / 16.0)
    inked = np.greater(fields, sum(EDGE) / 2)
    ink = np.concatenate([_bounds(inked.any(1)), _bounds(inked.any(2))], 1)
    return Strokes(
        fields.astype(np.float32),
        ink[:, [0, 2, 1, 3]].astype(np.float32),
        labels.astype(np.int32),
    )


def _smooth(cells: np.ndarray) -> np.ndarray:
    """Enlarge (K, 8, 8) to (K, 72, 72) by separable cubic convolution."""
    margin = (CELLS - cells.shape[1]) // 2
    padded = np.pad(cells, ((0, 0), (margin, margin), (margin, margin)))
    where = (np.arange(FIELD_SIDE) + 0.5) / SAMPLES - 0.5
    away = np.abs(where[:, None] - np.arange(CELLS))
    # Keys 1981 with a = -1/2, which interpolates the given cells exactly.
    near = 1.5 * away**3 - 2.5 * away**2 + 1
    far = -0.5 * away**3 + 2.5 * away**2 - 4 * away + 2
    weights = np.where(away < 1, near, np.where(away < 2, far, 0.0))
    return np.clip(weights @ padded @ weights.T, 0, 1)


def _bounds(occupied: np.ndarray) -> np.ndarray:
    """Return first and last + 1 of the true entries of each row: (K, 2)."""
    first = occupied.argmax(1)
    last = occupied.shape[1] - occupied[:, ::-1].argmax(1)
    return np.stack([first, last], 1)
