"""Histograms of visual words, with dictionaries that are not learned.

The papers learn a dictionary by clustering features of photographs. In kcv the
words of colors are fixed bins, and the words of textures are descriptors of the
image itself.

Shapes: D words in a dictionary, S segments of an image.
"""

from typing import NamedTuple

import cv2
import numba
import numpy as np

_COLOR_BINS = 9  # per channel
_DIRECTIONS = 8
_CELL = 8  # side of a cell of a descriptor, in pixels
_STEP = 2  # distance of descriptors, in pixels
_CLIP = 0.2  # highest value of a normalized descriptor, as in SIFT
_TEXTURES = 400
_CHUNK = 4096  # descriptors that are compared with the words at a time


class Words(NamedTuple):
    """The visual word of each pixel.

    Attributes:
        values: Array (H, W) of int64, numbers of words.
        size: Number D of words in the dictionary.
    """

    values: np.ndarray
    size: int


def color_words(image: np.ndarray) -> Words:
    """Compute the color word of each pixel, one of 9 x 9 x 9 bins of RGB.

    Args:
        image: RGB image (H, W, 3) uint8.

    Returns:
        The `Words`.

    Example:

    >>> color_words(np.array([[[0, 0, 255], [255, 255, 255]]], np.uint8))
    Words(values=array([[  8, 728]]), size=729)
    """
    bins = image.astype(np.int64) * _COLOR_BINS // 256
    weights = _COLOR_BINS ** np.arange(2, -1, -1)
    return Words(bins @ weights, _COLOR_BINS**3)


def texture_words(image: np.ndarray) -> Words:
    """Compute the texture word of each pixel.

    The descriptor of a place is a small SIFT descriptor (Lowe 2004), with 8
    directions of gradients in 2 x 2 cells of 8 pixels. The descriptors of 400
    places that are spread over the image are the words. The word of any other
    place is the one that is nearest to its descriptor.

    Args:
        image: RGB image (H, W, 3) uint8.

    Returns:
        The `Words`. All pixels of a square of 2 x 2 pixels have the same word.
    """
    height, width = image.shape[:2]
    descriptors = _describe(image)
    flat = descriptors.reshape(-1, descriptors.shape[-1])
    chosen = np.linspace(0, len(flat) - 1, min(_TEXTURES, len(flat)))
    dictionary = flat[chosen.astype(np.int64)]
    # The nearest word has the highest product, less half of its own square.
    half = np.square(dictionary).sum(1) / 2
    nearest = [
        (flat[start : start + _CHUNK] @ dictionary.T - half).argmax(1)
        for start in range(0, len(flat), _CHUNK)
    ]
    words = np.concatenate(nearest).reshape(descriptors.shape[:2])
    words = words.repeat(_STEP, 0)[:height].repeat(_STEP, 1)[:, :width]
    return Words(words, len(dictionary))


def word_histograms(labels: np.ndarray, words: Words) -> np.ndarray:
    """Count the words in each segment.

    Args:
        labels: Array (H, W) of int, the segment of each pixel, from 0.
        words: The words of the pixels.

    Returns:
        Histograms (S, d) float64 with sum 1, of the d words that the image
        has.

    Example:

    >>> words = Words(np.array([[3, 3, 1, 8]]), 9)
    >>> word_histograms(np.array([[0, 1, 1, 1]]), words).round(2)
    array([[0.  , 1.  , 0.  ],
           [0.33, 0.33, 0.33]])
    """
    count = int(labels.max()) + 1
    places = labels.astype(np.int64) * words.size + words.values
    histograms = np.bincount(places.ravel(), minlength=count * words.size)
    histograms = histograms.reshape(count, words.size)
    histograms = histograms[:, histograms.any(0)].astype(np.float64)
    return histograms / histograms.sum(1, keepdims=True)


@numba.njit(cache=True, nogil=True)
def chi_square(
    histograms: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Compute the chi-square distances of pairs of histograms.

    The distance is half the sum of (a - b)^2 / (a + b), 0 for equal histograms
    and 1 for those without a common word.

    Args:
        histograms: Array (n, d) of float64.
        first: Array (k,) of int64, rows of `histograms`.
        second: Array (k,) of int64, the other rows.

    Returns:
        Array (k,) float64.

    Example:

    >>> histograms = np.array([[1.0, 0.0], [0.5, 0.5]])
    >>> chi_square(histograms, np.array([0, 0]), np.array([0, 1])).round(3)
    array([0.   , 0.333])
    """
    distances = np.zeros(len(first))
    for pair in range(len(first)):
        one, other = histograms[first[pair]], histograms[second[pair]]
        total = 0.0
        for word in range(histograms.shape[1]):
            a, b = one[word], other[word]
            if a + b > 0:
                total += (a - b) * (a - b) / (a + b)
        distances[pair] = total / 2
    return distances


def _describe(image):
    """Compute descriptors (h, w, 32) float32 at every second pixel."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
    across, down = (
        cv2.Sobel(smooth, cv2.CV_32F, x, y) for x, y in ((1, 0), (0, 1))
    )
    magnitude, angle = cv2.cartToPolar(across, down)
    turn = angle * np.float32(_DIRECTIONS / (2 * np.pi))
    # A gradient is divided between the two nearest directions.
    directions = np.arange(_DIRECTIONS, dtype=np.float32)
    middle = _DIRECTIONS / 2
    cells = []
    for direction in directions:
        away = np.abs((turn - direction + middle) % _DIRECTIONS - middle)
        share = magnitude * np.maximum(1 - away, 0)
        cells.append(cv2.blur(share, (_CELL, _CELL))[::_STEP, ::_STEP])
    half = _CELL // 2 // _STEP
    height, width = cells[0].shape
    padded = np.pad(
        np.stack(cells, -1), ((half, half), (half, half), (0, 0)), "edge"
    )
    corners = (0, 2 * half)
    parts = [
        padded[y : y + height, x : x + width] for y in corners for x in corners
    ]
    found = np.concatenate(parts, -1)
    return _normalize(np.minimum(_normalize(found), _CLIP))


def _normalize(descriptors):
    norm = np.sqrt(np.square(descriptors).sum(-1, keepdims=True))
    return descriptors / np.maximum(norm, 1e-3)
