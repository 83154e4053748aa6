import numpy as np
import pytest

from kcv.proposals.machines.contours.candidate_features import FEATURES
from kcv.proposals.machines.contours.candidate_features import contrast
from kcv.proposals.machines.contours.candidate_features import (
    describe_candidates,
)
from kcv.proposals.machines.contours.fused_candidates import fuse_candidates
from kcv.proposals.machines.contours.node_tuples import top_tuples
from kcv.proposals.machines.regions.region_graph import find_borders
from tests.proposals.hierarchies import random_hierarchy


def test_features_are_those_of_the_authors(stored):
    found = describe_candidates(stored.reduced, stored.contours)[::4]
    expected = stored.values["mcg_feats_every_4th"]
    # The authors' code subtracts the border of a filled hole only if the
    # number of its node is larger than that of its neighbor.
    nodes = stored.values["mcg_red"][::4].astype(int)
    rising = ((np.diff(nodes, axis=1) > 0) | (nodes[:, 1:] == 0)).all(1)
    assert rising.mean() > 0.9
    # The stored contours have half precision.
    np.testing.assert_allclose(found[rising], expected[rising], rtol=2e-3)
    others = [*range(4), *range(9, len(FEATURES))]
    np.testing.assert_allclose(
        found[:, others], expected[:, others], rtol=1e-5, atol=1e-6
    )


def test_contrast_is_that_of_the_pixels():
    hierarchy, contours = random_hierarchy(2)
    pairs = find_borders(hierarchy.labels).pairs
    tuples = top_tuples(hierarchy, pairs, (40, 20, 10, 0))
    found = fuse_candidates([hierarchy], [tuples])
    outer, inner = contrast(found, contours)
    for row in range(0, len(outer), 7):
        mask = found.membership[row][found.labels]
        around, inside = [], []
        for y, x in np.ndindex(mask.shape):
            for v, u in ((y, x + 1), (y + 1, x)):
                if v == mask.shape[0] or u == mask.shape[1]:
                    continue
                value = contours[y + v + 1, x + u + 1]
                if mask[y, x] != mask[v, u]:
                    around.append(value)
                elif mask[y, x] and found.labels[y, x] != found.labels[v, u]:
                    inside.append(value)
        assert outer[row] == pytest.approx(np.mean(around) if around else 0)
        assert inner[row] == pytest.approx(np.mean(inside) if inside else 0)
