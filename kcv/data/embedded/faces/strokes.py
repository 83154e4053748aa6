"""Soft shapes that faces are painted with.

Letters: P pixels. Every edge is wide enough for its pixels, so that nothing
needs to be drawn larger and scaled down.
"""

from collections.abc import Sequence

import numpy as np


def step(distance: np.ndarray, sharpness: float) -> np.ndarray:
    """Pass from 0 to 1 where a distance changes its sign.

    Args:
        distance: Signed distances to an edge, positive inside, of any shape.
        sharpness: Inverse of half the width of the logistic edge.

    Returns:
        Array of the shape of `distance`.
    """
    # The logistic function, written so that it cannot overflow.
    return 0.5 + 0.5 * np.tanh(distance * np.float32(sharpness))


def bumps(
    x: np.ndarray,
    y: np.ndarray,
    shapes: Sequence[tuple[float, float, float, float, float]],
    mirrored: bool = False,
) -> np.ndarray:
    """Add up Gaussian bumps.

    Args:
        x: Coordinates to the right, (P,).
        y: Coordinates downward, (P,).
        shapes: Height, center x, center y, and widths in x and y of each.
        mirrored: Whether each bump also stands at -x. Defaults to False.

    Returns:
        The sum, (P,).
    """
    x = np.abs(x) if mirrored else x
    total = np.zeros_like(x)
    for height, x0, y0, wide, high in shapes:
        away = ((x - x0) * (1 / wide)) ** 2 + ((y - y0) * (1 / high)) ** 2
        total += height * np.exp(-away)
    return total


def blend(
    albedo: np.ndarray,
    cover: np.ndarray,
    color: np.ndarray,
    where: np.ndarray | None = None,
) -> None:
    """Paint with one color, in place.

    Args:
        albedo: Colors (3, P) that are changed.
        cover: Share of each pixel that is painted, (P,), or in the shape of
            `where`.
        color: Color to paint with, (3,) or one for each pixel, (3, P).
        where: Indices of the painted pixels, (K,) integers. If None, all pixels
            are painted. Defaults to None.
    """
    color = color[:, None] if color.ndim == 1 else color
    if where is None:
        albedo += cover * (color - albedo)
    else:
        under = albedo[:, where]
        albedo[:, where] = under + cover * (color - under)
