"""BING (Cheng, Zhang, Lin and Torr, CVPR 2014).

image -> resized once for each size of window, so that a window is 8 x 8 ->
normed gradients -> response to one template -> maxima -> calibration by size
"""

import functools
import importlib.resources
from typing import NamedTuple

import cv2
import numpy as np

from kcv.proposals.record import Proposals

_SIDE = 8  # of the template
_BASIS = 2  # number of binary vectors that approximate the template, N_w
_DROPPED_BITS = 4  # of 8 bits of a gradient. The paper keeps N_g = 4.


class BingModel(NamedTuple):
    """Learned parameters of BING.

    Attributes:
        template: Array (8, 8) of float, the linear model of normed gradients.
        sizes: Array (n, 2) of int, widths and heights of windows, in pixels.
        calibration: Array (n, 2) of float, for each size the factor and the
            offset that make the responses of different sizes comparable.
    """

    template: np.ndarray
    sizes: np.ndarray
    calibration: np.ndarray


def bing(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
    model: BingModel | None = None,
    max_per_size: int = 130,
    radius: int = 2,
) -> Proposals:
    """Score windows by a template of their binarized normed gradients.

    This is BING of Cheng, Zhang, Lin and Torr, CVPR 2014, with the parameters
    that the authors learned. All boxes are equal to those of their program.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Not used. All boxes are returned.
        rng: Not used. Defaults to None.
        model: Learned parameters. Defaults to None, for those of the authors,
            trained on PASCAL VOC 2007, in the file that OpenCV distributes
            (28 sizes from 16 x 16 to 512 x 512).
        max_per_size: Maximum number of boxes of each size. Defaults to 130.
        radius: Distance of two maxima of the response that are both kept must
            be larger in x or in y, in cells of an eighth of the window.
            Defaults to 2.

    Returns:
        `Proposals` with boxes (n, 4) int64 and scores (n,) float32. There are
        none if the image is smaller than half of the smallest window.

    Example:

    >>> image = np.zeros((90, 120, 3), np.uint8)
    >>> image[20:60, 40:80] = 255
    >>> found = bing(image, 100)
    >>> len(found) > 100, bool((np.diff(found.scores) <= 0).all())
    (True, True)
    """
    model = load_model() if model is None else model
    height, width = image.shape[:2]
    basis = binarize(model.template)
    boxes, scores = [np.empty((0, 4), int)], [np.empty(0, np.float32)]
    for size, (factor, offset) in zip(
        model.sizes, model.calibration, strict=True
    ):
        if size[0] > 2 * width or size[1] > 2 * height:
            continue
        # Larger windows than the image shrink to its sides.
        size = np.minimum(size, (width, height))
        cells = np.rint((_SIDE * width / size[0], _SIDE * height / size[1]))
        response = respond(
            normed_gradients(cv2.resize(image, cells.astype(int))), basis
        )
        rows, columns = _maxima(response, max_per_size, radius)
        corners = np.stack([columns, rows], 1) * (size // _SIDE)
        ends = np.minimum(corners + size, (width, height))
        boxes.append(np.concatenate([corners, ends], 1))
        scores.append(
            np.float32(factor) * response[rows, columns] + np.float32(offset)
        )
    all_scores = np.concatenate(scores)
    best = np.argsort(-all_scores, kind="stable")
    return Proposals(np.concatenate(boxes)[best], all_scores[best])


@functools.cache
def load_model() -> BingModel:
    """Load the parameters that come with kcv.

    Returns:
        The `BingModel`.
    """
    file = importlib.resources.files("kcv.proposals.learned") / "bing.npz"
    with file.open("rb") as stream, np.load(stream) as arrays:
        return BingModel(
            arrays["template"], arrays["sizes"], arrays["calibration"]
        )


def normed_gradients(image: np.ndarray) -> np.ndarray:
    """Compute the norm of the gradient at each pixel.

    Args:
        image: Array (H, W, 3) of uint8, with sides of at least 2 pixels.

    Returns:
        Array (H, W) of uint8: the sum of the horizontal and the vertical
        difference of the two neighbors, of the channel where each is largest,
        and at most 255. At the border it is twice the difference to the only
        neighbor.
    """
    values = image.astype(np.int16)
    total = np.zeros(values.shape[:2], np.int16)
    for axis in (0, 1):
        across = np.moveaxis(values, axis, 0)
        change = np.concatenate(
            [
                2 * (across[1:2] - across[:1]),
                across[2:] - across[:-2],
                2 * (across[-1:] - across[-2:-1]),
            ]
        )
        total += np.moveaxis(np.abs(change).max(-1), 0, axis)
    return np.minimum(total, 255).astype(np.uint8)


def binarize(template: np.ndarray) -> list[tuple[np.float32, np.ndarray]]:
    """Approximate a template by binary vectors, the paper's algorithm 1.

    Args:
        template: Array (8, 8) of float.

    Returns:
        Pairs of a factor and an array (8, 8) float32 of 1 and -1. The sum of
        the products is near the template.
    """
    rest = np.asarray(template, float)
    basis = []
    for _ in range(_BASIS):
        signs = np.where(rest >= 0, 1.0, -1.0)
        factor = (rest * signs).mean()
        basis.append((np.float32(factor), signs.astype(np.float32)))
        rest = rest - factor * signs
    return basis


def respond(
    gradients: np.ndarray, basis: list[tuple[np.float32, np.ndarray]]
) -> np.ndarray:
    """Compute the response of each window of 8 x 8 to the template.

    Only the upper four bits of a gradient count, as a number in 0..15. The
    authors' model is calibrated for such responses.

    Args:
        gradients: Array (h, w) of uint8, with sides of at least 8.
        basis: Binarized template, pairs of a factor and an array (8, 8) of
            signs, as `binarize` returns it.

    Returns:
        Array (h - 7, w - 7) of float32.
    """
    bits = (gradients >> _DROPPED_BITS).astype(np.float32)
    rows, columns = (side - _SIDE + 1 for side in bits.shape)
    return sum(
        factor
        # Sums of integers below 2^24 are exact, so equal windows tie.
        * cv2.filter2D(
            bits,
            cv2.CV_32F,
            signs,
            anchor=(0, 0),
            borderType=cv2.BORDER_CONSTANT,
        )[:rows, :columns]
        for factor, signs in basis
    )


def _maxima(response, count, radius):
    """Rows and columns of the largest responses, none near a larger one."""
    free = np.ones(response.shape, bool)
    places = []
    # Of equal responses the authors take the last in reading order first.
    order = np.argsort(response, axis=None, kind="stable")[::-1]
    for place in zip(*np.unravel_index(order, response.shape), strict=True):
        if not free[place]:
            continue
        places.append(place)
        if len(places) == count:
            break
        y, x = place
        free[
            max(0, y - radius) : y + radius + 1,
            max(0, x - radius) : x + radius + 1,
        ] = False
    return np.array(places).T
