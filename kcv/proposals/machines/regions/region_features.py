"""Features by which Selective Search compares regions.

Uijlings et al. 2013, section 3.2: size, bounding box, and histograms of colors
and of textures.
"""

from typing import NamedTuple

import cv2
import numba
import numpy as np

from kcv.proposals.machines.regions.region_graph import adjacent_pairs

COLOR_BINS = 25  # per channel
TEXTURE_BINS = 10  # per channel and direction
DIRECTIONS = 8
# The largest response of a Gaussian derivative of sigma 1: the foot of a step
# from 0 to 255 lies under its peak, 1 / sqrt(2 pi).
_MAX_RESPONSE = 255 / np.sqrt(2 * np.pi)


class Regions(NamedTuple):
    """The n segments of an image of C channels.

    Attributes:
        sizes: Array (n,) float32, numbers of pixels.
        boxes: Array (n, 4) int32, xyxy, half-open.
        color: Array (n, 25 C) float32, histograms with sum 1.
        texture: Array (n, 80 C) float32, histograms with sum 1.
        neighbors: Array (m, 2) int32, pairs a < b of adjacent segments.
    """

    sizes: np.ndarray
    boxes: np.ndarray
    color: np.ndarray
    texture: np.ndarray
    neighbors: np.ndarray


def color_bins(channels: np.ndarray) -> np.ndarray:
    """Compute the bins of every pixel in the color histogram.

    Args:
        channels: Array (H, W, C) of uint8.

    Returns:
        Array (H, W, C) of uint16 in 0..25 C - 1.
    """
    bins = channels.astype(np.uint16) * COLOR_BINS // 256
    offsets = COLOR_BINS * np.arange(channels.shape[-1], dtype=np.uint16)
    return bins + offsets


def texture_bins(channels: np.ndarray) -> np.ndarray:
    """Compute the bins of every pixel in the texture histogram.

    Textures are Gaussian derivatives of sigma 1 in eight directions. Only the
    positive part of each counts, since the negative part is the positive one
    of the opposite direction.

    Args:
        channels: Array (H, W, C) of uint8.

    Returns:
        Array (H, W, 8 C) of uint16 in 0..80 C - 1.
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
    labels: np.ndarray, color: np.ndarray, texture: np.ndarray
) -> Regions:
    """Measure the segments of an image.

    Args:
        labels: Array (H, W) of int32, the segment of each pixel, from 0.
        color: Array (H, W, C), the result of `color_bins`.
        texture: Array (H, W, 8 C), the result of `texture_bins`.

    Returns:
        The `Regions`, in the order of their numbers.
    """
    count = int(labels.max()) + 1
    channels = color.shape[-1]
    sizes, boxes, colors, textures = _measure(
        labels,
        color,
        texture,
        count,
        channels * COLOR_BINS,
        channels * DIRECTIONS * TEXTURE_BINS,
    )
    return Regions(sizes, boxes, colors, textures, adjacent_pairs(labels))


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
def _measure(labels, color, texture, count, color_size, texture_size):
    height, width = labels.shape
    sizes = np.zeros(count, np.float32)
    boxes = np.empty((count, 4), np.int32)
    boxes[:, 0], boxes[:, 1], boxes[:, 2:] = width, height, 0
    colors = np.zeros((count, color_size), np.float32)
    textures = np.zeros((count, texture_size), np.float32)
    for y in range(height):
        for x in range(width):
            own = labels[y, x]
            sizes[own] += 1
            boxes[own, 0] = min(boxes[own, 0], x)
            boxes[own, 1] = min(boxes[own, 1], y)
            boxes[own, 2] = max(boxes[own, 2], x + 1)
            boxes[own, 3] = max(boxes[own, 3], y + 1)
            for place in range(color.shape[2]):
                colors[own, color[y, x, place]] += 1
            for place in range(texture.shape[2]):
                textures[own, texture[y, x, place]] += 1
    for own in range(count):
        colors[own] /= sizes[own] * color.shape[2]
        textures[own] /= sizes[own] * texture.shape[2]
    return sizes, boxes, colors, textures
