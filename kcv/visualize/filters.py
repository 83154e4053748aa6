"""Drawing of the filters of a convolution."""

import math

import numpy as np
from matplotlib.figure import Figure

from kcv.visualize.figure import new_figure

GAP = 1  # cells between two filters


def filters_figure(kernel: np.ndarray, scale: float | None = None) -> Figure:
    """Draw the filters of a first convolution side by side.

    Zero is middle gray. By default, every filter has its own contrast, as in
    figure 3 of Krizhevsky et al. (2012).

    Args:
        kernel: Kernel (h, w, channels, n) with one channel or RGB, such as
            `model.get_layer("conv1").kernel`.
        scale: Absolute weight that is drawn as white or black. Positive float.
            If None, it is the largest of each filter. Defaults to None.

    Returns:
        Matplotlib figure with n filters in a near square.

    Raises:
        ValueError: If the kernel has another shape, or a weight is not finite.

    Example:

    ```python
    filters_figure(model.get_layer("conv1").kernel).savefig("filters.png")
    ```
    """
    kernel = np.asarray(kernel, np.float32)
    if kernel.ndim != 4 or kernel.shape[2] not in (1, 3):
        raise ValueError(
            "`kernel` must have the shape (h, w, 1 or 3, n). Received: "
            f"kernel of shape {kernel.shape}"
        )
    if not np.isfinite(kernel).all():
        raise ValueError("`kernel` must have finite weights only")
    height, width, channels, count = kernel.shape
    peak = np.abs(kernel).max((0, 1, 2)) if scale is None else scale
    shade = np.clip(0.5 + 0.5 * kernel / np.maximum(peak, 1e-12), 0, 1)

    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.ones(
        (rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels)
    )
    for number in range(count):
        row, column = divmod(number, columns)
        y, x = row * (height + GAP), column * (width + GAP)
        sheet[y : y + height, x : x + width] = shade[..., number]
    figure = new_figure(5, 5 * sheet.shape[0] / sheet.shape[1])
    axes = figure.add_subplot()
    axes.imshow(
        sheet.squeeze(2) if channels == 1 else sheet,
        cmap="gray",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    axes.set_axis_off()
    return figure
