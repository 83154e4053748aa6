"""From class scores and deltas of regions to the final detections."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kcv import boxes
from kcv.detection.parts.suppression import ClassWiseSuppression


@keras.saving.register_keras_serializable("kcv")
class Detections(keras.layers.Layer):
    """Decode, threshold, suppress per class, keep the best of the image.

    The test procedure of Fast and Faster R-CNN: softmax scores above
    `score_threshold`, non-maximum suppression of each class by itself, at
    most `max_detections` over all classes.

    Args:
        classes: C, without background.
        box_std: what the box targets were divided by, (4,) or (C, 4).
        box_mean: what was taken from them before.
        score_threshold: a detection scores more than this.
        iou_threshold: of the suppression.
        max_detections: K, per image.

    Call with `[logits, deltas, regions, valid, image_sizes]`: logits
    (B, N, C + 1) with background first, deltas (B, N, 4 * (C + 1)), regions
    (B, N, 4) xyxy, valid (B, N) bool, image_sizes (B, 2). Returns a dict by
    falling score: `boxes` (B, K, 4) float32 xyxy pixels, `scores` (B, K)
    float32, `labels` (B, K) int32 from 0, `num_detections` (B,) int32; behind
    the last detection boxes and scores are 0 and labels -1.
    """

    def __init__(
        self,
        classes,
        box_std=(0.1, 0.1, 0.2, 0.2),
        box_mean=(0.0, 0.0, 0.0, 0.0),
        score_threshold=0.05,
        iou_threshold=0.3,
        max_detections=100,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.classes = classes
        self.box_std = np.asarray(box_std).tolist()
        self.box_mean = np.asarray(box_mean).tolist()
        self.score_threshold = score_threshold
        self.iou_threshold = iou_threshold
        self.max_detections = max_detections
        self.suppress = ClassWiseSuppression(
            iou_threshold, max_detections, score_threshold
        )

    def call(self, inputs):
        logits, deltas, regions, valid, image_sizes = inputs
        batch, count = tf.shape(regions)[0], tf.shape(regions)[1]
        scores = ops.softmax(logits)[..., 1:]
        scores = tf.where(valid[..., None], scores, float("-inf"))

        deltas = tf.reshape(deltas, (batch, count, self.classes + 1, 4))
        mean = np.divide(self.box_mean, self.box_std).astype("float32")
        decoded = decode_per_class(
            deltas[:, :, 1:] + mean, regions, image_sizes, self.box_std
        )
        return self.suppress([decoded, tf.transpose(scores, (0, 2, 1))])

    def compute_output_spec(self, inputs):
        return self.suppress.compute_output_spec(inputs)

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "box_std": self.box_std,
            "box_mean": self.box_mean,
            "score_threshold": self.score_threshold,
            "iou_threshold": self.iou_threshold,
            "max_detections": self.max_detections,
        }


def decode_per_class(deltas, regions, image_sizes, std=(1.0, 1.0, 1.0, 1.0)):
    """Refine each region once for every class, and clip it to its image.

    Args:
        deltas: (B, N, C, 4), see `kcv.boxes.decode`.
        regions: (B, N, 4) xyxy, pixels.
        image_sizes: (B, 2) height and width, pixels.
        std: what the deltas were divided by.

    Returns:
        (B, C, N, 4) float32 xyxy, pixels.
    """
    batch, count, classes, _ = tf.unstack(tf.shape(deltas))
    decoded = boxes.decode(deltas, regions[:, :, None, :], std)
    decoded = tf.transpose(decoded, (0, 2, 1, 3))
    decoded = boxes.clip(
        tf.reshape(decoded, (batch, classes * count, 4)), image_sizes
    )
    return tf.reshape(decoded, (batch, classes, count, 4))
