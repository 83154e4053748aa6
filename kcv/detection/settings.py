"""The numbers that detectors are configured with, grouped by what they decide.

C is the number of classes without background. Every class here is immutable,
compares by value, checks its numbers, and is saved as part of a model.
"""

import dataclasses
import math

import keras
import numpy as np
from numpy.typing import ArrayLike

from kcv.settings import Settings
from kcv.settings import is_count
from kcv.settings import is_share


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class Anchors(Settings):
    """The shapes of the boxes that a region proposal network scores.

    There is one anchor for each pair of a ratio and a scale in every cell of
    the feature map. The defaults are those of Faster R-CNN (Ren et al. 2015).

    Args:
        ratios: Height over width of the anchors. Sequence of positive floats.
            Defaults to `(0.5, 1.0, 2.0)`.
        scales: Sides of the anchors, in strides of the feature map. Sequence
            of positive floats. Defaults to `(8, 16, 32)`: 128, 256 and 512
            pixels at a stride of 16.

    Raises:
        ValueError: If there is no ratio or scale, or one is not positive.

    Example:

    >>> Anchors(scales=(4, 8)).ratios
    (0.5, 1.0, 2.0)
    """

    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    scales: tuple[float, ...] = (8, 16, 32)

    def __post_init__(self):
        for name in ("ratios", "scales"):
            values = tuple(getattr(self, name))
            self._set(name, values)
            self._check(
                bool(values) and all(value > 0 for value in values),
                name,
                "one or more positive numbers",
            )


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class AnchorSampling(Settings):
    """The anchors of an image from which a region proposal network learns.

    An anchor is foreground if its IoU with an object is at least `fg_iou` or
    the highest of all anchors for that object, and background if its IoU with
    every object is below `bg_iou`. An anchor that lies inside a crowd of COCO
    is neither. The defaults are those of Faster R-CNN, whose code takes crowds
    as objects here. Leave the key `is_crowd` out of the targets to do so.

    Args:
        size: Number of anchors per image. Positive integer. Defaults to 256.
        fg_fraction: Largest share of foreground among them. Background fills
            the rest. Float in [0, 1]. Defaults to 0.5.
        fg_iou: Lowest IoU of foreground. Float in [0, 1]. Defaults to 0.7.
        bg_iou: IoU below which an anchor is background. Float in [0, 1].
            Defaults to 0.3.
        crowd_share: Share of an anchor's area above which the anchor lies
            inside a crowd. Float in [0, 1]. With 1 it never does. Defaults to
            0.7.

    Raises:
        ValueError: If a number is out of its range.
    """

    size: int = 256
    fg_fraction: float = 0.5
    fg_iou: float = 0.7
    bg_iou: float = 0.3
    crowd_share: float = 0.7

    def __post_init__(self):
        self._check(is_count(self.size), "size", "a positive integer")
        for name in ("fg_fraction", "fg_iou", "bg_iou", "crowd_share"):
            self._check(is_share(getattr(self, name)), name, "in [0, 1]")


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class ProposalSelection(Settings):
    """The proposals that are kept of all scored anchors.

    The defaults are those with which Faster R-CNN is tested. It is trained
    with `ProposalSelection(12000, 2000)`.

    Args:
        pre_nms: Number of regions with the highest scores that enter
            non-maximum suppression. Positive integer, or None for all.
            Defaults to 6000.
        post_nms: Number of regions that are kept after it. Positive integer.
            Defaults to 300.
        iou: IoU threshold of non-maximum suppression: of two regions that
            overlap more, the one with the lower score is dropped. Float in
            [0, 1]. Defaults to 0.7.
        min_side: Smallest side of a region, in pixels of the images that the
            model receives. The reference means 16 pixels of the image before
            it was resized, 25.6 pixels for an image of VOC that is scaled from
            375 to 600 pixels. Non-negative float. Defaults to 16.

    Raises:
        ValueError: If a number is out of its range.
    """

    pre_nms: int | None = 6000
    post_nms: int = 300
    iou: float = 0.7
    min_side: float = 16

    def __post_init__(self):
        self._check(
            self.pre_nms is None or is_count(self.pre_nms),
            "pre_nms",
            "a positive integer or None",
        )
        self._check(is_count(self.post_nms), "post_nms", "a positive integer")
        self._check(is_share(self.iou), "iou", "in [0, 1]")
        self._check(self.min_side >= 0, "min_side", "zero or positive")


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class RoISampling(Settings):
    """The regions of an image from which a detection head learns.

    The IoU of a region is that with the object that it overlaps most. A
    proposal that lies inside a crowd of COCO is neither foreground nor
    background. The defaults are those of Faster R-CNN. Fast R-CNN has
    `RoISampling(64, bg_iou=(0.1, 0.5))`.

    Args:
        size: Number of regions per image. Positive integer. Defaults to 128.
        fg_fraction: Largest share of foreground among them. The number is
            rounded to the nearest integer, a half to the even one. Background
            fills the rest. Float in [0, 1]. Defaults to 0.25.
        fg_iou: Lowest IoU of foreground. Float in [0, 1]. Defaults to 0.5.
        bg_iou: IoU of background, from the first number (inclusive) to the
            second (exclusive). Two floats in [0, 1]. Defaults to
            `(0.0, 0.5)`.
        crowd_share: Share of a proposal's area above which the proposal lies
            inside a crowd. Float in [0, 1]. With 1 it never does. Defaults to
            0.7, as in py-faster-rcnn.

    Raises:
        ValueError: If a number is out of its range.
    """

    size: int = 128
    fg_fraction: float = 0.25
    fg_iou: float = 0.5
    bg_iou: tuple[float, float] = (0.0, 0.5)
    crowd_share: float = 0.7

    def __post_init__(self):
        self._check(is_count(self.size), "size", "a positive integer")
        for name in ("fg_fraction", "fg_iou", "crowd_share"):
            self._check(is_share(getattr(self, name)), name, "in [0, 1]")
        bounds = tuple(self.bg_iou)
        self._set("bg_iou", bounds)
        self._check(
            len(bounds) == 2
            and all(is_share(bound) for bound in bounds)
            and bounds[0] <= bounds[1],
            "bg_iou",
            "two numbers in [0, 1], the lower one first",
        )


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class BoxNormalization(Settings):
    """The mean and deviation by which box targets are normalized.

    A head learns `(target - mean) / std` for the four numbers of
    `kcv.boxes.encode`. The defaults are the constants of Faster R-CNN.
    `kcv.detection.box_statistics` measures them for each class of a training
    set, as Fast R-CNN does.

    Args:
        mean: Mean of the targets. Array-like of shape (4,), or (C, 4) with a
            row per class. Defaults to `(0, 0, 0, 0)`.
        std: Standard deviation of the targets, positive. Array-like of shape
            (4,) or (C, 4). Defaults to `(0.1, 0.1, 0.2, 0.2)`.

    Raises:
        ValueError: If a shape is wrong, a number is not finite, or a
            deviation is not positive.

    Example:

    >>> BoxNormalization(*np.ones((2, 20, 4))).for_classes(20)[0].shape
    (20, 4)
    """

    mean: ArrayLike = (0.0, 0.0, 0.0, 0.0)
    std: ArrayLike = (0.1, 0.1, 0.2, 0.2)

    def __post_init__(self):
        for name in ("mean", "std"):
            table = np.asarray(getattr(self, name), "float64")
            # Tuples, so that the settings can be compared and hashed.
            rows = table.tolist()
            rows = map(tuple, rows) if table.ndim == 2 else rows
            self._set(name, tuple(rows) if table.ndim else rows)
            self._check(
                table.ndim in (1, 2)
                and table.shape[-1] == 4
                and bool(np.isfinite(table).all()),
                name,
                "finite numbers of shape (4,) or (classes, 4)",
            )
        self._check(np.min(self.std) > 0, "std", "positive")

    def for_classes(self, classes: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean and deviation of each class.

        Args:
            classes: C, number of classes without background.

        Returns:
            Mean and deviation, float64 arrays of shape (C, 4).

        Raises:
            ValueError: If there are rows for another number of classes.
        """
        tables = []
        for name in ("mean", "std"):
            table = np.asarray(getattr(self, name))
            if table.shape not in ((4,), (classes, 4)):
                raise ValueError(
                    f"`box_normalization.{name}` must have the shape (4,) or "
                    f"(classes, 4) = ({classes}, 4). Received: an array of "
                    f"shape {table.shape}"
                )
            tables.append(np.broadcast_to(table, (classes, 4)))
        return tables[0], tables[1]


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class DetectionSelection(Settings):
    """The detections that are kept of all scored boxes.

    Args:
        score_threshold: Score that a detection must exceed. Float; minus
            infinity keeps all. Defaults to 0.05.
        iou: IoU threshold of non-maximum suppression within a class: of two
            boxes that overlap more, the one with the lower score is dropped.
            Float in [0, 1]. Defaults to 0.3.
        max_detections: Number of detections per image over all classes.
            Positive integer. Defaults to 100.
        pre_nms: Number of boxes of each class with the highest scores that
            enter non-maximum suppression. Positive integer, or None for all.
            Defaults to None. The codes of R-CNN and of Fast R-CNN have 100, no
            score threshold and no limit over all classes:
            `DetectionSelection(float("-inf"), 0.3, 2000, pre_nms=100)` for 20
            classes.

    Raises:
        ValueError: If a number is out of its range.
    """

    score_threshold: float = 0.05
    iou: float = 0.3
    max_detections: int = 100
    pre_nms: int | None = None

    def __post_init__(self):
        self._check(
            not math.isnan(self.score_threshold), "score_threshold", "a number"
        )
        self._check(is_share(self.iou), "iou", "in [0, 1]")
        self._check(
            is_count(self.max_detections),
            "max_detections",
            "a positive integer",
        )
        self._check(
            self.pre_nms is None or is_count(self.pre_nms),
            "pre_nms",
            "a positive integer or None",
        )


def check_classes(classes: int) -> int:
    """Check a number of classes.

    Args:
        classes: Number of classes without background. Positive integer.

    Returns:
        The number as an int.

    Raises:
        ValueError: If it is not a positive integer.
    """
    if not is_count(classes):
        raise ValueError(
            "`classes` must be the number of classes without background, a "
            f"positive integer. Received: classes={classes!r}"
        )
    return int(classes)


def check_settings(**arguments: tuple[object, type[Settings]]) -> None:
    """Check that arguments are settings objects of the right classes.

    Args:
        **arguments: Value and expected class of each argument, by its name.

    Raises:
        TypeError: If a value is of another class.
    """
    for argument, (value, expected) in arguments.items():
        if not isinstance(value, expected):
            raise TypeError(
                f"`{argument}` must be a `kcv.detection.{expected.__name__}`. "
                f"Received: {argument}={value!r}"
            )
