"""Curves of recall, one per method."""

from collections.abc import Mapping

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from kcv.metrics import recall_over_iou
from kcv.proposals import METHODS
from kcv.visualize import new_figure
from recipes.common.proposals.rows import Measured

_STYLES = {"grouping": "-", "window scoring": "--", "baseline": ":"}


def recall_figure(measured: Mapping[str, Measured], count: int) -> Figure:
    """Draw recall over IoU, and average recall over the number of proposals.

    Args:
        measured: Figures of each method by its name.
        count: Number of proposals of the curves over IoU.

    Returns:
        Matplotlib figure with two plots.
    """
    figure = new_figure(11, 4.6)
    left, right = figure.subplots(1, 2)
    ious = np.arange(500, 1001) / 1000
    for (name, own), color in zip(
        measured.items(), _colors(measured), strict=True
    ):
        style = {
            "color": color,
            "linestyle": _STYLES[METHODS[name].approach],
            "linewidth": 1.5,
            "label": name,
        }
        left.plot(ious, recall_over_iou(own.overlaps, ious), **style)
        numbers, recalls = (
            [recall[key] for recall in own.over_number.values()]
            for key in ("proposals_per_image", "average_recall")
        )
        right.plot(numbers, recalls, marker=".", **style)
    left.set(
        xlabel="IoU",
        ylabel=f"recall at {count:,} proposals",
        xlim=(0.5, 1),
        ylim=(0, 1),
    )
    right.set(
        xlabel="proposals of an image",
        ylabel="average recall",
        xscale="log",
        ylim=(0, None),
    )
    for axes in left, right:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *left.get_legend_handles_labels(),
        loc="outside right center",
        fontsize=8,
        frameon=False,
    )
    return figure


def _colors(measured):
    """Choose a color for each method, shades of gray for the baselines."""
    approaches = [METHODS[name].approach for name in measured]
    colors = {
        approach: iter(matplotlib.colormaps["tab10"].colors)
        for approach in _STYLES
    }
    grays = np.linspace(0.2, 0.7, approaches.count("baseline"))
    colors["baseline"] = iter([str(gray) for gray in grays])
    return [next(colors[approach]) for approach in approaches]
