"""The numbers that the face cascade is configured with."""

import dataclasses

import keras

from kcv.settings import Settings
from kcv.settings import is_count
from kcv.settings import is_share


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class WindowScan(Settings):
    """The windows of an image that the 12-net looks at.

    The image is reduced until the smallest face has 12 pixels, then by `step`
    again and again. The 12-net scans each of these images.

    Args:
        min_face: Side of the smallest face that is found, in pixels. Float of
            at least 1. Defaults to 40.
        step: Ratio between the sides of faces of neighboring scales. Float in
            (1, 2]. Defaults to 1.18.
        stride: Distance between neighboring windows, in pixels of the reduced
            image. A multiple of 2, the stride of the 12-net. Defaults to 4, the
            paper's.
        max_windows: Largest number of windows per scale that go on to the
            12-calibration-net, best first. Positive integer. Defaults to 500.

    Raises:
        ValueError: If a number is out of its range.
    """

    min_face: float = 40
    step: float = 1.18
    stride: int = 4
    max_windows: int = 500

    def __post_init__(self):
        self._check(self.min_face >= 1, "min_face", "at least 1")
        self._check(1 < self.step <= 2, "step", "in (1, 2]")
        self._check(
            is_count(self.stride) and self.stride % 2 == 0,
            "stride",
            "a positive multiple of 2",
        )
        self._check(
            is_count(self.max_windows), "max_windows", "a positive integer"
        )


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class WindowSelection(Settings):
    """The windows that one stage of a cascade keeps.

    Args:
        threshold: Probability of a face that a window must reach. Float in
            [0, 1]. Defaults to 0.5.
        iou: IoU threshold of non-maximum suppression: of two windows that
            overlap more, the one with the lower score is dropped. Float in
            [0, 1]. Defaults to 0.3.
        smaller: Share of the smaller of two windows that lies inside the other,
            above which the one with the lower score is dropped as well. Float
            in [0, 1], or None for no such rule. Defaults to None.
        calibration_threshold: Probability that a pattern must exceed to take
            part in the calibration. Float in [0, 1]. Defaults to 0.1.
        max_windows: Largest number of windows of an image that are kept, best
            first. Positive integer. Defaults to 1000.

    Raises:
        ValueError: If a number is out of its range.
    """

    threshold: float = 0.5
    iou: float = 0.3
    smaller: float | None = None
    calibration_threshold: float = 0.1
    max_windows: int = 1000

    def __post_init__(self):
        for name in ("threshold", "iou", "calibration_threshold"):
            self._check(is_share(getattr(self, name)), name, "in [0, 1]")
        self._check(
            self.smaller is None or is_share(self.smaller),
            "smaller",
            "in [0, 1] or None",
        )
        self._check(
            is_count(self.max_windows), "max_windows", "a positive integer"
        )
