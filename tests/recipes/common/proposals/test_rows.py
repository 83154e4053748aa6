"""Tables of the methods, and what is said about their order."""

import numpy as np
import pytest

from kcv.proposals import METHODS
from recipes.common.proposals.published import CHANGES
from recipes.common.proposals.published import NUMBERS
from recipes.common.proposals.published import PUBLISHED
from recipes.common.proposals.published import TIMES_AS_FAST
from recipes.common.proposals.repeating import name_change
from recipes.common.proposals.rows import Measured
from recipes.common.proposals.rows import all_tables
from recipes.common.proposals.rows import describe_order


def measured(average_recall, seconds=0.5, mean_ap=0.4):
    recall = {
        "average_recall": average_recall,
        "average_best_overlap": 0.6,
        "proposals_per_image": 900.0,
        "recall_at_50": 0.9,
        "recall_at_70": 0.7,
        "recall_at_80": 0.5,
    }
    repeatability = {name_change(*change): 0.75 for change in CHANGES}
    return Measured(
        {"chelsea": seconds - 0.1, "coffee": seconds + 0.1},
        recall,
        {10: recall | {"average_recall": 0.1}, 1000: recall},
        np.array([0.4, 0.9]),
        repeatability | {"again": 1.0},
        mean_ap,
    )


def test_the_methods_of_the_paper():
    assert {*PUBLISHED} <= {*METHODS}
    assert len(PUBLISHED) == 16
    for name, paper in PUBLISHED.items():
        assert len(paper.over_number) == len(NUMBERS)
        assert len(paper.repeatability) in (0, len(CHANGES)), name
        # At 1,000 proposals, read off a figure.
        assert paper.over_number[2] == pytest.approx(
            paper.average_recall, abs=0.04
        )
        assert paper.recalls == tuple(sorted(paper.recalls, reverse=True))
    assert {*TIMES_AS_FAST} <= {*PUBLISHED}


def test_tables():
    every = {
        "selective_search": measured(0.5),
        "objectness": measured(0.2, seconds=0.7),
        "uniform": measured(0.3),
    }
    tables = all_tables(every)
    slide, times, recall, number, repeatability, order = tables.values()
    assert slide[0] == {
        "method": "selective_search",
        "approach": "grouping",
        "segments": "yes",
        "score": "yes",
        "control": "yes",
        "seconds": 0.5,
        "repeatability": 0.75,
        "average recall": 0.5,
        "mAP": 0.4,
        "paper: seconds": 10,
        "paper: repeatability": pytest.approx(9.28 / 13),
        "paper: average recall": 0.519,
        "paper: mAP": 0.595,
    }
    assert times[0]["times as fast"] == 20
    assert times[0]["at least 10 times"] == times[0]["aim reached"] == "yes"
    assert times[1]["times as fast"] == pytest.approx(3 / 0.7)
    assert times[1]["aim"] == "5 times"
    assert times[1]["aim reached"] == "NO"
    assert "times as fast" not in times[2]
    assert recall[1]["paper: IoU 0.7"] == 0.344
    assert (number[0]["10"], number[0]["1000"]) == (0.1, 0.5)
    assert number[0]["paper: 10000"] == 0.685
    assert repeatability[0]["other random numbers"] == 1
    assert repeatability[1]["paper: blur 8"] == 0.59
    assert [row["method"] for row in order] == [
        "selective_search",
        "uniform",
        "objectness",
    ]


def test_methods_that_are_not_in_the_figures_of_repeatability(monkeypatch):
    paper = PUBLISHED["uniform"]._replace(repeatability=())
    monkeypatch.setitem(PUBLISHED, "uniform", paper)
    row = all_tables({"uniform": measured(0.3)})["Repeatability"][0]
    assert "paper: blur 8" not in row
    slide = all_tables({"uniform": measured(0.3)})["The methods"][0]
    assert slide["paper: repeatability"] is None


def test_where_the_order_differs():
    recalls = {"selective_search": 0.5, "edge_boxes": 0.2, "uniform": 0.3}
    text = describe_order({k: measured(v) for k, v in recalls.items()})
    assert "2 of 3 pairs of methods are in the paper's order" in text
    assert "every grouping method is above every baseline" in text
    assert "the best is uniform with 0.300" in text
    recalls["selective_search"] = 0.29
    text = describe_order({k: measured(v) for k, v in recalls.items()})
    assert (
        "not above the best baseline, uniform with 0.300: selective_search "
        "(0.290)." in text
    )


def test_one_method_has_no_order():
    assert describe_order({"uniform": measured(0.3)}) == ""


def test_a_method_far_from_its_place_is_named():
    names = ("sliding_window", "uniform", "gaussian", "superpixels")
    recalls = dict(zip(names, (0.5, 0.4, 0.3, 0.2), strict=True))
    recalls["selective_search"] = 0.1
    text = describe_order({k: measured(v) for k, v in recalls.items()})
    assert "selective_search (place 5, the paper's is 1)" in text
    assert "uniform (place" not in text
