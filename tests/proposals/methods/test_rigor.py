"""Capacities, cuts and figures of the authors, and toys."""

import numpy as np
import pytest
import skimage.data

from kcv.metrics.box_iou import box_iou
from kcv.proposals import propose
from kcv.proposals.machines.regions.figure_ground import HARD
from kcv.proposals.machines.regions.figure_ground import Graph
from kcv.proposals.machines.regions.figure_ground import Terminals
from kcv.proposals.machines.regions.figure_ground import cut_family
from kcv.proposals.machines.regions.figure_ground import lambda_values
from kcv.proposals.machines.regions.figures import concatenate_figures
from kcv.proposals.machines.regions.figures import split_figures
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.methods.rigor import OTHER_EDGES
from kcv.proposals.methods.rigor import filter_figures
from kcv.proposals.methods.rigor import place_seeds
from kcv.proposals.methods.rigor import superpixel_capacities
from kcv.proposals.methods.rigor import superpixel_strengths

KINDS = {"uniform": OTHER_EDGES[0], "colour": OTHER_EDGES[1]}


@pytest.fixture(scope="module")
def given(golden):
    return np.load(golden / "proposals" / "rigor.npz")


@pytest.fixture(scope="module")
def maps(golden):
    return np.load(golden / "proposals" / "edges_E.npz")


def table(given, key, count):
    return np.unpackbits(given[key], axis=1)[:, :count].astype(bool)


@pytest.mark.parametrize("image", ["toy_disks", "chelsea", "astronaut"])
def test_the_authors_capacities(given, maps, image):
    labels = given[f"{image}__labels"].astype(np.int32)
    borders = find_borders(labels)
    strengths = superpixel_strengths(borders, maps[f"{image}__E_u8"] * 1.0)
    for name, kind in KINDS.items():
        found = superpixel_capacities(
            borders, strengths, kind.sigma, kind.potts
        )
        expected = given[f"{image}__{name}__pair_cap"]
        np.testing.assert_array_equal(found, expected)
    if image == "toy_disks":
        np.testing.assert_array_equal(borders.pairs, given["toy_disks__edges"])
        values = np.zeros(len(borders.pairs))
        values[given["toy_disks__arc_edge"]] = given[
            "toy_disks__edge_val_per_arc"
        ]
        np.testing.assert_array_equal(strengths, values)


@pytest.mark.parametrize("name", KINDS)
def test_the_authors_cuts(given, name):
    start = f"toy_disks__{name}__"
    capacities = given[start + "pair_cap"].astype(int)
    lambdas = lambda_values(KINDS[name].max_lambda)
    slopes = given[start + "nonlambda_s"]
    count = len(slopes)
    graph = Graph(
        given["toy_disks__edges"].astype(np.int32),
        capacities,
        np.ones(count, int),
    )
    cuts = table(given, start + "cut_packed", count)
    families = given[start + "map_1based"] - 1
    numbers = np.abs(lambdas - given[start + "lambdas"][:, None]).argmin(1)
    compared = 0
    for column, family in enumerate(given["toy_disks__families"]):
        parts = (
            np.minimum(given[start + key][:, column].astype(float), HARD)
            for key in ("nonlambda_s", "lambda_s", "nonlambda_t", "lambda_t")
        )
        first = cut_family(graph, Terminals(*parts), lambdas)
        own = families == family
        figures = first <= numbers[own][:, np.newaxis]
        np.testing.assert_array_equal(figures, cuts[own])
        compared += own.sum()
    assert compared >= 40


@pytest.mark.parametrize("name", KINDS)
def test_the_authors_figures_remain(given, name):
    start = f"toy_disks__{name}__"
    areas = np.bincount(given["toy_disks__labels"].ravel())
    graph = Graph(
        given["toy_disks__edges"].astype(np.int32),
        given[start + "pair_cap"].astype(int),
        areas,
    )
    cuts = table(given, start + "cut_packed", len(areas))
    external = given[start + "map_1based"] > 25
    rows = {}
    for kind in (cuts[~external], cuts[external]):
        figures = concatenate_figures(
            [
                split_figures(
                    graph, np.where(cut, 0, 1).astype(np.int32), 1, 100
                )
                for cut in kind
            ]
        )
        figures = filter_figures(figures)
        for row, ratio in zip(figures.membership, figures.ratios, strict=True):
            rows.setdefault(row.tobytes(), []).append(ratio)
    expected = {}
    finals = table(given, start + "final_packed", len(areas))
    energies = given[start + "energies"]
    for row, energy in zip(finals, energies, strict=True):
        expected.setdefault(row.tobytes(), []).append(energy)
    assert rows.keys() == expected.keys()
    for key, energy in expected.items():
        np.testing.assert_allclose(sorted(rows[key]), sorted(energy), rtol=1e-6)


def test_large_superpixels_are_seeds():
    labels = np.repeat([[0, 1]], 100, 1).repeat(80, 0).astype(np.int32)
    assert place_seeds(labels, 2, 10).tolist() == [[1, 0], [0, 1]]


def test_no_two_seeds_share_a_superpixel(given):
    labels = given["chelsea__labels"].astype(np.int32)
    for grid in (1, 5, 12):
        seeds = place_seeds(labels, grid, 50)
        assert len(seeds) == grid**2
        assert seeds.any(1).all()
        assert seeds.sum(0).max() == 1


def overlap(maps, given, image, count=200, **options):
    """Mean IoU of the authors' first boxes with the best of kcv's."""
    strength = maps[f"{image}__E_u8"] / np.float32(255)
    boxes = propose(
        getattr(skimage.data, image)(),
        "rigor",
        1000,
        edges=lambda _: (strength, np.zeros_like(strength)),
        **options,
    )
    expected = given[f"{image}__boxes"][:count].astype(float)
    return box_iou(expected, boxes.astype(float)).max(1).mean()


def test_the_authors_boxes_are_found(given, maps):
    assert overlap(maps, given, "chelsea") >= 0.75


def test_more_proposals_need_more_seeds():
    image = skimage.data.chelsea()[100:220, 100:280]
    counts = [
        len(propose(image, "rigor", number)) for number in (1, 100, 300, 900)
    ]
    assert counts[0] == 1
    assert counts == sorted({*counts})


def test_toys():
    image = np.full((90, 120, 3), 90, np.uint8)
    image[20:60, 15:55] = (200, 60, 40)
    image[40:80, 75:105] = (40, 60, 200)
    found = propose(image, "rigor", 300, return_proposals=True)
    boxes = np.array([[15, 20, 55, 60], [75, 40, 105, 80]], float)
    iou = box_iou(boxes, found.boxes.astype(float))
    assert iou.max(1).min() >= 0.9
    mask = found.masks[int(iou[0].argmax())]
    assert mask[25:55, 20:50].all()


def test_wrong_options():
    image = np.zeros((30, 40, 3), np.uint8)
    with pytest.raises(ValueError, match="`grid` must be positive.*grid=0"):
        propose(image, "rigor", grid=0)
    with pytest.raises(ValueError, match="`edges` must return"):
        propose(image, "rigor", edges=lambda _: (np.zeros((3, 4)),) * 2)
