"""What Selective Search compares regions by (Uijlings et al. 2013, 3.2)."""

from typing import NamedTuple

import cv2
import numba
import numpy as np

COLOUR_BINS = 25  # per channel
TEXTURE_BINS = 10  # per channel and direction
DIRECTIONS = 8
# The largest response of a Gaussian derivative of sigma 1: the foot of a step
# from 0 to 255 lies under its peak, 1 / sqrt(2 pi).
_MAX_RESPONSE = 255 / np.sqrt(2 * np.pi)


class Regions(NamedTuple):
    """Segments of an image."""

    sizes: np.ndarray  # (n,) float32, pixels
    boxes: np.ndarray  # (n, 4) int32 xyxy, half-open
    colour: np.ndarray  # (n, 25 C) float32, sum 1
    texture: np.ndarray  # (n, 80 C) float32, sum 1
    neighbours: np.ndarray  # (m, 2) int32, pairs a < b of adjacent segments


def colour_bins(channels: np.ndarray) -> np.ndarray:
    """Give every pixel its bins in the colour histogram.

    Args:
        channels: (H, W, C) uint8.

    Returns:
        (H, W, C) uint16 in 0..25 C - 1.
    """
    bins = channels.astype(np.uint16) * COLOUR_BINS // 256
    offsets = COLOUR_BINS * np.arange(channels.shape[-1], dtype=np.uint16)
    return bins + offsets


def texture_bins(channels: np.ndarray) -> np.ndarray:
    """Give every pixel its bins in the texture histogram.

    Gaussian derivatives of sigma 1 in eight directions, of which the positive
    half counts: the negative one is the opposite direction's.

    Args:
        channels: (H, W, C) uint8.

    Returns:
        (H, W, 8 C) uint16 in 0..80 C - 1.
    """
    kernel = cv2.getGaussianKernel(9, 1.0)
    offsets = np.arange(-4, 5)[:, np.newaxis]
    derivative = offsets * kernel  # of sigma 1
    values = channels.astype(np.float32)
    across, down = (
        cv2.sepFilter2D(values, cv2.CV_32F, x, y).reshape(channels.shape)
        for x, y in ((derivative, kernel), (kernel, derivative))
    )
    return _texture_bins(across, down)


def describe(
    labels: np.ndarray, colour: np.ndarray, texture: np.ndarray
) -> Regions:
    """Measure the segments of an image.

    Args:
        labels: (H, W) int32, numbered from 0.
        colour: (H, W, C) of `colour_bins`.
        texture: (H, W, 8 C) of `texture_bins`.

    Returns:
        The segments in the order of their numbers.
    """
    count = int(labels.max()) + 1
    channels = colour.shape[-1]
    sizes, boxes, colours, textures = _measure(
        labels,
        colour,
        texture,
        count,
        channels * COLOUR_BINS,
        channels * DIRECTIONS * TEXTURE_BINS,
    )
    pairs = np.unique(_adjacent(labels, count))
    neighbours = np.stack(np.divmod(pairs, count), 1).astype(np.int32)
    return Regions(sizes, boxes, colours, textures, neighbours)


@numba.njit(cache=True, nogil=True)
def _texture_bins(across, down):
    height, width, channels = across.shape
    bins = np.empty((height, width, DIRECTIONS * channels), np.uint16)
    angles = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    scale = TEXTURE_BINS / _MAX_RESPONSE
    cosines = (np.cos(angles) * scale).astype(np.float32)
    sines = (np.sin(angles) * scale).astype(np.float32)
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                for d in range(DIRECTIONS):
                    place = c * DIRECTIONS + d
                    value = cosines[d] * across[y, x, c]
                    value += sines[d] * down[y, x, c]
                    step = min(max(int(value), 0), TEXTURE_BINS - 1)
                    bins[y, x, place] = place * TEXTURE_BINS + step
    return bins


@numba.njit(cache=True, nogil=True)
def _measure(labels, colour, texture, count, colour_size, texture_size):
    height, width = labels.shape
    sizes = np.zeros(count, np.float32)
    boxes = np.empty((count, 4), np.int32)
    boxes[:, 0], boxes[:, 1], boxes[:, 2:] = width, height, 0
    colours = np.zeros((count, colour_size), np.float32)
    textures = np.zeros((count, texture_size), np.float32)
    for y in range(height):
        for x in range(width):
            own = labels[y, x]
            sizes[own] += 1
            boxes[own, 0] = min(boxes[own, 0], x)
            boxes[own, 1] = min(boxes[own, 1], y)
            boxes[own, 2] = max(boxes[own, 2], x + 1)
            boxes[own, 3] = max(boxes[own, 3], y + 1)
            for place in range(colour.shape[2]):
                colours[own, colour[y, x, place]] += 1
            for place in range(texture.shape[2]):
                textures[own, texture[y, x, place]] += 1
    for own in range(count):
        colours[own] /= sizes[own] * colour.shape[2]
        textures[own] /= sizes[own] * texture.shape[2]
    return sizes, boxes, colours, textures


@numba.njit(cache=True, nogil=True)
def _adjacent(labels, count):
    """Pairs of touching segments as a * count + b, a < b, with repetitions."""
    height, width = labels.shape
    pairs = []
    last = np.int64(-1)
    for y in range(height):
        for x in range(width):
            for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
                v, u = y + dy, x + dx
                if v >= height or u < 0 or u >= width:
                    continue
                a, b = labels[y, x], labels[v, u]
                if a == b:
                    continue
                pair = np.int64(min(a, b)) * count + max(a, b)
                if pair != last:
                    pairs.append(pair)
                    last = pair
    found = np.empty(len(pairs), np.int64)
    for i, pair in enumerate(pairs):
        found[i] = pair
    return found
