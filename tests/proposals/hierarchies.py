"""Hierarchies of the golden values of MCG, and random ones."""

import numpy as np

from kcv.proposals.machines.contours.contour_hierarchy import Hierarchy
from kcv.proposals.machines.contours.contour_hierarchy import group_contours


def stored_hierarchy(values, number):
    """Build one of the four hierarchies of `mcg.npz`."""
    merges = values[f"mcg_ms_{number}"].astype(int)
    parents = np.full(merges[-1, -1], -1, np.int32)
    for *children, parent in merges:
        for child in children:
            if child:
                parents[child - 1] = parent - 1
    return Hierarchy(
        values["mcg_leaves"][..., number].astype(np.int32) - 1,
        parents,
        values[f"mcg_start_ths_{number}"].astype(np.float64),
    )


def random_contours(seed=0, height=12, width=15, share=0.3):
    """Contours around all pixels of some, with random strengths."""
    random = np.random.default_rng(seed)
    contours = random.uniform(0.1, 1, (2 * height + 1, 2 * width + 1))
    contours[random.uniform(size=contours.shape) < share] = 0
    return contours


def random_hierarchy(seed=0):
    """A hierarchy of random contours, and the contours."""
    contours = random_contours(seed, height=14, width=17, share=0.4)
    return group_contours(contours), contours
