"""The tables of the methods that propose regions, the paper's figures beside.

Hosang et al., "What makes for effective detection proposals?", PAMI 2016,
table 1, with numbers where the paper has stars.
"""

from collections.abc import Mapping
from typing import Any
from typing import NamedTuple

import numpy as np

from kcv.proposals import METHODS
from recipes.common.proposals.published import CHANGES
from recipes.common.proposals.published import NUMBERS
from recipes.common.proposals.published import PUBLISHED
from recipes.common.proposals.published import TIMES_AS_FAST
from recipes.common.proposals.repeating import AGAIN
from recipes.common.proposals.repeating import name_change
from recipes.common.tables import Row

IOUS = (0.5, 0.7, 0.8)
_CHANGES = [name_change(*change) for change in CHANGES]
_FAR = 4  # places by which the order differs much


class Measured(NamedTuple):
    """Figures of one method.

    Attributes:
        seconds: Seconds of each photograph by its name.
        recall: Result of `kcv.metrics.proposal_recall`.
        over_number: The same by the maximum number of proposals.
        overlaps: IoUs (N,) with which the N objects are covered.
        repeatability: Repeatability by the text of the change.
        mean_ap: Mean average precision of the detector that is given these
            proposals.
    """

    seconds: Mapping[str, float]
    recall: Mapping[str, float]
    over_number: Mapping[int, Mapping[str, float]]
    overlaps: np.ndarray
    repeatability: Mapping[str, float]
    mean_ap: float

    @property
    def mean_seconds(self) -> float:
        """Mean seconds of a photograph."""
        return float(np.mean([*self.seconds.values()]))

    @property
    def mean_repeatability(self) -> float:
        """Mean over the changes of which the paper's figures are listed."""
        return float(np.mean([self.repeatability[name] for name in _CHANGES]))


def all_tables(measured: Mapping[str, Measured]) -> dict[str, list[Row]]:
    """Make all tables.

    Args:
        measured: Figures of each method by its name.

    Returns:
        Rows by the caption of the table.
    """
    return {
        "The methods": [method_row(*item) for item in measured.items()],
        "Time of an image of 375 x 500 pixels, one thread": [
            time_row(*item) for item in measured.items()
        ],
        "Recall": [recall_row(*item) for item in measured.items()],
        "Average recall over the number of proposals": [
            number_row(*item) for item in measured.items()
        ],
        "Repeatability": [
            repeatability_row(*item) for item in measured.items()
        ],
        "Order of the methods": order_rows(measured),
    }


def method_row(method: str, measured: Measured) -> Row:
    """Make the row of the paper's table 1."""
    about, paper = METHODS[method], PUBLISHED[method]
    papers = paper.repeatability
    return {
        "method": method,
        "approach": about.approach,
        "segments": _yes(about.segments),
        "score": _yes(about.scores),
        "control": _yes(about.control),
        "seconds": measured.mean_seconds,
        "repeatability": measured.mean_repeatability,
        "average recall": measured.recall["average_recall"],
        "mAP": measured.mean_ap,
        "paper: seconds": paper.seconds,
        "paper: repeatability": float(np.mean(papers)) if papers else None,
        "paper: average recall": paper.average_recall,
        "paper: mAP": paper.mean_ap,
    }


def time_row(method: str, measured: Measured) -> Row:
    """Compare the time of a method with the published one."""
    paper = PUBLISHED[method].seconds
    row = {
        "method": method,
        **measured.seconds,
        "mean": measured.mean_seconds,
        "paper: seconds": paper,
    }
    if paper:  # The samplers take no time in the paper.
        times = paper / measured.mean_seconds
        row["times as fast"] = times
        row["at least 10 times"] = _yes(times >= 10)
        if wanted := TIMES_AS_FAST.get(method):
            row["aim"] = f"{wanted:g} times"
            row["aim reached"] = "yes" if times >= wanted else "NO"
    return row


def recall_row(method: str, measured: Measured) -> Row:
    """Compare recall with the published one, at the same number."""
    paper = PUBLISHED[method]
    names = [f"recall_at_{iou * 100:g}" for iou in IOUS]
    recall = measured.recall
    return {
        "method": method,
        "boxes of an image": recall["proposals_per_image"],
        **{f"IoU {i}": recall[k] for i, k in zip(IOUS, names, strict=True)},
        "average recall": recall["average_recall"],
        "average best overlap": recall["average_best_overlap"],
        **{
            f"paper: IoU {iou}": value
            for iou, value in zip(IOUS, paper.recalls, strict=True)
        },
        "paper: average recall": paper.average_recall,
    }


def number_row(method: str, measured: Measured) -> Row:
    """Compare average recalls at several numbers of proposals."""
    return {
        "method": method,
        **{
            f"{count}": recall["average_recall"]
            for count, recall in measured.over_number.items()
        },
        **{
            f"paper: {count}": recall
            for count, recall in zip(
                NUMBERS, PUBLISHED[method].over_number, strict=True
            )
        },
    }


def repeatability_row(method: str, measured: Measured) -> Row:
    """Compare repeatability under each change that the paper's figures show."""
    paper = PUBLISHED[method].repeatability
    return {
        "method": method,
        "other random numbers": measured.repeatability[AGAIN],
        **{name: measured.repeatability[name] for name in _CHANGES},
        **{
            f"paper: {name}": value
            for name, value in zip(_CHANGES, paper, strict=bool(paper))
        },
    }


def order_rows(measured: Mapping[str, Measured]) -> list[Row]:
    """List the places of the methods by average recall and by mAP."""
    by_recall = _places({k: _recall(v) for k, v in measured.items()})
    by_map = _places({k: v.mean_ap for k, v in measured.items()})
    papers_recall = _places({k: PUBLISHED[k].average_recall for k in measured})
    papers_map = _places({k: PUBLISHED[k].mean_ap for k in measured})
    return [
        {
            "method": method,
            "approach": METHODS[method].approach,
            "place by average recall": place,
            "place by mAP": by_map[method],
            "paper: place by average recall": papers_recall[method],
            "paper: place by mAP": papers_map[method],
        }
        for method, place in sorted(by_recall.items(), key=lambda x: x[1])
    ]


def describe_order(measured: Mapping[str, Measured]) -> str:
    """Say where the order of the methods differs from the paper's.

    Args:
        measured: Figures of each method by its name.

    Returns:
        Some sentences, or none for a single method.
    """
    ours = {k: _recall(v) for k, v in measured.items()}
    papers = {k: PUBLISHED[k].average_recall for k in measured}
    names = [*measured]
    if len(names) < 2:
        return ""
    pairs = [
        (ours[a] > ours[b]) == (papers[a] > papers[b])
        for number, a in enumerate(names)
        for b in names[:number]
    ]
    here, there = _places(ours), _places(papers)
    moved = [
        f"{name} (place {here[name]}, the paper's is {there[name]})"
        for name in sorted(names, key=here.__getitem__)
        if abs(here[name] - there[name]) >= _FAR
    ]
    text = (
        f"By average recall, {sum(pairs)} of {len(pairs)} pairs of methods are "
        "in the paper's order. "
    )
    if moved:
        text += f"Far from their place are {', '.join(moved)}. "
    return text + _describe_baselines(ours)


def _describe_baselines(recalls: Mapping[str, float]) -> str:
    baselines = {
        name: value
        for name, value in recalls.items()
        if METHODS[name].approach == "baseline"
    }
    grouping = {
        name: value
        for name, value in recalls.items()
        if METHODS[name].approach == "grouping"
    }
    if not baselines or not grouping:
        return ""
    best = max(baselines, key=baselines.__getitem__)
    best_text = f"{best} with {baselines[best]:.3f}"
    below = [
        f"{name} ({value:.3f})"
        for name, value in grouping.items()
        if value <= baselines[best]
    ]
    if below:
        return (
            "Grouping methods that, other than in the paper, are not above the "
            f"best baseline, {best_text}: {', '.join(below)}."
        )
    return (
        "As in the paper, every grouping method is above every baseline, of "
        f"which the best is {best_text}."
    )


def _recall(measured: Measured) -> float:
    return measured.recall["average_recall"]


def _places(values: Mapping[str, float]) -> dict[str, int]:
    order = sorted(values, key=lambda name: -values[name])
    return {name: place for place, name in enumerate(order, start=1)}


def _yes(value: Any) -> str:
    return "yes" if value else "–"
