"""Features without a network, which show how hard the photos are."""

import numpy as np

from kcv.faces.verification import PCA
from recipes.common.faces.photos import Photos

COMPONENTS = 150
SAMPLE = 2000  # Photos from which components are computed.
CELL = 8  # Side of a cell of the histograms, in pixels.
BINS = 9  # Of the directions of gradients.


def describe_pixels(photos: Photos) -> np.ndarray:
    """Return the pixels of each photo, without its mean color."""
    pixels = photos.images.reshape(len(photos.images), -1, 3) / np.float32(255)
    pixels = pixels - pixels.mean(axis=1, keepdims=True)
    return _unit(pixels.reshape(len(pixels), -1))


def describe_components(train: Photos, test: Photos) -> np.ndarray:
    """Project the pixels of `test` on the principal components of `train`."""
    # So many photos are enough, and their Gram matrix is small.
    step = -(-len(train.images) // SAMPLE)
    sample = describe_pixels(train._replace(images=train.images[::step]))
    pca = PCA(min(COMPONENTS, len(sample) - 1)).fit(sample)
    return _unit(pca.transform(describe_pixels(test)))


def describe_gradients(photos: Photos) -> np.ndarray:
    """Compute histograms of oriented gradients (Dalal and Triggs 2005).

    Args:
        photos: N photos.

    Returns:
        Unit vectors (N, D): histograms of nine directions in cells of 8 x 8
        pixels, weighted by magnitude, and each block of 2 x 2 cells
        normalized.
    """
    gray = _gray(photos.images)
    dy, dx = np.gradient(gray, axis=(1, 2))
    magnitude = np.hypot(dx, dy)
    angle = np.arctan2(dy, dx) % np.pi * (BINS / np.pi)
    low = np.floor(angle)
    histograms = np.stack(
        [
            # A direction is shared by its two nearest bins.
            _cell_sums(
                magnitude
                * (
                    (low % BINS == number) * (1 - (angle - low))
                    + ((low + 1) % BINS == number) * (angle - low)
                )
            )
            for number in range(BINS)
        ],
        axis=-1,
    )
    blocks = np.concatenate(
        [
            histograms[:, :-1, :-1],
            histograms[:, :-1, 1:],
            histograms[:, 1:, :-1],
            histograms[:, 1:, 1:],
        ],
        axis=-1,
    )
    return _unit(_unit(blocks).reshape(len(blocks), -1))


def describe_patterns(photos: Photos) -> np.ndarray:
    """Compute histograms of local binary patterns (Ojala et al. 2002).

    Args:
        photos: N photos.

    Returns:
        Unit vectors (N, D): square roots of the histograms of the 59 uniform
        patterns of the eight neighbors, in cells of 8 x 8 pixels. The square
        roots make the distance that of Hellinger.
    """
    gray = _gray(photos.images)
    height, width = gray.shape[1:]
    padded = np.pad(gray, ((0, 0), (1, 1), (1, 1)), "edge")
    around = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    codes = np.zeros(gray.shape, np.uint8)
    for bit, (y, x) in enumerate(around):
        neighbor = padded[:, y : y + height, x : x + width]
        codes |= (neighbor >= gray).astype(np.uint8) << bit
    patterns = _number_patterns()[codes]
    histograms = np.stack(
        [_cell_sums(patterns == number) for number in range(59)], axis=-1
    )
    return _unit(np.sqrt(histograms).reshape(len(gray), -1))


def _number_patterns() -> np.ndarray:
    """Assign numbers to patterns. Those of over two changes share one."""
    table = np.full(256, 58)
    changes = [
        (code ^ (code >> 1 | (code & 1) << 7)).bit_count()
        for code in range(256)
    ]
    uniform = np.flatnonzero(np.array(changes) <= 2)
    table[uniform] = np.arange(len(uniform))
    return table


def _gray(images: np.ndarray) -> np.ndarray:
    return images @ np.array([0.299, 0.587, 0.114], np.float32)


def _cell_sums(maps: np.ndarray) -> np.ndarray:
    """Sum (N, H, W) over cells, without the rest at the lower right."""
    count, height, width = maps.shape
    rows, columns = height // CELL, width // CELL
    cells = maps[:, : rows * CELL, : columns * CELL].reshape(
        count, rows, CELL, columns, CELL
    )
    return cells.sum(axis=(2, 4), dtype=np.float32)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(length, 1e-12)
