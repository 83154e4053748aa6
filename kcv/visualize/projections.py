"""What feature maps have seen, as pictures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kcv.pixels import to_rgb
from kcv.visualize.figure import new_figure


def projections_figure(
    maps: Sequence[tuple[np.ndarray, np.ndarray]],
    titles: Sequence[str] | None = None,
) -> Figure:
    """Draw projections of activations beside the pixels that they are of.

    As in figure 2 of Zeiler and Fergus (2013): of each feature map its
    strongest activations, and the part of each image that has made them.

    Args:
        maps: of each feature map images (n, H, W, 3), 0..255, and the pixels
            of their projections (n, H, W, 3), both signs, as of
            `kcv.classification.project_activation`.
        titles: of the maps.

    Returns:
        A figure: a row for each map, images above their projections, cut to
        where the projection is not zero. Each projection has its own
        contrast, grey being zero.

    Raises:
        ValueError: if there is no map.

    Example:

    ```python
    projections_figure([(pixels, seen.pixels)], ["conv5_3, map 7"])
    ```
    """
    if not maps:
        raise ValueError("maps must not be empty")
    columns = max(len(images) for images, _ in maps)
    figure = new_figure(1.1 * columns, 2.4 * len(maps))
    grid = figure.subplots(2 * len(maps), columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, (images, projections) in enumerate(maps):
        above, below = grid[2 * number : 2 * number + 2]
        if titles is not None:
            above[0].set_title(titles[number], fontsize=8, loc="left")
        for image, projection, top, bottom in zip(
            images, projections, above, below, strict=False
        ):
            part = _seen(projection)
            top.imshow(to_rgb(image, clip=True)[part])
            bottom.imshow(_grey_is_zero(projection[part]))
    return figure


def _seen(projection):
    """Find the smallest rectangle with all nonzero pixels, or everything."""
    there = np.abs(projection).max(-1) > 0
    if not there.any():
        return slice(None), slice(None)
    rows, columns = (np.flatnonzero(there.any(axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _grey_is_zero(pixels):
    peak = max(float(np.abs(pixels).max()), 1e-12)
    return 0.5 + 0.5 * pixels / peak
