"""EdgeBoxes (Zitnick and Dollar, ECCV 2014), by OpenCV's implementation.

The score of a box comes from the edges that lie completely in it. The paper
finds edges by a structured forest, which cannot be shipped. kcv's edges are
those of `kcv.proposals.machines.images.edge_maps`.
"""

from collections.abc import Callable

import cv2
import numpy as np

from kcv.proposals.machines.images.edge_maps import checked_edges
from kcv.proposals.machines.images.edge_maps import gradient_edges
from kcv.proposals.record import Proposals

_MAX_BOXES = 10_000  # the paper's maximum


def edge_boxes(
    image: np.ndarray,
    max_proposals: int,
    rng: np.random.Generator | None = None,
    edges: Callable[
        [np.ndarray], tuple[np.ndarray, np.ndarray]
    ] = gradient_edges,
    alpha: float = 0.65,
    beta: float = 0.75,
    eta: float = 1.0,
    min_score: float = 0.01,
    min_area: float = 1000.0,
    max_aspect: float = 3.0,
) -> Proposals:
    """Score windows by the edges that lie in them and do not cross them.

    The defaults are those of EdgeBoxes70. EdgeBoxes50, 80 and 90 have `beta`
    0.55, 0.85 and 0.95, and 90 also `alpha` 0.85. The variant for average
    recall has `beta` 0.9 and `eta` 0.9996.

    Args:
        image: RGB image (H, W, 3) uint8.
        max_proposals: Maximum number of boxes. There are never more than
            10 000.
        rng: Has no effect, because the method needs no random numbers. Defaults
            to None.
        edges: Function of an image that returns the strength of edges (H, W)
            float32 in 0..1, and the orientation of their normals (H, W)
            float32 in 0..pi. Defaults to `gradient_edges`.
        alpha: IoU of neighboring windows that are tried. Defaults to 0.65.
        beta: IoU from which suppression drops the weaker box. Defaults to
            0.75.
        eta: Factor by which `beta` falls with every box. Defaults to 1.
        min_score: Minimum score of a box. Defaults to 0.01.
        min_area: Minimum area of a box, in square pixels. Defaults to 1000.
        max_aspect: Maximum of the longer side of a box over the shorter one.
            Defaults to 3.

    Returns:
        `Proposals` with boxes (n, 4) float64 and scores (n,) float64.

    Raises:
        ValueError: If `edges` returns arrays of another size than the image,
            or values that are not finite.
    """
    strength, orientation = checked_edges(edges, image)
    scorer = cv2.ximgproc.createEdgeBoxes(
        alpha=alpha,
        beta=beta,
        eta=eta,
        minScore=min_score,
        maxBoxes=_MAX_BOXES,
        maxAspectRatio=max_aspect,
        minBoxArea=min_area,
    )
    boxes, scores = scorer.getBoundingBoxes(strength, orientation)
    boxes = np.asarray(boxes, float).reshape(-1, 4)  # x, y, width, height
    boxes[:, 2:] += boxes[:, :2]
    # OpenCV has None for the scores of no boxes.
    scores = np.reshape(scores if len(boxes) else (), -1).astype(float)
    best = np.argsort(-scores, kind="stable")[:max_proposals]
    return Proposals(boxes[best], scores[best])
