"""Conversion of PASCAL VOC's 1-based boxes to 0-based, half-open ones."""

import logging
from collections.abc import Sequence

import numpy as np

from kcv.data.formats.annotations import ImageBoxes
from kcv.data.formats.annotations import log_other_classes
from kcv.data.formats.box_filter import BoxFilter
from kcv.data.formats.voc_xml import VocImage

_LOG = logging.getLogger(__name__)


class VocBoxes:
    """Convert objects to boxes, and count what is unusual.

    Args:
        box_filter: Handling of boxes that cannot be right.
        drop_others: Whether to leave out objects of other classes. Defaults to
            False, for an error.
        zero_based: Whether corners count pixels from 0. Defaults to False.
    """

    def __init__(
        self,
        box_filter: BoxFilter,
        drop_others: bool = False,
        zero_based: bool = False,
    ):
        self.filter = box_filter
        self.drop_others = drop_others
        # Difference between the corners in the file and half-open corners.
        self.shift = np.array([0, 0, -1, -1] if zero_based else [1, 1, 0, 0])
        self.others = 0
        self.zeros = 0

    def read(
        self,
        image: VocImage,
        name: str,
        file: str,
        class_names: Sequence[str],
        xml_file: str,
    ) -> ImageBoxes:
        """Convert the objects of an image.

        Args:
            image: The annotation.
            name: Id of the image.
            file: Path of the image file.
            class_names: Names of the classes in label order.
            xml_file: Path of the annotation.

        Returns:
            The `ImageBoxes`.

        Raises:
            ValueError: If a class is unknown or a box is wrong.
        """
        objects, labels = [], []
        for number, found in enumerate(image.objects):
            if found.name in class_names:
                objects.append(found)
                labels.append(class_names.index(found.name))
            elif self.drop_others:
                self.others += 1
            else:
                raise ValueError(
                    f"{xml_file}: object {number} is a {found.name!r}; classes "
                    f"are {', '.join(class_names)}. Pass class_names=(...) "
                    'with your own, or other_classes="drop" to leave it out'
                )
        own = np.array(labels, np.int32)
        corners = np.array([x.corners for x in objects], np.float64)
        corners = corners.reshape(-1, 4)
        self.zeros += int((corners[:, :2] == 0).any(1).sum())
        boxes, kept = self.filter.apply(
            corners - self.shift,
            own,
            classes=len(class_names),
            name=xml_file,
            file=file,
            size=image.size,
        )
        difficult = np.array([x.difficult for x in objects], bool)
        return ImageBoxes(
            file=file,
            image_id=name,
            boxes=boxes,
            labels=own[kept],
            difficult=difficult[kept],
            is_crowd=np.zeros(len(boxes), bool),
            size=image.size,
        )

    def log(self, origin: str) -> None:
        """Log how many boxes were changed or left out, if there are any.

        Args:
            origin: Name of the dataset.
        """
        self.filter.log(origin)
        log_other_classes(origin, self.others)
        if self.zeros and self.shift[0]:
            _LOG.warning(
                "%s: %d boxes begin at pixel 0, where VOC counts from 1. If "
                "the tool counts from 0, read with zero_based=True, or all "
                "boxes are shifted by a pixel.",
                origin,
                self.zeros,
            )
