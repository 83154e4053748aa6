"""Figures of embeddings: ROC curves, pairs that are confused, and a map."""

from collections.abc import Mapping
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.offsetbox import OffsetImage

from kcv.pixels import to_rgb
from kcv.visualize.figure import new_figure


def roc_figure(
    curves: Mapping[str, tuple[np.ndarray, np.ndarray]],
    min_far: float = 1e-3,
) -> Figure:
    """Draw the share of accepted pairs over the false accept rate.

    Args:
        curves: False accept rates and true accept rates of each system, two
            arrays (T,) in [0, 1] that rise together, by its name.
        min_far: False accept rate at which the logarithmic axis begins. Float
            in (0, 1). Defaults to 0.001.

    Returns:
        Matplotlib figure with one plot. A dotted line shows what guessing
        reaches.

    Raises:
        ValueError: If there is no curve.

    Example:

    >>> figure = roc_figure({"perfect": ([0.0, 1.0], [1.0, 1.0])})
    >>> figure.axes[0].get_xscale()
    'log'
    """
    if not curves:
        raise ValueError("`curves` must have at least one curve. Received: {}")
    figure = new_figure(7, 4.6)
    axes = figure.add_subplot()
    for name, (far, val) in curves.items():
        # The step before the axis begins is drawn from its left end.
        axes.step(
            np.maximum(far, min_far / 10),
            val,
            where="post",
            label=name.replace("$", r"\$"),
            linewidth=1.3,
        )
    guess = np.geomspace(min_far, 1, 50)
    axes.plot(guess, guess, ":", color="gray", linewidth=1, label="guessing")
    axes.set(
        xlabel="false accept rate",
        ylabel="true accept rate",
        xscale="log",
        xlim=(min_far, 1),
        ylim=(0, 1.01),
    )
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def pairs_figure(
    rows: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray, str]]],
    side: float = 0.8,
) -> Figure:
    """Show pairs of images, each pair with a text, in titled rows.

    Args:
        rows: Pairs by the title of their row. A pair is two images (H, W, 3),
            0..255, and the text below them, such as their distance.
        side: Height of an image in inches. Defaults to 0.8.

    Returns:
        Matplotlib figure. The images of a pair stand side by side.

    Raises:
        ValueError: If there is no pair.

    Example:

    >>> face = np.zeros((8, 8, 3))
    >>> figure = pairs_figure({"Same person": [(face, face, "0.00")]})
    >>> len(figure.axes)
    1
    """
    columns = max(map(len, rows.values()), default=0)
    if not columns:
        raise ValueError("`rows` must have at least one pair. Received: none")
    figure = new_figure(columns * (2 * side + 0.15), len(rows) * (side + 0.55))
    parts = np.atleast_1d(figure.subfigures(len(rows), 1))
    for part, (title, pairs) in zip(parts, rows.items(), strict=True):
        part.suptitle(title.replace("$", r"\$"), fontsize=9, x=0.01, ha="left")
        grid = part.subplots(1, columns, squeeze=False)[0]
        for axes in grid[len(pairs) :]:
            axes.set_axis_off()
        for axes, (first, second, text) in zip(grid, pairs, strict=False):
            images = [to_rgb(image, clip=True) for image in (first, second)]
            axes.imshow(np.hstack(images))
            axes.set(xticks=[], yticks=[])
            axes.set_xlabel(text.replace("$", r"\$"), fontsize=7, labelpad=2)
            axes.spines[:].set_visible(False)
    return figure


def embedding_figure(
    points: np.ndarray,
    images: Sequence[np.ndarray],
    labels: Sequence[int],
    side: float = 0.36,
) -> Figure:
    """Draw images at the places of their embeddings in the plane.

    Args:
        points: Places of the images. Array (N, 2).
        images: N images (H, W, 3), 0..255.
        labels: Class of each image. N integers. Images of one class have a
            frame of one color.
        side: Side of an image in inches. Defaults to 0.36.

    Returns:
        Matplotlib figure with one plot without axes.

    Raises:
        ValueError: If the lengths differ, or there is no image.

    Example:

    >>> faces = [np.zeros((8, 8, 3))] * 2
    >>> figure = embedding_figure(np.eye(2), faces, [0, 1])
    >>> len(figure.axes[0].artists)
    2
    """
    points = np.asarray(points, np.float64)
    if not (points.ndim == 2 and points.shape[1:] == (2,) and len(points)):
        raise ValueError(
            "`points` must be an array (N, 2) with at least one row. "
            f"Received: points.shape={points.shape}"
        )
    if not len(points) == len(images) == len(labels):
        raise ValueError(
            f"`images` and `labels` must have {len(points)} entries, as "
            f"`points` has. Received: {len(images)} images and {len(labels)} "
            "labels"
        )
    figure = new_figure(9, 7)
    axes = figure.add_subplot()
    colors = matplotlib.colormaps["tab20"].colors
    order = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    for point, image, label in zip(points, images, labels, strict=True):
        pixels = to_rgb(image, clip=True)
        # Zoom counts pixels of 1/72 inch.
        picture = OffsetImage(pixels, zoom=72 * side / max(pixels.shape[:2]))
        color = colors[order[label] % len(colors)]
        frame = {"edgecolor": color, "linewidth": 2}
        axes.add_artist(
            AnnotationBbox(picture, point, pad=0.1, bboxprops=frame)
        )
    margin = 0.06 * np.maximum(np.ptp(points, axis=0), 1e-6)
    (left, bottom), (right, top) = (
        points.min(axis=0) - margin,
        points.max(axis=0) + margin,
    )
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.set_axis_off()
    return figure
