"""The stages of a face cascade, run on one image after the other.

Shapes: B images of H x W pixels, N windows of an image, K faces of an image.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from kcv.faces.cascade.patterns import calibrate
from kcv.faces.cascade.per_image import PerImageDetection
from kcv.faces.cascade.settings import WindowScan
from kcv.faces.cascade.settings import WindowSelection
from kcv.faces.cascade.suppression import suppress
from kcv.faces.cascade.windows import choose_octave
from kcv.faces.cascade.windows import crop_windows
from kcv.faces.cascade.windows import octaves
from kcv.faces.cascade.windows import sample
from kcv.faces.cascade.windows import sampled_corners

# Side of the windows of the first network, in pixels of the reduced image.
_SIDE = 12


class Stage(NamedTuple):
    """One stage of a cascade.

    Attributes:
        network: keras.Model from windows (N, S, S, 3), RGB 0..255, to
            probabilities (N, 2) of background and face.
        calibration: keras.Model from windows (N, S', S', 3) to probabilities
            (N, 45) of the `PATTERNS`. If None, the stage does not move windows.
            Defaults to None.
        selection: `WindowSelection`, the windows that the stage keeps. Defaults
            to `WindowSelection()`.
    """

    network: keras.Model
    calibration: keras.Model | None = None
    selection: WindowSelection = WindowSelection()


@keras.saving.register_keras_serializable("kcv")
class CascadeDetection(PerImageDetection):
    """Run the stages of a cascade on each image.

    Args:
        stages: The stages, sequence of `Stage`.
        scan: `WindowScan`, windows that the first network looks at.
        max_detections: K, number of faces per image. Positive integer.
        **kwargs: Options of `keras.layers.Layer`.

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

    def scan_windows(
        self,
        levels: list[tf.Tensor],
        size: tf.Tensor,
        threshold: float | None = None,
    ) -> "Windows":
        """Let the first network look at all windows of an image.

        Args:
            levels: Octaves (1, H', W', 3) of the image, as `octaves` computes
                them.
            size: Height and width of the image, (2,) int32.
            threshold: Probability that a window must reach. If None, it is the
                threshold of the first selection. Defaults to None.

        Returns:
            The windows whose score reaches the threshold of the first stage.
        """
        scan = self.scan
        if threshold is None:
            threshold = self.selections[0].threshold
        extent = tf.cast(size, "float32")
        scales = tf.math.log(tf.reduce_min(extent) / scan.min_face)
        scales = tf.floor(scales / tf.math.log(scan.step) + 1e-4) + 1.0
        scales = tf.cast(tf.maximum(scales, 0.0), "int32")
        # Pixels of the image per pixel of the reduced one, for each scale.
        reductions = scan.step ** tf.cast(tf.range(scales), "float32")
        reductions = scan.min_face / _SIDE * reductions[:, None]
        sizes = tf.floor(extent / reductions + 1e-3)
        covered = tf.reverse(sizes * reductions, [1])
        chosen = choose_octave(reductions[:, 0])
        corners = sampled_corners(
            tf.concat([tf.zeros_like(covered), covered], 1),
            chosen,
            levels,
            sizes,
        )
        sizes = tf.cast(sizes, "int32")

        def look(number, scores, places):
            level = tf.switch_case(
                chosen[number],
                [lambda level=level: tf.identity(level) for level in levels],
            )
            reduced = sample(
                level, corners[number : number + 1], [0], sizes[number]
            )
            found = self._dense_scores(reduced)
            width = tf.shape(found)[1]
            found = tf.reshape(found, (-1,))
            count = tf.reduce_sum(tf.cast(found >= threshold, "int32"))
            found, cells = tf.math.top_k(
                found, tf.minimum(count, scan.max_windows)
            )
            place = [cells % width, cells // width, tf.zeros_like(cells)]
            place = tf.stack(place, 1) + [0, 0, number]
            return (
                number + 1,
                scores.write(number, found),
                places.write(number, place),
            )

        arrays = [
            tf.TensorArray(
                dtype, scales + 1, infer_shape=False, element_shape=shape
            )
            for dtype, shape in (("float32", (None,)), ("int32", (None, 3)))
        ]
        _, scores, places = tf.while_loop(
            lambda number, *_: number < scales, look, (0, *arrays)
        )
        # Without this there would be nothing to concatenate for an image that
        # is too small for any scale.
        scores = scores.write(scales, tf.zeros((0,))).concat()
        places = places.write(scales, tf.zeros((0, 3), "int32")).concat()
        places = tf.ensure_shape(places, (None, 3))
        numbers = places[:, 2]
        sides = tf.gather(reductions, numbers)
        first = tf.cast(places[:, :2] * scan.stride, "float32") * sides
        boxes = tf.concat([first, first + _SIDE * sides], 1)
        return Windows(boxes, tf.ensure_shape(scores, (None,)), numbers)

    def run_stage(
        self,
        levels: list[tf.Tensor],
        windows: "Windows",
        number: int,
        threshold: float | None = None,
    ) -> "Windows":
        """Keep and move the windows of one stage.

        Args:
            levels: Octaves (1, H', W', 3) of the image, as `octaves` computes
                them.
            windows: Windows that the stages before have kept. Those of the
                first stage have its scores.
            number: Number of the stage, from 0.
            threshold: Probability that a window must reach. If None, it is the
                threshold of the selection of the stage. It has no effect for
                the first stage, whose threshold `scan_windows` applies.
                Defaults to None.

        Returns:
            The windows that the stage keeps, by decreasing score.
        """
        selection = self.selections[number]
        if threshold is None:
            threshold = selection.threshold
        if number:
            windows = _look(windows, levels, self.networks[number])
            scores = _run(self.networks[number], windows.pixels)[:, 1]
            kept = tf.where(scores >= threshold)[:, 0]
            windows = windows._replace(scores=scores).take(kept)
        last = number == len(self.networks) - 1
        if last:
            windows = _suppressed(windows, selection, last)
        calibration = self.calibrations[number]
        if calibration is not None:
            windows = _look(windows, levels, calibration)
            boxes = calibrate(
                windows.boxes,
                _run(calibration, windows.pixels),
                selection.calibration_threshold,
            )
            windows = windows._replace(boxes=boxes, pixels=None)
        if not last:
            windows = _suppressed(windows, selection, last)
        return windows

    def _dense_scores(self, image):
        """Probabilities (rows, columns) of a face in the windows of an image.

        The layers up to Flatten take images of any size. The first dense layer
        is a convolution over as many cells as it sees of one window. Cells are
        two pixels wide, and the windows `scan.stride` pixels apart.
        """
        x, stride = image, self.scan.stride // 2
        for layer in self.networks[0].layers[1:]:
            if isinstance(layer, keras.layers.Flatten):
                cells = layer.input.shape[1:3]
            elif isinstance(layer, keras.layers.Dense):
                kernel = tf.reshape(
                    tf.cast(layer.kernel, x.dtype),
                    (*cells, x.shape[-1], layer.units),
                )
                x = tf.nn.conv2d(x, kernel, stride, "VALID")
                x = layer.activation(x + tf.cast(layer.bias, x.dtype))
                cells, stride = (1, 1), 1
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
        pixels: Inputs of a network, (N, S, S, 3) float32. If None, they have
            not been cropped yet. Defaults to None.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    scales: tf.Tensor
    pixels: tf.Tensor | None = None

    def take(self, rows: tf.Tensor) -> "Windows":
        """Choose some of the windows.

        Args:
            rows: Indices of the windows, (K,) integer.

        Returns:
            The chosen windows.
        """
        return Windows(
            *(
                None if values is None else tf.gather(values, rows)
                for values in self
            )
        )


def _suppressed(windows, selection, last):
    """Keep the best of windows that overlap, as a stage does."""
    across = selection.across_scales
    across = last if across is None else across
    kept = suppress(
        windows.boxes,
        windows.scores,
        selection.iou,
        selection.smaller,
        None if across else windows.scales,
        selection.max_windows,
    )
    return windows.take(kept)


def _look(windows, levels, network):
    """Crop windows for a network, unless one of its size has seen them."""
    size = network.input_shape[1]
    if windows.pixels is not None and windows.pixels.shape[1] == size:
        return windows
    return windows._replace(pixels=crop_windows(levels, windows.boxes, size))


def _run(network, pixels):
    """Run a network on windows of an image."""
    # Conv2D of oneDNN returns a wrong shape for an empty batch, so that one
    # window stands in for none.
    count = tf.shape(pixels)[0]
    beyond = [[0, tf.cast(count == 0, "int32")], [0, 0], [0, 0], [0, 0]]
    pixels = tf.pad(pixels, beyond)
    return tf.cast(network(pixels, training=False)[:count], "float32")


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
