"""Contours between pixels, on a grid that is twice as fine as the image.

Contours of an image (H, W) are stored in a grid (2 H + 1, 2 W + 1). Pixel
(y, x) is the cell (2 y + 1, 2 x + 1). The cell between two pixels, for example
(2 y + 1, 2 x + 2), has the strength of the contour between them, 0 if there is
none. Cells whose coordinates are both even are the corners of pixels.
"""

import numpy as np

from kcv.proposals.machines.regions.region_graph import Borders


def border_values(borders: Borders, contours: np.ndarray) -> np.ndarray:
    """Look up the contours between the pixel pairs of borders.

    Args:
        borders: Borders with pixel pairs (K,) of an image (H, W), as
            `find_borders` with 4 neighbors returns them.
        contours: Contours (2 H + 1, 2 W + 1).

    Returns:
        Array (K,) of the dtype of `contours`.
    """
    width = contours.shape[1] // 2
    first_y, first_x = np.divmod(borders.first, width)
    second_y, second_x = np.divmod(borders.second, width)
    return contours[first_y + second_y + 1, first_x + second_x + 1]


def draw_contours(
    borders: Borders, strengths: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Draw borders of regions with one strength each.

    Args:
        borders: The m borders, as `find_borders` returns them.
        strengths: Array (m,) of float.
        shape: Height and width of the image.

    Returns:
        Contours (2 H + 1, 2 W + 1) float32. A corner has the strength of the
        strongest contour that ends there.
    """
    height, width = shape
    contours = np.zeros((2 * height + 1, 2 * width + 1), np.float32)
    first_y, first_x = np.divmod(borders.first, width)
    second_y, second_x = np.divmod(borders.second, width)
    contours[first_y + second_y + 1, first_x + second_x + 1] = np.repeat(
        strengths, np.diff(borders.starts)
    )
    contours[2:-2:2, 2:-2:2] = np.maximum.reduce(
        [
            contours[1:-2:2, 2:-2:2],
            contours[3::2, 2:-2:2],
            contours[2:-2:2, 1:-2:2],
            contours[2:-2:2, 3::2],
        ]
    )
    return contours
