"""Neighbors and what lies between them, against plain loops."""

import numpy as np
import pytest

from kcv.proposals.machines.regions.region_graph import adjacent_pairs
from kcv.proposals.machines.regions.region_graph import border_strengths
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.region_graph import perimeters
from kcv.proposals.machines.regions.region_graph import reduce_borders
from kcv.proposals.machines.regions.region_graph import touched_sides

NEIGHBORS = {4: ((0, 1), (1, 0)), 8: ((0, 1), (1, 0), (1, 1), (1, -1))}


@pytest.fixture
def blocks():
    """0 1 2 over 3 4 5, each of 6 x 5 pixels."""
    labels = np.arange(6, dtype=np.int32).reshape(2, 3)
    return labels.repeat(6, 0).repeat(5, 1)


@pytest.fixture
def ragged():
    """Seven segments with ragged borders."""
    return np.random.default_rng(0).integers(0, 7, (9, 11)).astype(np.int32)


def borders_by_loops(labels, connectivity):
    """The pixel pairs (in segment a, in segment b) of each border a < b."""
    height, width = labels.shape
    found = {}
    for y in range(height):
        for x in range(width):
            for down, right in NEIGHBORS[connectivity]:
                v, u = y + down, x + right
                if v >= height or not 0 <= u < width:
                    continue
                ends = sorted([(labels[y, x], y, x), (labels[v, u], v, u)])
                if ends[0][0] == ends[1][0]:
                    continue
                pair = int(ends[0][0]), int(ends[1][0])
                pixels = tuple(row * width + column for _, row, column in ends)
                found.setdefault(pair, set()).add(pixels)
    return found


def test_blocks_and_their_diagonals(blocks):
    assert adjacent_pairs(blocks).tolist() == [
        *([0, 1], [0, 3], [0, 4]),
        *([1, 2], [1, 3], [1, 4], [1, 5]),
        *([2, 4], [2, 5]),
        *([3, 4], [4, 5]),
    ]


def test_one_segment_has_no_neighbor():
    labels = np.zeros((3, 4), np.int32)
    assert adjacent_pairs(labels).shape == (0, 2)
    borders = find_borders(labels)
    assert borders.pairs.shape == (0, 2)
    assert borders.starts.tolist() == [0]
    assert reduce_borders(borders, np.zeros(0), "median").shape == (0,)
    assert perimeters(borders, 1).tolist() == [0]
    assert touched_sides(labels).tolist() == [[True] * 4]


def test_blocks_touch_along_edges(blocks):
    borders = find_borders(blocks)
    assert borders.pairs.tolist() == [
        *([0, 1], [0, 3], [1, 2], [1, 4]),
        *([2, 5], [3, 4], [4, 5]),
    ]
    assert np.diff(borders.starts).tolist() == [6, 5, 6, 5, 5, 6, 6]
    assert perimeters(borders, 6).tolist() == [11, 17, 11, 11, 17, 11]


@pytest.mark.parametrize("connectivity", [4, 8])
def test_borders_are_those_of_plain_loops(ragged, connectivity):
    borders = find_borders(ragged, connectivity)
    expected = borders_by_loops(ragged, connectivity)
    assert borders.pairs.tolist() == [[*pair] for pair in sorted(expected)]
    for number, pair in enumerate(sorted(expected)):
        own = slice(borders.starts[number], borders.starts[number + 1])
        ends = zip(borders.first[own], borders.second[own], strict=True)
        assert {*ends} == expected[pair]
    if connectivity == 8:
        assert borders.pairs.tolist() == adjacent_pairs(ragged).tolist()


@pytest.mark.parametrize(
    ("reduce", "twin"),
    [
        ("sum", np.sum),
        ("mean", np.mean),
        ("median", np.median),
        (25, lambda values: np.percentile(values, 25)),
        (100, np.max),
    ],
)
def test_strengths_are_reduced_over_each_border(ragged, reduce, twin):
    strength = np.random.default_rng(1).random(ragged.shape)
    pairs, strengths = border_strengths(ragged, strength, reduce)
    expected = {
        pair: twin([strength.ravel()[[*ends]].mean() for ends in border])
        for pair, border in borders_by_loops(ragged, 4).items()
    }
    assert pairs.tolist() == [[*pair] for pair in sorted(expected)]
    np.testing.assert_allclose(
        strengths, [expected[pair] for pair in sorted(expected)]
    )


def test_an_edge_counts_where_a_border_runs_along_it(blocks):
    # Vertical edges everywhere: their normals are horizontal.
    ones, zeros = np.ones(blocks.shape), np.zeros(blocks.shape)
    pairs, strengths = border_strengths(blocks, ones, orientation=zeros)
    vertical = pairs[:, 1] - pairs[:, 0] == 1
    np.testing.assert_allclose(strengths, vertical, atol=1e-12)
    _, strengths = border_strengths(blocks, ones, 50, zeros + np.pi / 2)
    np.testing.assert_allclose(strengths, ~vertical, atol=1e-12)
    _, strengths = border_strengths(
        blocks.T, ones.T, "sum", zeros.T + np.pi / 3
    )
    lengths = np.where(vertical, 6 * np.sqrt(0.75), 5 * 0.5)
    np.testing.assert_allclose(strengths, lengths)


def test_sides_have_a_depth(blocks):
    assert touched_sides(blocks, 5).tolist() == touched_sides(blocks).tolist()
    assert touched_sides(blocks).astype(int).tolist() == [
        *([1, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 1]),
        *([0, 1, 1, 0], [0, 1, 0, 0], [0, 1, 0, 1]),
    ]
    assert touched_sides(blocks, 6)[:, 2:].sum(0).tolist() == [4, 4]
    assert touched_sides(blocks, 99).all()


def test_wrong_settings_are_refused(blocks):
    with pytest.raises(ValueError, match="must be 4 or 8.*connectivity=6"):
        find_borders(blocks, 6)
    for reduce in ("max", 101):
        with pytest.raises(ValueError, match=rf"`reduce`.*reduce={reduce!r}"):
            border_strengths(blocks, np.zeros(blocks.shape), reduce)
