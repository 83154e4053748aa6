"""The hierarchies of the golden values of MCG."""

import numpy as np

from kcv.proposals.machines.contours.contour_hierarchy import Hierarchy


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
