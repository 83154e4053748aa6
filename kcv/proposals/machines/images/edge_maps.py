"""Maps of edges, which score windows and separate segments."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

_SIGMA = 1.5  # pixels
_TOP = 99.5  # percentile of the gradient that has the strength 1
_ROUNDING = 1e-2  # largest gradient in an image of one color, rounding error

# The settings of MATLAB's detector of Canny.
_CANNY_SIGMA = 2**0.5  # pixels
_CANNY_SIZE = 13  # pixels of the kernel
_CANNY_SHARE = 70  # percentile of the gradient that is the upper threshold
_CANNY_RATIO = 0.4  # of the lower threshold to the upper one
_CANNY_STEPS = 16_000  # of the strongest gradient


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
    strength, across, down = _gradient(image)
    return thin_edges(strength, across, down), np.arctan2(down, across) % np.pi


def soft_gradient_edges(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find edges by the gradient in CIE L*a*b*, without thinning them.

    At each pixel of the smoothed image, the channel with the largest gradient
    counts. Methods that measure the strength of edges on the borders of
    segments need it beside an edge, too, since a border may be a pixel off.

    Args:
        image: RGB image (H, W, 3) uint8.

    Returns:
        Tuple (strength, orientation). `strength` (H, W) float32 is in 0..1.
        `orientation` (H, W) float32, in 0..pi, is the direction of the normal
        of the edge, 0 for a vertical edge.

    Example:

    >>> image = np.zeros((20, 30, 3), np.uint8)
    >>> image[:, 15:] = 255
    >>> strength, orientation = soft_gradient_edges(image)
    >>> bool((strength[10, 12:18] > 0).all()), float(strength[10, 14])
    (True, 1.0)
    """
    strength, across, down = _gradient(image)
    return strength, np.arctan2(down, across) % np.pi


def directed_strengths(
    strength: np.ndarray, orientation: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Compute how strong an edge is for a step right and for a step down.

    A step along an edge does not cross it.

    Args:
        strength: Strength of edges (H, W) float32.
        orientation: Direction of their normals (H, W) float32, in 0..pi.

    Returns:
        Tuple (across, down) of arrays (H, W) float32, the strength for a step
        to the right or to the left, and for a step down or up.
    """
    return (
        strength * np.abs(np.cos(orientation)),
        strength * np.abs(np.sin(orientation)),
    )


def _scaled(strength):
    """Scale strengths to 0..1, with the strongest ones cut off."""
    full = np.percentile(strength, _TOP)
    if full < _ROUNDING:  # as in a large image of one color with a small spot
        full = max(strength.max(), _ROUNDING)
    return np.minimum(strength / full, 1).astype(np.float32)


def _gradient(image):
    """Compute the strength of edges, and the gradient right and downwards."""
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
    return _scaled(np.hypot(across, down)), across, down


def checked_edges(
    edges: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    image: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Call a detector of edges and check what it returns.

    Args:
        edges: Function of an image that returns a tuple (strength,
            orientation) of arrays (H, W), such as `gradient_edges`.
        image: RGB image (H, W, 3) uint8.

    Returns:
        Tuple (strength, orientation) of contiguous arrays (H, W) float32.

    Raises:
        ValueError: If `edges` does not return two arrays of the height and
            width of the image, or if a value is not finite.
    """
    found = edges(image)
    if not (isinstance(found, tuple | list) and len(found) == 2):
        raise ValueError(
            "`edges` must return a tuple (strength, orientation). Received: "
            f"a result of type {type(found).__name__}"
        )
    strength, orientation = (
        np.ascontiguousarray(values, np.float32) for values in found
    )
    for name, values in (("strength", strength), ("orientation", orientation)):
        if values.shape != image.shape[:2]:
            raise ValueError(
                f"`edges` must return arrays of the shape {image.shape[:2]}, "
                f"the height and width of the image. Received: {name}.shape="
                f"{values.shape}"
            )
        if not np.isfinite(values).all():
            wrong = np.count_nonzero(~np.isfinite(values))
            raise ValueError(
                "`edges` must return finite numbers. Received: "
                f"{name} with {wrong} values that are NaN or infinite"
            )
    return strength, orientation


def structured_edges(
    model: str | os.PathLike,
    thin: bool = True,
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Make a detector of edges from a structured forest.

    Dollar and Zitnick, "Structured forests for fast edge detection", ICCV
    2013.

    Args:
        model: Path of a file that OpenCV's `createStructuredEdgeDetection`
            reads.
        thin: Whether to thin edges, as methods that score windows need it.
            Methods that measure edges on the borders of segments need False.
            Defaults to True.

    Returns:
        A function of an image with the results of `gradient_edges`.

    Raises:
        FileNotFoundError: If the file does not exist.
    """
    if not Path(model).is_file():
        raise FileNotFoundError(
            f"`model` must be an existing file. Received: model={model}"
        )
    forest = cv2.ximgproc.createStructuredEdgeDetection(str(model))

    def detect(image):
        strength = forest.detectEdges(image.astype(np.float32) / 255)
        orientation = forest.computeOrientation(strength)
        if thin:
            strength = forest.edgesNms(strength, orientation)
        return strength, orientation

    return detect


def thin_edges(
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


def canny_edges(
    image: np.ndarray, factor: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Find edges by the detector of Canny with automatic thresholds.

    As in MATLAB, the upper threshold is the gradient that 70% of the pixels
    stay below, and the lower one is 0.4 times the upper one.

    Args:
        image: RGB image (H, W, 3) uint8.
        factor: Factor of both thresholds. Positive float. Defaults to 1.

    Returns:
        Tuple (strength, orientation). `strength` (H, W) float32 is 1 for the
        pixels of an edge and 0 for the others. `orientation` (H, W) float32, in
        0..pi, is the direction of the normal of the edge, 0 for a vertical
        edge.

    Example:

    >>> image = np.zeros((20, 30, 3), np.uint8)
    >>> image[:, 15:] = 255
    >>> strength, orientation = canny_edges(image)
    >>> float(strength.sum()), float(orientation[10, 14])
    (20.0, 0.0)
    """
    gray = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY)
    gray = gray.astype(np.float64)  # so that plain areas have no gradient
    kernel = cv2.getGaussianKernel(_CANNY_SIZE, _CANNY_SIGMA)
    offsets = np.arange(_CANNY_SIZE) - _CANNY_SIZE // 2
    derivative = offsets[:, np.newaxis] * kernel
    across, down = (
        cv2.sepFilter2D(
            gray, cv2.CV_64F, *kernels, borderType=cv2.BORDER_REPLICATE
        )
        for kernels in ((derivative, kernel), (kernel, derivative))
    )
    gradient = np.hypot(across, down)
    # OpenCV takes whole numbers, and squares them in 32 bits.
    scale = _CANNY_STEPS / max(gradient.max(), 1e-6)
    upper = factor * scale * np.percentile(gradient, _CANNY_SHARE)
    found = cv2.Canny(
        np.rint(scale * across).astype(np.int16),
        np.rint(scale * down).astype(np.int16),
        _CANNY_RATIO * upper,
        upper,
        L2gradient=True,
    )
    strength = (found > 0).astype(np.float32)
    orientation = np.arctan2(down, across) % np.pi
    return strength, orientation.astype(np.float32)
