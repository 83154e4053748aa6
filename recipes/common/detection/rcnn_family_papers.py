"""The tables of the R-CNN family: the papers' figures beside ours."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from kcv.visualize import new_figure

FEW = 300  # Regions of Faster R-CNN.


class Published(NamedTuple):
    """What a paper reports of a system: VGG-16, VOC 2007, an NVIDIA K40."""

    seconds: float  # Of an image.
    mean_ap: float
    training_hours: float | None = None


RCNN, FAST, SVD = "R-CNN", "Fast R-CNN", "Fast R-CNN, truncated SVD"
SEARCH = "Selective Search + Fast R-CNN"
UNSHARED, SHARED = "RPN, unshared", "RPN, shared"

# Without proposals, Girshick 2015, table 4.
NETWORK = {
    RCNN: Published(47.0, 0.660, 84.0),
    FAST: Published(0.32, 0.669, 9.5),
    SVD: Published(0.22, 0.666),
}
# With proposals, Ren et al. 2015; the first with 2000 regions.
WHOLE = {
    SEARCH: Published(1.830, 0.669),
    UNSHARED: Published(0.342, 0.685),
    SHARED: Published(0.198, 0.699),
}
# Table 5: of 1830 ms, Selective Search took 1510.
SEARCH_SECONDS = 1.510


def network_rows(seconds: Mapping, quality: Mapping) -> list[dict]:
    """Compare the networks on given regions, as table 4 of Girshick 2015 does.

    Args:
        seconds: Seconds per image of each system, see `time_systems`.
        quality: Content of `metrics.json` of each system, by its name. It may
            be empty.

    Returns:
        One row per system: dict from column to value.
    """
    search = seconds["Selective Search"]
    rows = []
    for name, paper in NETWORK.items():
        run = quality.get(name, {})
        theirs = paper.seconds + SEARCH_SECONDS
        rows.append(
            {
                "system": name,
                "s per image": seconds[name],
                "times as fast": seconds[RCNN] / seconds[name],
                "share of proposals": search / (search + seconds[name]),
                "voc07_map": run.get("voc07_map"),
                "training, min": _training_minutes(run),
                "paper: s per image": paper.seconds,
                "paper: times as fast": NETWORK[RCNN].seconds / paper.seconds,
                "paper: share of proposals": SEARCH_SECONDS / theirs,
                "paper: mAP": paper.mean_ap,
                "paper: training, h": paper.training_hours,
            }
        )
    return rows


def whole_rows(seconds: Mapping, quality: Mapping) -> list[dict]:
    """Compare where regions come from, as tables 3 and 5 of Ren et al. do.

    Args:
        seconds: Seconds per image of each system, see `time_systems`.
        quality: Content of `metrics.json` of each system, by its name. It may
            be empty.

    Returns:
        One row per system: dict from column to value.
    """
    shared = quality.get(SHARED, {})
    found = {
        SEARCH: quality.get(FAST, {}).get("voc07_map"),
        UNSHARED: shared.get("unshared_voc07_map"),
        SHARED: shared.get("voc07_map"),
    }
    rows = []
    for name, parts in whole_parts(seconds).items():
        rows.append(
            {
                "system": name,
                "ms per image": 1e3 * sum(parts.values()),
                **{f"of it {k}": 1e3 * v for k, v in parts.items()},
                "voc07_map": found[name],
                "paper: ms per image": 1e3 * WHOLE[name].seconds,
                "paper: mAP": WHOLE[name].mean_ap,
            }
        )
    return rows


def whole_parts(seconds: Mapping) -> dict[str, dict[str, float]]:
    """Divide the times of whole systems into regions and detector."""
    alone = seconds[f"{FAST}, {FEW} regions"]
    return {
        SEARCH: {"regions": seconds["Selective Search"], "detector": alone},
        UNSHARED: {"regions": seconds["RPN alone"], "detector": alone},
        # The regions cost what they add to the detector.
        SHARED: {
            "regions": max(seconds[SHARED] - alone, 0.0),
            "detector": min(seconds[SHARED], alone),
        },
    }


def seconds_figure(seconds: Mapping) -> Figure:
    """Draw the times of both tables, of the first on a logarithmic axis."""
    figure = new_figure(9, 3.2)
    left, right = figure.subplots(1, 2)
    names = [*NETWORK]
    left.barh(names, [seconds[name] for name in names], height=0.5)
    left.plot(
        [NETWORK[name].seconds for name in names], names, "kD", label="paper"
    )
    left.set(xscale="log", xlabel="seconds per image, regions given")
    left.legend(frameon=False, fontsize=8)
    parts = whole_parts(seconds)
    start = np.zeros(len(parts))
    for part in "regions", "detector":
        values = np.array([row[part] for row in parts.values()])
        right.barh([*parts], values, left=start, height=0.5, label=part)
        start += values
    right.set(xlabel=f"seconds per image, {FEW} regions")
    right.legend(frameon=False, fontsize=8)
    for axes in left, right:
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure


def _training_minutes(run):
    parts = [run.get(k) for k in ("seconds", "svm_seconds") if k in run]
    return sum(parts) / 60 if parts else None
