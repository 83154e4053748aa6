import numpy as np

from kcv.proposals.machines.regions.segment_overlap import segment_iou
from kcv.proposals.machines.regions.segment_runs import distinct_runs
from kcv.proposals.machines.regions.segment_runs import diversify_runs
from kcv.proposals.machines.regions.segment_runs import find_runs
from kcv.proposals.machines.regions.segment_runs import select_runs
from kcv.proposals.machines.windows.selection import diversify


def random_table(count=120, superpixels=25):
    random = np.random.default_rng(0)
    table = random.uniform(size=(count, superpixels)) < 0.4
    table[random.integers(0, count, count // 3)] = table[0] ^ (
        random.uniform(size=(count // 3, superpixels)) < 0.1
    )
    table[:, 0] |= ~table.any(1)
    return table, random.integers(1, 50, superpixels)


def test_runs_have_the_superpixels_of_the_table():
    table, areas = random_table()
    runs = find_runs(table, areas)
    rebuilt = np.zeros_like(table)
    for row in range(len(table)):
        for run in range(runs.starts[row], runs.starts[row + 1]):
            rebuilt[row, runs.first[run] : runs.last[run]] = True
    np.testing.assert_array_equal(rebuilt, table)
    np.testing.assert_array_equal(runs.sizes, table @ areas)


def test_selected_runs_are_those_of_the_selected_rows():
    table, areas = random_table()
    rows = np.array([5, 3, 3, 80])
    found = select_runs(find_runs(table, areas), rows)
    for own, expected in zip(found, find_runs(table[rows], areas), strict=True):
        np.testing.assert_array_equal(own, expected)


def test_repetitions_are_those_of_a_matrix_of_overlaps():
    table, areas = random_table()
    overlaps = segment_iou(table, table, areas)
    kept = []
    for row in range(len(table)):
        if all(overlaps[row, other] < 0.8 for other in kept):
            kept.append(row)
    assert len(kept) < len(table)
    found = distinct_runs(find_runs(table, areas), 0.8)
    assert found.tolist() == kept


def test_order_is_that_of_diversify():
    table, areas = random_table()
    overlaps = segment_iou(table, table, areas).astype(np.float64)
    scores = np.random.default_rng(1).uniform(size=len(table))
    runs = find_runs(table, areas)
    for weight in (0.0, 0.7, 1.0):
        order, values = diversify_runs(runs, scores, weight)
        expected = diversify(scores, overlaps.__getitem__, weight)
        if weight:  # equal values have no order that rounding keeps
            np.testing.assert_array_equal(order, expected[0])
        np.testing.assert_allclose(values, expected[1], atol=1e-6)
    few, _ = diversify_runs(runs, scores, 0.7, 10)
    assert few.tolist() == diversify_runs(runs, scores, 0.7)[0][:10].tolist()
