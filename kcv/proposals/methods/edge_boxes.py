"""EdgeBoxes (Zitnick and Dollar, ECCV 2014), by OpenCV's implementation.

A box scores by the edges that it encloses whole. The paper finds edges by a
structured forest, which cannot be shipped. `kcv.proposals.machines.edge_maps`
has the edges that kcv finds instead.
"""

from collections.abc import Callable

import cv2
import numpy as np

from kcv.proposals.machines.edge_maps import gradient_edges

_MOST = 10_000  # boxes before suppression keeps any


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
) -> tuple[np.ndarray, np.ndarray]:
    """Score windows by the edges that lie in them and do not cross them.

    The defaults are those of EdgeBoxes70; 50, 80 and 90 have `beta` 0.55, 0.85
    and 0.95, 90 also `alpha` 0.85; the variant for average recall has `beta`
    0.9 and `eta` 0.9996.

    Args:
        image: (H, W, 3) RGB uint8.
        max_proposals: Boxes at most; 10 000 at most in any case.
        rng: Not used.
        edges: From an image to strength (H, W) float32 in 0..1 and orientation
            of the normal (H, W) float32 in 0..pi.
        alpha: Overlap of neighbouring windows that are tried.
        beta: Overlap from which suppression leaves out the weaker.
        eta: Factor by which `beta` falls with every box.
        min_score: Of a box.
        min_area: Of a box, square pixels.
        max_aspect: Of a box, the longer side over the shorter.

    Returns:
        Boxes (n, 4) float64 xyxy, half-open, and scores (n,) float64, falling.
    """
    strength, orientation = edges(image)
    scorer = cv2.ximgproc.createEdgeBoxes(
        alpha=alpha,
        beta=beta,
        eta=eta,
        minScore=min_score,
        maxBoxes=_MOST,
        maxAspectRatio=max_aspect,
        minBoxArea=min_area,
    )
    boxes, scores = scorer.getBoundingBoxes(
        np.ascontiguousarray(strength, np.float32),
        np.ascontiguousarray(orientation, np.float32),
    )
    boxes = np.asarray(boxes, float).reshape(-1, 4)  # x, y, width, height
    boxes[:, 2:] += boxes[:, :2]
    # OpenCV has None for the scores of no boxes.
    scores = np.reshape(scores if len(boxes) else (), -1).astype(float)
    best = np.argsort(-scores, kind="stable")[:max_proposals]
    return boxes[best], scores[best]
