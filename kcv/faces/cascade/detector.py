"""The face cascade as a detector (Li et al. 2015).

    image -> pyramid -> 12-net -> 12-calibration -> suppression per scale
          -> 24-net -> 24-calibration -> suppression per scale
          -> 48-net -> suppression across scales -> 48-calibration -> faces

Shapes: B images of H x W pixels, N windows of an image, K faces of an image.
"""

from collections.abc import Sequence
from typing import Any

import keras

from kcv.faces.cascade.detection import CascadeDetection
from kcv.faces.cascade.detection import Stage
from kcv.faces.cascade.networks import Calibration12
from kcv.faces.cascade.networks import Calibration24
from kcv.faces.cascade.networks import Calibration48
from kcv.faces.cascade.networks import Net12
from kcv.faces.cascade.networks import Net24
from kcv.faces.cascade.networks import Net48
from kcv.faces.cascade.per_image import FaceDetector
from kcv.faces.cascade.settings import WindowScan
from kcv.faces.cascade.settings import WindowSelection


def paper_stages() -> list[Stage]:
    """Build the three stages of the paper with random weights.

    The thresholds are those of a public implementation. The paper chooses them
    on held-out faces, as `train_cascade` does.

    Returns:
        The stages of 12, 24 and 48 pixels.

    Example:

    >>> [stage.network.name for stage in paper_stages()]
    ['net12', 'net24', 'net48']
    """
    return [
        Stage(Net12(13), Calibration12(), WindowSelection(0.05)),
        Stage(Net24(), Calibration24(), WindowSelection(0.05)),
        Stage(
            Net48(), Calibration48(), WindowSelection(0.3, iou=0.2, smaller=0.3)
        ),
    ]


@keras.saving.register_keras_serializable("kcv")
class FaceCascade(FaceDetector):
    """Find faces by a cascade of small networks (Li et al. 2015).

    The first network scans the image at every scale. Each further one looks
    at the windows that the ones before it have left, at a higher resolution.
    Behind each network a calibration network moves and scales the windows,
    and non-maximum suppression drops those that overlap a better one: within a
    scale after the first stages, across scales in the last one, where it comes
    before the calibration, as in the paper. `WindowSelection.across_scales`
    changes this for a stage.

    The networks are trained one after the other, see `train_cascade`. `fit` of
    the detector is refused.

    Args:
        stages: The stages, sequence of `Stage`. If None, `paper_stages()`.
            Defaults to None.
        scan: `WindowScan`, windows that the first network looks at. Defaults to
            `WindowScan()`.
        max_detections: K, number of faces per image. Positive integer. Defaults
            to 100.
        name: Name of the model. Defaults to "face_cascade".

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2)}`, RGB 0..255
    padded to the right and below, or with images alone. `predict` returns a
    dict by decreasing score: `boxes` (B, K, 4) float32 xyxy in pixels, `scores`
    (B, K) float32, `labels` (B, K) int32, 0 for a face and -1 for none, and
    `num_detections` (B,) int32.

    Raises:
        ValueError: If there is no stage, or a network does not fit its place.

    Example:

    >>> import numpy as np
    >>> model = FaceCascade([Stage(Net12(13), Calibration12())])
    >>> found = model.predict(np.zeros((1, 30, 30, 3)), verbose=0)
    >>> int(found["num_detections"][0])  # no face of 40 pixels fits
    0
    """

    def __init__(
        self,
        stages: Sequence[Stage] | None = None,
        *,
        scan: WindowScan = WindowScan(),
        max_detections: int = 100,
        name: str = "face_cascade",
    ):
        stages = paper_stages() if stages is None else stages
        stages = [Stage(*stage) for stage in stages]
        cascade = CascadeDetection(stages, scan, max_detections, name="cascade")
        super().__init__(cascade, name)
        self.stages = tuple(stages)
        self.scan = scan
        self.max_detections = max_detections

    @property
    def cascade(self) -> "CascadeDetection":
        """The layer that runs the stages."""
        return self.get_layer("cascade")

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, serialized."""
        config = self.cascade.get_config()
        kept = ("stages", "scan", "max_detections")
        return {**{key: config[key] for key in kept}, "name": self.name}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> "FaceCascade":
        """Create a model from the result of `get_config`."""
        return cls(
            **keras.saving.deserialize_keras_object(config, custom_objects)
        )
