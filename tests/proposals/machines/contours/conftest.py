"""Values of MCG's authors, and what kcv makes of them."""

import numpy as np
import pytest

from kcv.proposals.machines.contours.fused_candidates import fuse_candidates
from kcv.proposals.machines.contours.node_tuples import top_tuples
from kcv.proposals.machines.regions.region_graph import find_borders
from kcv.proposals.machines.regions.segment_runs import distinct_runs
from kcv.proposals.machines.regions.segment_runs import find_runs
from kcv.proposals.machines.regions.segment_runs import select_runs
from tests.proposals.hierarchies import stored_hierarchy


class Stored:
    """Candidates of the authors, and those of kcv from their hierarchies."""

    def __init__(self, golden):
        with np.load(golden / "proposals" / "mcg.npz") as stored:
            self.values = values = dict(stored)
        self.labels = values["mcg_f_lp"].astype(int) - 1
        leaves = self.labels.max() + 1
        merges = values["mcg_f_ms"].astype(int)
        self.nodes = np.zeros((merges[-1, -1] + 1, leaves), bool)
        self.nodes[1 : leaves + 1] = np.eye(leaves, dtype=bool)
        for *children, parent in merges:
            self.nodes[parent] = self.nodes[children].any(0)
        hierarchies = [stored_hierarchy(values, h) for h in range(4)]
        counts = values["mcg_n_cands_pareto"].astype(int).T
        tuples = [
            top_tuples(own, find_borders(own.labels).pairs, limits)
            for own, limits in zip(hierarchies, counts, strict=True)
        ]
        self.raw = fuse_candidates(hierarchies, tuples, fill=False)
        self.filled = fuse_candidates(hierarchies, tuples)
        areas = np.bincount(self.filled.labels.ravel())
        runs = find_runs(self.filled.membership, areas)
        kept = distinct_runs(runs, 0.95)
        self.reduced = self.filled.select(kept)
        self.runs = select_runs(runs, kept)
        self.contours = np.maximum(
            values["mcg_all_ucms_multi_h_1_2"].astype(np.float32).max(-1),
            values["mcg_ucm2"],
        )

    def expected(self, key, labels):
        """Membership of stored candidates in the superpixels of `labels`."""
        _, first = np.unique(labels, return_index=True)
        table = self.values[key].astype(int)
        members = np.zeros((len(table), self.nodes.shape[1]), bool)
        for column in table.T:
            members |= self.nodes[column]
        return members[:, self.labels.ravel()[first]]


@pytest.fixture(scope="package")
def stored(golden):
    return Stored(golden)
