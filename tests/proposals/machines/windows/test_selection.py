"""Selections are those of the definitions, and of the authors."""

import numpy as np
import pytest

from kcv.metrics.box_iou import box_iou
from kcv.proposals.machines.windows.selection import diversify
from kcv.proposals.machines.windows.selection import grid_maxima
from kcv.proposals.machines.windows.selection import suppress


def random_boxes(count, seed=0, side=40):
    rng = np.random.default_rng(seed)
    low = rng.integers(0, side - 1, (count, 2))
    high = rng.integers(low + 1, side + 1)
    return np.concatenate([low, high], 1), rng.random(count)


@pytest.mark.parametrize("iou", [0.3, 0.75])
def test_suppression_is_that_of_the_definition(iou):
    boxes, scores = random_boxes(300)
    scores = scores.round(1)  # with ties
    overlaps = box_iou(boxes.astype(float), boxes.astype(float))
    left = sorted(range(300), key=lambda index: (-scores[index], index))
    expected = []
    while left:
        best = left.pop(0)
        expected.append(best)
        left = [index for index in left if overlaps[best, index] <= iou]
    assert suppress(boxes, scores, iou).tolist() == expected
    assert suppress(boxes, scores, iou, 7).tolist() == expected[:7]
    assert suppress(boxes[:0], scores[:0], iou).tolist() == []


def test_an_overlap_of_exactly_the_limit_is_kept():
    boxes = np.array([[0, 0, 4, 4], [0, 0, 4, 2]])
    scores = np.array([2.0, 1.0])
    assert suppress(boxes, scores, 0.5).tolist() == [0, 1]
    assert suppress(boxes, scores, 0.49).tolist() == [0]


def test_diversity_is_that_of_the_definition():
    boxes, scores = random_boxes(60)
    overlaps = box_iou(boxes.astype(float), boxes.astype(float))
    order, values = diversify(scores, overlaps.__getitem__, 0.6)
    assert sorted(order.tolist()) == [*range(60)]
    assert (np.diff(values) <= 0).all()
    for step in range(60):
        chosen = order[:step]
        highest = overlaps[chosen].max(0) if step else 0
        now = 0.6 * scores - 0.4 * highest
        now[chosen] = -np.inf
        assert order[step] == now.argmax()
        assert values[step] == pytest.approx(now.max())
    few, _ = diversify(scores, overlaps.__getitem__, 0.6, count=5)
    assert few.tolist() == order[:5].tolist()
    alone, _ = diversify(scores, overlaps.__getitem__, 1.0)
    assert alone.tolist() == np.argsort(-scores).tolist()


@pytest.mark.parametrize(
    ("image", "shape"), [("toy_rect", (150, 200)), ("chelsea", (300, 451))]
)
def test_the_authors_grids_and_suppression(golden, image, shape):
    with np.load(golden / "proposals" / "rahtu.npz") as file:
        windows = file[f"{image}__nms_windows"].astype(int)
        scores = file[f"{image}__nms_scores"]
        maxima = file[f"{image}__nms_A_1001"]
        kept = file[f"{image}__nms_AB_100"]
    best = grid_maxima(windows - [1, 1, 0, 0], scores, shape, 1001)
    np.testing.assert_array_equal(best, maxima)
    chosen = suppress(windows[best], scores[best], 0.75, 100)
    np.testing.assert_array_equal(best[chosen], kept)


def test_maxima_are_better_than_their_neighbors():
    windows, scores = random_boxes(2000)
    scores -= 0.2  # some are negative
    # Cells of the coarsest grid, 2 x 2 x 2 x 2.
    cells = (2 * (windows + [1, 1, 0, 0]) - 1) // 80
    best = {}
    for cell, score in zip(map(tuple, cells), scores, strict=True):
        best[cell] = max(score, best.get(cell, score))
    expected = [
        best[cell]
        for cell in best
        if best[cell] > 0
        and all(
            best[other] < best[cell]
            for other in best
            if np.abs(np.subtract(cell, other)).sum() == 1
        )
    ]
    found = grid_maxima(windows, scores, (40, 40), len(expected), "paper")
    assert scores[found].tolist() == sorted(expected, reverse=True)


def test_grids_are_filled_with_the_best_of_the_rest():
    windows, scores = random_boxes(50)
    best = grid_maxima(windows, scores, (40, 40), 80)
    assert sorted(best.tolist()) == [*range(50)]
    assert len(grid_maxima(windows, scores, (40, 40), 3)) == 3


def test_unknown_neighbors():
    windows, scores = random_boxes(5)
    with pytest.raises(ValueError, match="`neighbors` must be.*'all'"):
        grid_maxima(windows, scores, (40, 40), 3, "all")
