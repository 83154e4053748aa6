"""From scored boxes of each class to the final detections of an image."""

import keras
import tensorflow as tf

from kcv.layers import NonMaxSuppression


@keras.saving.register_keras_serializable("kcv")
class ClassWiseSuppression(keras.layers.Layer):
    """Suppress each class by itself, keep the best of the image.

    How every detector of the R-CNN family ends, whatever its scores are:
    softmax probabilities, or the signed distances of support vector machines.

    Args:
        iou_threshold: boxes of one class that overlap more are suppressed.
        max_detections: K, per image, over all classes.
        score_threshold: a detection scores more than this.

    Call with `[boxes, scores]`: boxes (B, C, N, 4) xyxy pixels and scores
    (B, C, N), float32, of N candidates for each of C classes; padding scores
    minus infinity. Returns a dict by falling score: `boxes` (B, K, 4) float32
    xyxy pixels, `scores` (B, K) float32, `labels` (B, K) int32 from 0,
    `num_detections` (B,) int32; behind the last detection boxes and scores
    are 0 and labels -1.

    Example:

    >>> boxes = tf.constant([[[[0.0, 0, 9, 9], [0, 0, 9, 8]]]])
    >>> scores = tf.constant([[[-0.2, 0.7]]])
    >>> found = ClassWiseSuppression(0.3, max_detections=2)([boxes, scores])
    >>> found["num_detections"].numpy()
    array([1], dtype=int32)
    """

    def __init__(
        self,
        iou_threshold=0.3,
        max_detections=100,
        score_threshold=float("-inf"),
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        self.iou_threshold = iou_threshold
        self.max_detections = max_detections
        self.score_threshold = score_threshold
        self.suppress = NonMaxSuppression(
            iou_threshold, max_detections, score_threshold
        )

    def build(self, input_shape):
        self.suppress.build(input_shape)

    def call(self, inputs):
        boxes, scores = inputs
        batch, classes, count = tf.unstack(tf.shape(scores))
        # Each class of each image is a problem of its own: (B * C, N).
        boxes = tf.reshape(boxes, (batch * classes, count, 4))
        scores = tf.reshape(scores, (batch * classes, count))
        # NonMaxSuppression pads its indices by 0, which must be there.
        boxes = tf.pad(boxes, [[0, 0], [0, 1], [0, 0]])
        scores = tf.pad(scores, [[0, 0], [0, 1]], constant_values=float("-inf"))
        kept, chosen = self.suppress([boxes, scores])
        boxes = tf.gather(boxes, kept, batch_dims=1)
        scores = tf.gather(scores, kept, batch_dims=1)
        scores = tf.where(chosen, scores, float("-inf"))

        # Then the best of all classes: (B, C * K) to (B, K).
        per_image = classes * self.max_detections
        boxes = tf.reshape(boxes, (batch, per_image, 4))
        scores = tf.reshape(scores, (batch, per_image))
        scores, best = tf.math.top_k(scores, self.max_detections)
        boxes = tf.gather(boxes, best, batch_dims=1)
        found = scores > self.score_threshold
        return {
            "boxes": tf.where(found[..., None], boxes, 0.0),
            "scores": tf.where(found, scores, 0.0),
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
            "iou_threshold": self.iou_threshold,
            "max_detections": self.max_detections,
            "score_threshold": self.score_threshold,
        }
