"""Drawing of activations that are projected back to pixels."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from kcv.pixels import to_rgb
from kcv.visualize.figure import new_figure


def projections_figure(
    maps: Sequence[tuple[np.ndarray, np.ndarray]],
    titles: Sequence[str] | None = None,
) -> Figure:
    """Draw projections of activations beside the image parts that cause them.

    The figure follows figure 2 of Zeiler and Fergus (2013): for each feature
    map its strongest activations, and the part of each image that causes them.

    Args:
        maps: Pairs of images (n, H, W, 3) with values in [0, 255] and of the
            pixels of their projections (n, H, W, 3), which have both signs, as
            `kcv.classification.project_activation` returns them. Each pair
            belongs to one feature map.
        titles: Titles of the feature maps. If None, there are none. Defaults to
            None.

    Returns:
        Matplotlib figure with a row for each feature map, where images are
        above their projections. Both are cropped to the part in which the
        projection is not zero. Each projection has its own contrast, and zero
        is gray.

    Raises:
        ValueError: If `maps` is empty.

    Example:

    ```python
    projections_figure([(pixels, seen.pixels)], ["conv5_3, map 7"])
    ```
    """
    if not maps:
        raise ValueError("`maps` must not be empty. Received: no feature map")
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
            part = _find_extent(projection)
            top.imshow(to_rgb(image, clip=True)[part])
            bottom.imshow(_center_at_gray(projection[part]))
    return figure


def _find_extent(projection):
    """Return the smallest rectangle with all nonzero pixels, or the whole."""
    there = np.abs(projection).max(-1) > 0
    if not there.any():
        return slice(None), slice(None)
    rows, columns = (np.flatnonzero(there.any(axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _center_at_gray(pixels):
    peak = max(float(np.abs(pixels).max()), 1e-12)
    return 0.5 + 0.5 * pixels / peak
