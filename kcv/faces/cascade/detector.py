"""The face cascade as a detector (Li et al. 2015).

    image -> pyramid -> 12-net -> 12-calibration -> suppression per scale
          -> 24-net -> 24-calibration -> suppression per scale
          -> 48-net -> suppression across scales -> 48-calibration -> faces

Shapes: B images of H x W pixels, N windows of an image, K faces of an image.
"""

from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras
import tensorflow as tf

from kcv.faces.cascade.networks import Calibration12
from kcv.faces.cascade.networks import Calibration24
from kcv.faces.cascade.networks import Calibration48
from kcv.faces.cascade.networks import Net12
from kcv.faces.cascade.networks import Net24
from kcv.faces.cascade.networks import Net48
from kcv.faces.cascade.patterns import calibrate
from kcv.faces.cascade.per_image import FaceDetector
from kcv.faces.cascade.per_image import PerImageDetection
from kcv.faces.cascade.settings import WindowScan
from kcv.faces.cascade.settings import WindowSelection
from kcv.faces.cascade.suppression import suppress
from kcv.faces.cascade.windows import crop_windows
from kcv.faces.cascade.windows import octave_of
from kcv.faces.cascade.windows import octaves
from kcv.faces.cascade.windows import sample

# Side of the windows of the first network, in pixels of the reduced image.
_SIDE = 12


class Stage(NamedTuple):
    """One stage of a cascade.

    Attributes:
        network: keras.Model from windows (N, S, S, 3), RGB 0..255, to
            probabilities (N, 2) of background and face.
        calibration: keras.Model from windows (N, S', S', 3) to probabilities
            (N, 45) of the `PATTERNS`, or None for a stage that does not move
            windows.
        selection: `WindowSelection`, the windows that the stage keeps.
    """

    network: keras.Model
    calibration: keras.Model | None = None
    selection: WindowSelection = WindowSelection()


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
    scale behind the first stages, across scales in the last one, where it comes
    before the calibration, as in the paper.

    The networks are trained one after the other, see `train_cascade`. `fit` of
    the detector is refused.

    Args:
        stages: The stages, sequence of `Stage`. If None, `paper_stages()`.
            Defaults to None.
        scan: `WindowScan`, windows that the first network looks at.
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


@keras.saving.register_keras_serializable("kcv")
class CascadeDetection(PerImageDetection):
    """Run the stages of a cascade on each image.

    Args:
        stages: The stages, sequence of `Stage`.
        scan: `WindowScan`, windows that the first network looks at.
        max_detections: K, number of faces per image. Positive integer.

    Call with `images` (B, H, W, 3), RGB 0..255, and `image_sizes` (B, 2) int32
    or None. Returns a dict as `FaceCascade` does.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        scan: WindowScan,
        max_detections: int,
        **kwargs,
    ):
        super().__init__(max_detections, **kwargs)
        stages = [Stage(*stage) for stage in stages]
        _check(stages, scan)
        self.networks = [stage.network for stage in stages]
        self.calibrations = [stage.calibration for stage in stages]
        self.selections = tuple(stage.selection for stage in stages)
        self.scan = scan

    def detect(self, image):
        levels = octaves(image)
        found = self.scan_windows(levels, tf.shape(image)[:2])
        for number in range(len(self.networks)):
            found = self.run_stage(levels, found, number)
        return {"boxes": found.boxes, "scores": found.scores}

    def scan_windows(self, levels, size) -> "Windows":
        """Let the first network look at all windows of an image.

        Args:
            levels: What `octaves` returned for the image.
            size: Height and width of the image, (2,) int32.

        Returns:
            The windows whose score reaches the threshold of the first stage.
        """
        scan, threshold = self.scan, self.selections[0].threshold
        extent = tf.cast(size, "float32")
        scales = tf.math.log(tf.reduce_min(extent) / scan.min_face)
        scales = tf.floor(scales / tf.math.log(scan.step) + 1e-4) + 1.0
        scales = tf.cast(tf.maximum(scales, 0.0), "int32")

        def look(number, found):
            # Pixels of the image per pixel of the reduced one.
            reduction = (
                scan.min_face / _SIDE * scan.step ** tf.cast(number, "float32")
            )
            rows, columns = tf.unstack(
                tf.cast(tf.floor(extent / reduction + 1e-3), "int32")
            )
            octave = octave_of(reduction)
            covered = tf.cast(tf.stack([columns, rows]), "float32") * reduction
            covered = tf.concat([tf.zeros(2), covered], 0)[None]
            covered /= 2.0 ** tf.cast(octave, "float32")
            reduced = tf.switch_case(
                octave,
                [
                    lambda level=level: sample(level, covered, (rows, columns))
                    for level in levels
                ],
            )
            reduced.set_shape((1, None, None, 3))
            scores = self._dense_scores(reduced)
            stride = scan.stride // 2
            scores = scores[::stride, ::stride]
            width = tf.shape(scores)[1]
            scores = tf.reshape(scores, (-1,))
            count = tf.reduce_sum(tf.cast(scores >= threshold, "int32"))
            scores, cells = tf.math.top_k(
                scores, tf.minimum(count, scan.max_windows)
            )
            corners = tf.stack([cells % width, cells // width], axis=1)
            corners = tf.cast(corners * scan.stride, "float32") * reduction
            rows = [
                corners,
                corners + _SIDE * reduction,
                scores[:, None],
                tf.fill(tf.shape(scores)[:1], number)[:, None],
            ]
            rows = [tf.cast(row, "float32") for row in rows]
            return number + 1, found.write(number, tf.concat(rows, axis=1))

        found = tf.TensorArray(
            "float32", scales + 1, infer_shape=False, element_shape=(None, 6)
        )
        _, found = tf.while_loop(lambda n, _: n < scales, look, (0, found))
        # An image without any scale would leave nothing to put together.
        table = found.write(scales, tf.zeros((0, 6))).concat()
        table = tf.ensure_shape(table, (None, 6))
        return Windows(table[:, :4], table[:, 4], tf.cast(table[:, 5], "int32"))

    def run_stage(self, levels, windows: "Windows", number: int) -> "Windows":
        """Keep and move the windows of one stage.

        Args:
            levels: What `octaves` returned for the image.
            windows: Windows that the stages before have kept. Those of the
                first stage have its scores.
            number: Number of the stage, from 0.

        Returns:
            The windows that the stage keeps, by decreasing score.
        """
        selection = self.selections[number]
        if number:
            network = self.networks[number]
            scores = _run(network, levels, windows.boxes)[:, 1]
            windows = windows._replace(scores=scores)
            kept = tf.where(scores >= selection.threshold)[:, 0]
            windows = windows.take(kept)
        last = number == len(self.networks) - 1
        if last:
            windows = self._suppressed(windows, selection, None)
        if self.calibrations[number] is not None:
            patterns = _run(self.calibrations[number], levels, windows.boxes)
            windows = windows._replace(
                boxes=calibrate(
                    windows.boxes, patterns, selection.calibration_threshold
                )
            )
        if not last:
            windows = self._suppressed(windows, selection, windows.scales)
        return windows

    def _suppressed(self, windows, selection, groups):
        kept = suppress(
            windows.boxes,
            windows.scores,
            selection.iou,
            selection.smaller,
            groups,
            selection.max_windows,
        )
        return windows.take(kept)

    def _dense_scores(self, image):
        """Probabilities (rows, columns) of a face in the windows of an image.

        The layers up to Flatten take images of any size. The first dense layer
        is a convolution over as many cells as it sees of one window.
        """
        x = image
        for layer in self.networks[0].layers[1:]:
            if isinstance(layer, keras.layers.Flatten):
                cells = layer.input.shape[1:3]
            elif isinstance(layer, keras.layers.Dense):
                kernel = tf.reshape(
                    tf.cast(layer.kernel, x.dtype),
                    (*cells, x.shape[-1], layer.units),
                )
                x = tf.nn.conv2d(x, kernel, 1, "VALID")
                x = layer.activation(x + tf.cast(layer.bias, x.dtype))
                cells = (1, 1)
            else:
                x = layer(x)
        return tf.cast(x, "float32")[0, ..., 1]

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        stages = zip(
            self.networks, self.calibrations, self.selections, strict=True
        )
        return {
            **super().get_config(),
            "stages": [[serialize(part) for part in stage] for stage in stages],
            "scan": serialize(self.scan),
        }


class Windows(NamedTuple):
    """Windows of one image.

    Attributes:
        boxes: Windows (N, 4) float32, xyxy in pixels.
        scores: Scores (N,) float32 of the network that saw them last.
        scales: Number of the scale at which each was found, (N,) int32.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    scales: tf.Tensor

    def take(self, rows: tf.Tensor) -> "Windows":
        """Choose some of the windows.

        Args:
            rows: Indices of the windows, (K,) integer.
        """
        return Windows(*(tf.gather(values, rows) for values in self))


def _run(network, levels, boxes):
    """Run a network on windows of an image."""
    # Conv2D of oneDNN returns a wrong shape for an empty batch, so that one
    # window stands in for none.
    count = tf.shape(boxes)[0]
    boxes = tf.pad(boxes, [[0, tf.cast(count == 0, "int32")], [0, 0]])
    windows = crop_windows(levels, boxes, network.input_shape[1])
    return tf.cast(network(windows, training=False)[:count], "float32")


def _check(stages, scan):
    if not isinstance(scan, WindowScan):
        raise TypeError(
            "`scan` must be a `kcv.faces.cascade.WindowScan`. Received: "
            f"scan={scan!r}"
        )
    if not stages:
        raise ValueError("`stages` must have a stage. Received: stages=[]")
    for number, stage in enumerate(stages):
        if not isinstance(stage.selection, WindowSelection):
            raise TypeError(
                f"`stages[{number}].selection` must be a "
                "`kcv.faces.cascade.WindowSelection`. Received: "
                f"selection={stage.selection!r}"
            )
        for model, classes in ((stage.network, 2), (stage.calibration, 45)):
            if model is None and classes == 45:
                continue
            if model.output_shape != (None, classes):
                raise ValueError(
                    f"`stages[{number}]` must have a network with 2 and a "
                    "calibration network with 45 outputs. Received: "
                    f"{model.name} of output shape {model.output_shape}"
                )
    size = stages[0].network.input_shape[1]
    if size not in (_SIDE, _SIDE + 1):
        raise ValueError(
            "`stages[0].network` must see windows of 12 or 13 pixels. "
            f"Received: {stages[0].network.name} with windows of {size} pixels"
        )
