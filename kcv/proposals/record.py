"""What a method of region proposals gives."""

import dataclasses
from typing import Any

import numpy as np

from kcv.proposals.masks import Masks


@dataclasses.dataclass(frozen=True, eq=False)
class Proposals:
    """Regions of one image that are likely to hold an object, best first.

    `len(proposals)` is their number. `proposals[index]` selects some of them
    by anything that indexes an axis of a NumPy array, except a single integer.

    Attributes:
        boxes: Array (n, 4), xyxy in pixels, half-open.
        scores: Scores of the proposals, array (n,), where higher is better.
            None if the method has no scores. Defaults to None.
        masks: Masks of the n proposals, see `kcv.proposals.Masks`. None if the
            method has boxes only. Defaults to None.

    Example:

    >>> boxes = np.array([[0, 0, 8, 8], [2, 1, 6, 9]])
    >>> best = Proposals(boxes, scores=np.array([0.9, 0.4]))[:1]
    >>> best.boxes.tolist(), best.scores.tolist(), best.masks
    ([[0, 0, 8, 8]], [0.9], None)
    """

    boxes: np.ndarray
    scores: np.ndarray | None = None
    masks: Masks | None = None

    def __post_init__(self):
        boxes = self.boxes
        if boxes.shape != (len(boxes), 4) or not np.isfinite(boxes).all():
            raise ValueError(
                "`boxes` must be finite numbers of shape (n, 4). Received: "
                f"boxes.shape={boxes.shape}, boxes.dtype={boxes.dtype}"
            )
        if self.scores is not None and self.scores.shape != (len(boxes),):
            raise ValueError(
                f"`scores` must have the shape ({len(boxes)},), one for each "
                f"box. Received: scores.shape={self.scores.shape}"
            )
        if self.masks is not None and len(self.masks) != len(boxes):
            raise ValueError(
                f"`masks` must be {len(boxes)}, one for each box. Received: "
                f"len(masks)={len(self.masks)}"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, index: Any) -> "Proposals":
        return Proposals(
            self.boxes[index],
            None if self.scores is None else self.scores[index],
            None if self.masks is None else self.masks[index],
        )


def to_proposals(found: Any) -> Proposals:
    """Convert what a method may return to the one record.

    Args:
        found: `Proposals`, a tuple (boxes, scores), or boxes alone. Boxes are
            array-like (n, 4), scores array-like (n,) or None.

    Returns:
        The `Proposals`.

    Raises:
        ValueError: If shapes do not match or boxes are not finite.
    """
    if isinstance(found, Proposals):
        return found
    boxes, scores = found if isinstance(found, tuple) else (found, None)
    boxes = np.asarray(boxes)
    if not boxes.size:
        boxes = np.empty((0, 4))
    return Proposals(boxes, None if scores is None else np.asarray(scores))
