"""Handling of wrong boxes in the readers of files.

Letters: N boxes of an image.
"""

import logging
from collections.abc import Sequence

import numpy as np

from kcv.data.streams.faults import is_gathering
from kcv.data.streams.faults import note
from kcv.data.streams.faults import one_entry
from kcv.data.streams.images import image_size
from kcv.data.streams.validation import TOLERANCE
from kcv.data.streams.validation import check_box_mode
from kcv.data.streams.validation import check_boxes

_LOG = logging.getLogger(__name__)


class BoxFilter:
    """Check, clip or leave out the boxes of a dataset, and count them.

    Args:
        boxes: "raise" an error at a box that is empty, inverted or outside the
            image; "clip" boxes to the image and leave out those of which
            nothing remains; or "drop" all of these boxes. A box that is not
            finite is an error unless `boxes` is "drop". Defaults to "raise".
        keep_empty: Whether empty boxes are handled as `boxes` says. If False,
            they are always left out, because some published datasets contain
            them. Defaults to True.
    """

    def __init__(self, boxes: str = "raise", keep_empty: bool = True):
        check_box_mode(boxes)
        self.boxes = boxes
        self.keep_empty = keep_empty
        self.clipped = 0
        self.left_out = 0

    def apply(
        self,
        boxes: np.ndarray,
        labels: np.ndarray,
        *,
        classes: int,
        name: str,
        file: str,
        size: Sequence[int],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Filter the boxes of one image.

        Args:
            boxes: Boxes (N, 4), absolute half-open xyxy in pixels.
            labels: Labels (N,), integers from 0.
            classes: Number of classes.
            name: Name of the annotation in error messages.
            file: Path of the image file, whose header is read if `size` is
                (0, 0) and boxes may be changed.
            size: Annotated height and width, or (0, 0).

        Returns:
            Tuple (boxes, kept): boxes (M, 4) float32 inside the image, and
            whether a box is kept, (N,) bool.

        Raises:
            ValueError: If a box or a label is wrong. The message names it.
        """
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        known: Sequence[int] | None = size if any(size) else None
        if known is None and self.boxes != "raise" and len(boxes):
            known = image_size(file)
        edge = np.full(4, np.inf)
        if known is not None:
            edge = np.array([known[1], known[0], known[1], known[0]], float)
        kept = np.ones(len(boxes), bool)
        # In float32, a side of 1e-9 pixels is empty.
        single = boxes.astype(np.float32)
        empty = (single[:, 2:] <= single[:, :2]).any(1)
        finite = np.isfinite(boxes).all(1)
        if not self.keep_empty:
            kept &= ~(empty & finite & (boxes[:, 2:] >= boxes[:, :2]).all(1))
        inside = np.clip(boxes, 0, edge)
        gone = np.any(inside[:, 2:] <= inside[:, :2], 1) | empty
        outside = (boxes < -TOLERANCE) | (boxes > edge + TOLERANCE)
        if self.boxes == "drop":
            kept &= finite & ~gone & ~outside.any(1)
        elif self.boxes == "clip":
            kept &= ~(finite & gone)
            self.clipped += int((kept & finite & outside.any(1)).sum())
            boxes = np.where(np.reshape(finite, (-1, 1)), inside, boxes)
        self.left_out += int((~kept).sum())
        for number in np.flatnonzero(~kept):
            note(
                f"{name}: box {number} {boxes[number].tolist()} (x1, y1, x2, "
                "y2, half-open) is left out, because it is empty, inverted or "
                "outside"
            )
        if is_gathering():
            kept = self._keep_right(kept, boxes, labels, classes, name, known)
        # Errors number the boxes as the file does.
        checked = check_boxes(
            boxes,
            labels,
            classes=classes,
            name=name,
            size=known,
            wanted=kept,
        )
        return checked[kept], kept

    def _keep_right(self, kept, boxes, labels, classes, name, size):
        """Gather the fault of each box, and keep those without one."""
        right = np.zeros_like(kept)
        for number in np.flatnonzero(kept):
            own = np.arange(len(kept)) == number
            with one_entry():
                check_boxes(
                    boxes,
                    labels,
                    classes=classes,
                    name=name,
                    size=size,
                    wanted=own,
                )
                right |= own
        return right

    def log(self, origin: str) -> None:
        """Log how many boxes were clipped or left out, if there are any.

        Args:
            origin: Name of the dataset.
        """
        if self.clipped or self.left_out:
            _LOG.warning(
                "%s: %d boxes are clipped to their image, and %d are left out, "
                "because they are empty, inverted or outside (boxes=%r).",
                origin,
                self.clipped,
                self.left_out,
                self.boxes,
            )
