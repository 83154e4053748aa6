"""MTCNN as a detector of faces and landmarks (Zhang et al. 2016).

    image -> pyramid -> P-Net -> suppression -> R-Net -> suppression
          -> O-Net -> suppression -> faces and five landmarks

Shapes: B images of H x W pixels, N windows of an image, K faces of an image.
"""

import os
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from kcv.faces.cascade.mtcnn_networks import ONet
from kcv.faces.cascade.mtcnn_networks import PNet
from kcv.faces.cascade.mtcnn_networks import RNet
from kcv.faces.cascade.mtcnn_weights import load_mtcnn
from kcv.faces.cascade.per_image import FaceDetector
from kcv.faces.cascade.per_image import PerImageDetection
from kcv.faces.cascade.suppression import best_of_neighbors
from kcv.faces.cascade.suppression import suppress
from kcv.faces.cascade.windows import OUTSIDE
from kcv.settings import is_share
from kcv.weights import load_weights

# Windows of P-Net in pixels of the reduced image.
_SIDE = 12
_STRIDE = 2
# IoUs above which a window is dropped: within a scale and across scales after
# P-Net, and after R-Net. After O-Net it is the share of the smaller window.
_IOU_OF_SCALE = 0.5
_IOU = 0.7
_SMALLER = 0.7
# Windows of one scale that are looked at, best first.
_MAX_WINDOWS = 2000


@keras.saving.register_keras_serializable("kcv")
class MTCNN(FaceDetector):
    """Find faces and five landmarks by MTCNN (Zhang et al. 2016).

    P-Net scans the image at every scale, R-Net and O-Net look at the windows
    that are left, and each network moves the corners of the windows. The
    numbers and the suppression are those of the package `mtcnn`. The authors'
    demo has a threshold of 0.7 for O-Net, and its suppression is greedy.

    Args:
        weights: None for random weights, "mtcnn" for those of the installed
            package `mtcnn` (extra `mtcnn`), or a path for
            `kcv.weights.load_weights`. Defaults to None.
        min_face: Side of the smallest face that is found, in pixels. Float of
            at least 1. Defaults to 20.
        factor: Ratio between the sizes of the reduced images of neighboring
            scales. Float in [0.5, 1). Defaults to 0.709.
        thresholds: Probabilities of a face that a window must exceed behind
            P-, R- and O-Net. Three floats in [0, 1]. Defaults to
            `(0.6, 0.7, 0.8)`.
        greedy: Whether a window that was dropped itself no longer drops others
            in non-maximum suppression, as in the authors' demo. The package
            drops each window that overlaps a better one. Defaults to False.
        max_detections: K, number of faces per image. Positive integer. Defaults
            to 100.
        name: Name of the model. Defaults to "mtcnn".

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2)}`, RGB 0..255
    padded to the right and below, or with images alone. `predict` returns a
    dict by decreasing score: `boxes` (B, K, 4) float32 xyxy in pixels, `scores`
    (B, K) float32, `landmarks` (B, K, 5, 2) float32 xy in pixels (left eye,
    right eye, nose, left and right corner of the mouth, where left is the left
    side of the image), `labels` (B, K) int32, 0 for a face and -1 for none, and
    `num_detections` (B,) int32.

    Raises:
        ImportError: If `weights="mtcnn"` and the package is not installed.
        ValueError: If an argument is out of its range, or weights do not fit.

    Example:

    >>> import numpy as np
    >>> found = MTCNN().predict(np.zeros((1, 30, 40, 3)), verbose=0)
    >>> found["landmarks"].shape
    (1, 100, 5, 2)
    """

    def __init__(
        self,
        weights: str | os.PathLike | None = None,
        *,
        min_face: float = 20,
        factor: float = 0.709,
        thresholds: Sequence[float] = (0.6, 0.7, 0.8),
        greedy: bool = False,
        max_detections: int = 100,
        name: str = "mtcnn",
    ):
        layer = MTCNNDetection(
            [PNet(), RNet(), ONet()],
            min_face,
            factor,
            thresholds,
            greedy,
            max_detections,
            name="cascade",
        )
        super().__init__(layer, name)
        if weights == "mtcnn":
            load_mtcnn(*layer.networks)
        elif weights is not None:
            load_weights(self, weights)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor besides the weights."""
        config = self.get_layer("cascade").get_config()
        unwanted = ("name", "dtype", "trainable", "networks")
        kept = {key: config[key] for key in config.keys() - unwanted}
        return {**kept, "name": self.name}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> "MTCNN":
        """Create a model from the result of `get_config`."""
        return cls(**config)


@keras.saving.register_keras_serializable("kcv")
class MTCNNDetection(PerImageDetection):
    """Run the three networks of MTCNN on each image.

    Args:
        networks: P-, R- and O-Net, three keras.Models.
        min_face: Side of the smallest face that is found, in pixels. Float of
            at least 1.
        factor: Ratio between the sizes of the reduced images of neighboring
            scales. Float in [0.5, 1).
        thresholds: Probabilities of a face that a window must exceed behind
            P-, R- and O-Net. Three floats in [0, 1].
        greedy: Whether non-maximum suppression is greedy.
        max_detections: K, number of faces per image. Positive integer.
        **kwargs: Options of `keras.layers.Layer`.

    Call with `images` (B, H, W, 3), RGB 0..255, and `image_sizes` (B, 2) int32
    or None. Returns a dict as `MTCNN` does.

    Raises:
        ValueError: If a number is out of its range.
    """

    finds_landmarks = True

    def __init__(
        self,
        networks,
        min_face,
        factor,
        thresholds,
        greedy,
        max_detections,
        **kwargs,
    ):
        super().__init__(max_detections, **kwargs)
        if not min_face >= 1:
            raise ValueError(
                f"`min_face` must be at least 1. Received: min_face={min_face}"
            )
        if not 0.5 <= factor < 1:
            raise ValueError(
                f"`factor` must be in [0.5, 1). Received: factor={factor}"
            )
        thresholds = tuple(thresholds)
        if len(thresholds) != 3 or not all(map(is_share, thresholds)):
            raise ValueError(
                "`thresholds` must be three numbers in [0, 1]. Received: "
                f"thresholds={thresholds}"
            )
        self.networks = list(networks)
        self.min_face = min_face
        self.factor = factor
        self.thresholds = thresholds
        self.greedy = greedy

    def detect(self, image):
        boxes, scores = self._scan(image)
        kept = self._suppress(boxes, scores, _IOU)
        boxes = _square(tf.gather(boxes, kept))

        moves, faces = _run(self.networks[1], image, boxes)
        boxes, scores = _move(boxes, moves), faces[:, 1]
        kept = tf.where(scores > self.thresholds[1])[:, 0]
        boxes, scores = tf.gather(boxes, kept), tf.gather(scores, kept)
        kept = self._suppress(boxes, scores, _IOU)
        boxes = _square(tf.gather(boxes, kept))

        moves, points, faces = _run(self.networks[2], image, boxes)
        landmarks = _place(points, boxes)
        boxes, scores = _move(boxes, moves), faces[:, 1]
        kept = tf.where(scores > self.thresholds[2])[:, 0]
        boxes, scores = tf.gather(boxes, kept), tf.gather(scores, kept)
        landmarks = tf.gather(landmarks, kept)
        kept = self._suppress(boxes, scores, _SMALLER, of_smaller=True)
        return {
            "boxes": tf.gather(boxes, kept),
            "scores": tf.gather(scores, kept),
            "landmarks": tf.gather(landmarks, kept),
        }

    def _scan(self, image):
        """Boxes (N, 4) and scores (N,) of P-Net, suppressed in each scale."""
        size = tf.shape(image)[:2]
        extent = tf.cast(size, "float32")
        scales = tf.math.log(self.min_face / tf.reduce_min(extent))
        scales = tf.floor(scales / tf.math.log(self.factor) + 1e-4) + 1.0
        scales = tf.cast(tf.maximum(scales, 0.0), "int32")

        def look(number, found):
            scale = _SIDE / self.min_face
            scale *= self.factor ** tf.cast(number, "float32")
            reduced = tf.cast(tf.floor(extent * scale + 1e-3), "int32")
            pixels = tf.image.resize(image[None], reduced, "area")
            pixels.set_shape((1, None, None, 3))
            moves, faces = self.networks[0](pixels, training=False)
            cells = tf.where(faces[0, ..., 1] > self.thresholds[0])
            scores = tf.gather_nd(faces[0, ..., 1], cells)
            corners = tf.cast(tf.reverse(cells, [1]), "float32") * _STRIDE
            # The windows begin at pixel 1, as in MATLAB, and end behind 12.
            boxes = tf.concat([corners + 1.0, corners + _SIDE], axis=1)
            boxes += tf.gather_nd(moves[0], cells) * (_SIDE - 1.0)
            boxes /= scale
            scores, best = tf.math.top_k(
                scores, tf.minimum(tf.shape(scores)[0], _MAX_WINDOWS)
            )
            boxes = tf.gather(boxes, best)
            kept = self._suppress(boxes, scores, _IOU_OF_SCALE)
            rows = tf.concat([boxes, scores[:, None]], axis=1)
            return number + 1, found.write(number, tf.gather(rows, kept))

        found = tf.TensorArray(
            "float32", scales + 1, infer_shape=False, element_shape=(None, 5)
        )
        _, found = tf.while_loop(lambda n, _: n < scales, look, (0, found))
        # An image without any scale would leave nothing to put together.
        table = found.write(scales, tf.zeros((0, 5))).concat()
        table = tf.ensure_shape(table, (None, 5))
        return table[:, :4], table[:, 4]

    def _suppress(self, boxes, scores, overlap, of_smaller=False):
        if not self.greedy:
            return best_of_neighbors(boxes, scores, overlap, of_smaller)
        limits = (1.0, overlap) if of_smaller else (overlap, None)
        return suppress(boxes, scores, *limits, max_outputs=_MAX_WINDOWS)

    def get_config(self):
        return {
            **super().get_config(),
            "networks": [
                keras.saving.serialize_keras_object(network)
                for network in self.networks
            ],
            "min_face": self.min_face,
            "factor": self.factor,
            "thresholds": self.thresholds,
            "greedy": self.greedy,
        }


def _run(network, image, boxes):
    """Run a network on windows of an image, gray where they leave it."""
    # Conv2D of oneDNN returns a wrong shape for an empty batch, so that one
    # window stands in for none.
    count = tf.shape(boxes)[0]
    boxes = tf.pad(boxes, [[0, tf.cast(count == 0, "int32")], [0, 0]])
    limits = tf.cast(tf.tile(tf.shape(image)[:2], [2]), "float32")
    windows = tf.image.crop_and_resize(
        image[None],
        tf.gather(boxes, [1, 0, 3, 2], axis=1) / limits,
        tf.zeros(tf.shape(boxes)[:1], "int32"),
        network.input_shape[1:3],
        extrapolation_value=OUTSIDE,
    )
    return [x[:count] for x in network(windows, training=False)]


def _square(boxes):
    """Widen boxes (N, 4) to squares about their centers."""
    sides = boxes[:, 2:] - boxes[:, :2]
    centers = boxes[:, :2] + sides / 2
    half = tf.reduce_max(sides, axis=1, keepdims=True) / 2
    return tf.concat([centers - half, centers + half], axis=1)


def _move(boxes, moves):
    """Move the corners of boxes by shares of their inclusive sides."""
    sides = boxes[:, 2:] - boxes[:, :2] + 1.0
    return boxes + moves * tf.tile(sides, [1, 2])


def _place(points, boxes):
    """Turn shares (N, 10) of inclusive sides into landmarks (N, 5, 2)."""
    points = tf.stack([points[:, :5], points[:, 5:]], axis=2)
    sides = boxes[:, None, 2:] - boxes[:, None, :2] + 1.0
    return points * sides + boxes[:, None, :2] - 1.0
