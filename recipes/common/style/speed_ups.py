"""Speed-ups of one pass over optimization, beside those of Johnson et al."""

import numpy as np
from matplotlib.figure import Figure

from kcv.visualize import new_figure

ITERATIONS = (100, 300, 500)
# Seconds on a Titan X by side: of 100, 300 and 500 iterations, of one pass.
PAPER = {
    256: (3.17, 9.52, 15.86, 0.015),
    512: (10.97, 32.91, 54.85, 0.05),
    1024: (42.89, 128.66, 214.44, 0.21),
}
# As the paper gives them, from times that were not rounded.
PAPER_SPEED_UPS = {
    256: (212, 636, 1060),
    512: (205, 615, 1026),
    1024: (208, 625, 1042),
}


def list_speed_ups(
    side: int, iteration: float, one_pass: float
) -> dict[str, float | str]:
    """List times and speed-ups of one size, ours and the paper's.

    Args:
        side: Side of the square in pixels.
        iteration: Seconds of one iteration of L-BFGS.
        one_pass: Seconds of one pass of the network.

    Returns:
        Row of the table: dict from column to value.
    """
    seconds = {f"{n} iterations, s": n * iteration for n in ITERATIONS}
    ours = {f"{n} / pass": n * iteration / one_pass for n in ITERATIONS}
    theirs = {}
    if side in PAPER:
        *optimized, network = PAPER[side]
        for n, value in zip(ITERATIONS, optimized, strict=True):
            theirs[f"paper: {n} iterations, s"] = value
        theirs["paper: one pass, s"] = network
        for n, value in zip(ITERATIONS, PAPER_SPEED_UPS[side], strict=True):
            theirs[f"paper: {n} / pass"] = value
    return {
        "pixels": f"{side} x {side}",
        **seconds,
        "one pass, s": one_pass,
        **ours,
        **theirs,
    }


def draw_speed_ups(rows: list[dict]) -> Figure:
    """Draw the speed-ups over 500 iterations, ours beside the paper's."""
    figure = new_figure(6, 2.8)
    axes = figure.add_subplot()
    places = np.arange(len(rows))
    for shift, name, label in (
        (-0.2, "500 / pass", "this machine"),
        (0.2, "paper: 500 / pass", "paper, Titan X"),
    ):
        values = [each.get(name, np.nan) for each in rows]
        drawn = axes.bar(places + shift, values, 0.4, label=label)
        axes.bar_label(drawn, fmt="%.0f", fontsize=8)
    axes.set_xticks(places, [each["pixels"] for each in rows])
    axes.set_ylabel("times as fast as 500 iterations")
    axes.margins(y=0.1)
    axes.legend(
        fontsize=8,
        frameon=False,
        ncols=2,
        loc="lower right",
        bbox_to_anchor=(1, 1),
    )
    return figure
