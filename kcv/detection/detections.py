"""From class scores and deltas of regions to the final detections."""

import keras
import tensorflow as tf
from keras import ops

from kcv import boxes
from kcv.layers import NonMaxSuppression


@keras.saving.register_keras_serializable("kcv")
class Detections(keras.layers.Layer):
    """Decode, threshold, suppress per class, keep the best of the image.

    The test procedure of Fast and Faster R-CNN: softmax scores above
    `score_threshold`, non-maximum suppression of each class by itself, at
    most `max_detections` over all classes.

    Args:
        classes: C, without background.
        box_std: what the box targets were divided by.
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
        score_threshold=0.05,
        iou_threshold=0.3,
        max_detections=100,
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.classes = classes
        self.box_std = tuple(box_std)
        self.score_threshold = score_threshold
        self.iou_threshold = iou_threshold
        self.max_detections = max_detections
        self.suppress = NonMaxSuppression(
            iou_threshold, max_detections, score_threshold
        )

    def call(self, inputs):
        logits, deltas, regions, valid, image_sizes = inputs
        batch, count = tf.shape(regions)[0], tf.shape(regions)[1]
        scores = ops.softmax(logits)[..., 1:]
        scores = tf.where(valid[..., None], scores, 0.0)

        deltas = tf.reshape(deltas, (batch, count, self.classes + 1, 4))
        decoded = boxes.decode(
            deltas[:, :, 1:], regions[:, :, None, :], self.box_std
        )
        # Each class of each image is a problem of its own: (B * C, N).
        decoded = tf.transpose(decoded, (0, 2, 1, 3))
        decoded = boxes.clip(
            tf.reshape(decoded, (batch, self.classes * count, 4)), image_sizes
        )
        decoded = tf.reshape(decoded, (batch * self.classes, count, 4))
        scores = tf.transpose(scores, (0, 2, 1))
        scores = tf.reshape(scores, (batch * self.classes, count))
        kept, chosen = self.suppress([decoded, scores])
        decoded = tf.gather(decoded, kept, batch_dims=1)
        scores = tf.where(chosen, tf.gather(scores, kept, batch_dims=1), 0.0)

        # Then the best of all classes: (B, C * K) to (B, K).
        per_image = self.classes * self.max_detections
        decoded = tf.reshape(decoded, (batch, per_image, 4))
        scores = tf.reshape(scores, (batch, per_image))
        scores, best = tf.math.top_k(scores, self.max_detections)
        decoded = tf.gather(decoded, best, batch_dims=1)
        found = scores > self.score_threshold
        return {
            "boxes": tf.where(found[..., None], decoded, 0.0),
            "scores": scores,
            "labels": tf.where(found, best // self.max_detections, -1),
            "num_detections": tf.reduce_sum(tf.cast(found, "int32"), axis=-1),
        }

    def compute_output_spec(self, inputs):
        batch = inputs[0].shape[0]
        shape = (batch, self.max_detections)
        return {
            "boxes": keras.KerasTensor((*shape, 4), dtype="float32"),
            "scores": keras.KerasTensor(shape, dtype="float32"),
            "labels": keras.KerasTensor(shape, dtype="int32"),
            "num_detections": keras.KerasTensor((batch,), dtype="int32"),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "box_std": self.box_std,
            "score_threshold": self.score_threshold,
            "iou_threshold": self.iou_threshold,
            "max_detections": self.max_detections,
        }
