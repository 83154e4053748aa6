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
            in [0, 1], or None for no rule. Defaults to None.
        calibration_threshold: Probability that a pattern must exceed to take
            part in the calibration. Float in [0, 1]. Defaults to 0.1.
        max_windows: Largest number of windows of an image that are kept, best
            first. Positive integer. Defaults to 1000.
        across_scales: Whether windows of different scales suppress each other.
            If None, they do in the last stage of a cascade only, as in the
            paper. Defaults to None.

    Raises:
        ValueError: If a number is out of its range.
    """

    threshold: float = 0.5
    iou: float = 0.3
    smaller: float | None = None
    calibration_threshold: float = 0.1
    max_windows: int = 1000
    across_scales: bool | None = None

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
        self._check(
            self.across_scales in (None, False, True),
            "across_scales",
            "a boolean or None",
        )


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class CascadeTraining(Settings):
    """The windows from which a cascade learns, and how long it does.

    Args:
        positives: Number of shifted and scaled windows of each face. Positive
            integer. Defaults to 8.
        random_negatives: Number of random windows of each image, from which the
            first stage learns, and the later ones beside the windows that pass.
            Positive integer. Defaults to 40.
        max_windows: Largest number of windows without a face that a later stage
            learns from, and of windows that a calibration network learns from.
            Positive integer. Defaults to 30000.
        min_negatives: Number of windows without a face that the stages from the
            third on learn from at least. If fewer pass, they are joined by
            those of the highest scores that the stage before rejects. Integer
            of at least 0. Defaults to 10000. The paper has enough images, so
            that 0 is its setting.
        negative_iou: IoU with every face below which a window shows none. Float
            in [0, 1]. Defaults to 0.3.
        recalls: Share of the held-out faces that each stage keeps of those that
            reach it. Floats in [0, 1], one for each stage. Defaults to
            `(0.99, 0.97, 0.99)`: the paper's for the first two. The last
            one decides how far the scores of the detections reach down.
        steps: Number of updates of each network. One pair of integers for each
            stage, for the network and for its calibration. Defaults to
            `((2000, 1000), (2000, 1000), (300, 200))`.
        batch_sizes: Number of windows of an update. Positive integers, one for
            each stage. Defaults to `(128, 128, 64)`.
        learning_rate: Learning rate of AdamW, which falls to 0 as a cosine.
            Defaults to 1e-3.

    Raises:
        ValueError: If a number is out of its range.
    """

    positives: int = 8
    random_negatives: int = 40
    max_windows: int = 30_000
    min_negatives: int = 10_000
    negative_iou: float = 0.3
    recalls: tuple[float, ...] = (0.99, 0.97, 0.99)
    steps: tuple[tuple[int, int], ...] = (
        (2000, 1000),
        (2000, 1000),
        (300, 200),
    )
    batch_sizes: tuple[int, ...] = (128, 128, 64)
    learning_rate: float = 1e-3

    def __post_init__(self):
        for name in ("positives", "random_negatives", "max_windows"):
            self._check(
                is_count(getattr(self, name)), name, "a positive integer"
            )
        self._check(
            is_count(self.min_negatives + 1),
            "min_negatives",
            "an integer of at least 0",
        )
        self._set("batch_sizes", tuple(self.batch_sizes))
        self._check(
            all(map(is_count, self.batch_sizes)),
            "batch_sizes",
            "positive integers",
        )
        self._check(is_share(self.negative_iou), "negative_iou", "in [0, 1]")
        self._set("recalls", tuple(self.recalls))
        self._check(
            bool(self.recalls) and all(map(is_share, self.recalls)),
            "recalls",
            "numbers in [0, 1]",
        )
        self._set("steps", tuple(map(tuple, self.steps)))
        self._check(
            all(len(x) == 2 and min(x) >= 1 for x in self.steps),
            "steps",
            "pairs of positive integers",
        )
        self._check(self.learning_rate > 0, "learning_rate", "positive")
