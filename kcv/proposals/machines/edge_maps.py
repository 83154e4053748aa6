"""Maps of edges, for methods that score windows by them."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

_SIGMA = 1.5  # pixels
_TOP = 99.5  # percentile of the gradient that has the strength 1


def gradient_edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find edges by the gradient in CIE L*a*b*, which nothing is learned for.

    At each pixel of the smoothed image, the channel with the largest gradient
    counts. Edges are thinned: where the strength is below that of a neighbor
    across the edge, it is set to 0.

    Args:
        image: RGB image (H, W, 3) uint8.

    Returns:
        Tuple (strength, orientation). `strength` (H, W) float32 is in 0..1.
        `orientation` (H, W) float32, in 0..pi, is the direction of the normal
        of the edge, 0 for a vertical edge.

    Example:

    >>> image = np.zeros((20, 30, 3), np.uint8)
    >>> image[:, 15:] = 255
    >>> strength, orientation = gradient_edges(image)
    >>> float(strength[10, 14:16].max()), float(orientation[10, 14])
    (1.0, 0.0)
    """
    smooth = cv2.GaussianBlur(image.astype(np.float32) / 255, (0, 0), _SIGMA)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
    across, down = (
        cv2.Sobel(lab, cv2.CV_32F, x, y) for x, y in ((1, 0), (0, 1))
    )
    best = np.hypot(across, down).argmax(-1)[..., np.newaxis]
    across, down = (
        np.take_along_axis(gradient, best, -1)[..., 0]
        for gradient in (across, down)
    )
    strength = np.hypot(across, down)
    full = np.percentile(strength, _TOP)
    if full > 0:
        strength = np.minimum(strength / full, 1)
    return thinned(strength, across, down), np.arctan2(down, across) % np.pi


def structured_edges(
    model: str | os.PathLike,
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Make a detector of edges from a structured forest.

    Dollar and Zitnick, "Structured forests for fast edge detection", ICCV
    2013.

    Args:
        model: Path of a file that OpenCV's `createStructuredEdgeDetection`
            reads.

    Returns:
        A function of an image with the results of `gradient_edges`.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if not Path(model).is_file():
        raise FileNotFoundError(
            f"`model` must be an existing file. Received: model={model}"
        )
    forest = cv2.ximgproc.createStructuredEdgeDetection(str(model))

    def detect(image):
        strength = forest.detectEdges(image.astype(np.float32) / 255)
        orientation = forest.computeOrientation(strength)
        return forest.edgesNms(strength, orientation), orientation

    return detect


def thinned(
    strength: np.ndarray, across: np.ndarray, down: np.ndarray
) -> np.ndarray:
    """Set to 0 what is less than one of the neighbors along the gradient.

    Args:
        strength: Array (H, W) of float32, the strength of edges.
        across: Array (H, W) of float32, the gradient to the right.
        down: Array (H, W) of float32, the gradient downwards.

    Returns:
        Array (H, W) of float32, the strength of thin edges.
    """
    length = np.maximum(np.hypot(across, down), 1e-12)
    y, x = np.indices(strength.shape, dtype=np.float32)
    step_x = (across / length).astype(np.float32)
    step_y = (down / length).astype(np.float32)
    highest = np.maximum(
        *(
            cv2.remap(
                strength,
                x + sign * step_x,
                y + sign * step_y,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            for sign in (-1, 1)
        )
    )
    # An edge between two pixels has two maxima. Rounding must not lose both.
    return np.where(strength >= highest - 1e-5, strength, 0).astype(np.float32)
