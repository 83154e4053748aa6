"""From scored boxes of each class to the final detections of an image.

Shapes: B images, C classes, N candidates per class, K detections per image.
"""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.detection.settings import DetectionSelection
from kcv.detection.settings import check_settings
from kcv.layers import NonMaxSuppression
from kcv.layers.image_layer import ImageLayer
from kcv.layers.nested_config import NestedConfig


@keras.saving.register_keras_serializable("kcv")
class ClassWiseSuppression(NestedConfig, ImageLayer):
    """Suppress within each class, keep the best of the image.

    Every detector of the R-CNN family ends with it, whatever its scores are:
    softmax probabilities, or the signed distances of support vector machines.

    Args:
        selection: `DetectionSelection` of the score threshold, the IoU
            threshold and the number of detections (K).
        **kwargs: Options of `keras.layers.Layer`.

    Call with `[boxes, scores]`: boxes (B, C, N, 4) xyxy in pixels and scores
    (B, C, N), float32, of N candidates for each of C classes. Padding has a
    score of minus infinity. Returns a dict by decreasing score: `boxes`
    (B, K, 4) float32 xyxy in pixels, `scores` (B, K) float32, `labels` (B, K)
    int32 from 0 and `num_detections` (B,) int32. Behind the last detection
    boxes and scores are 0 and labels -1.

    Example:

    >>> boxes = tf.constant([[[[0.0, 0, 9, 9], [0, 0, 9, 8]]]])
    >>> scores = tf.constant([[[0.2, 0.7]]])
    >>> suppress = ClassWiseSuppression(DetectionSelection(iou=0.3))
    >>> suppress([boxes, scores])["num_detections"].numpy()
    array([1], dtype=int32)
    """

    INPUTS: ClassVar = {
        "boxes": "(B, C, N, 4)",
        "scores": "(B, C, N)",
    }

    def __init__(self, selection, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        check_settings(selection=(selection, DetectionSelection))
        self.selection = selection
        self.suppress = NonMaxSuppression(
            selection.iou, selection.max_detections, selection.score_threshold
        )

    def build(self, input_shape):
        self.suppress.build(input_shape)

    def call(self, inputs):
        boxes, scores = inputs
        most = self.selection.max_detections
        batch, classes, count = tf.unstack(tf.shape(scores))
        # Each class of each image is a problem of its own: (B * C, N).
        boxes = tf.reshape(boxes, (batch * classes, count, 4))
        scores = tf.reshape(scores, (batch * classes, count))
        if self.selection.pre_nms is not None:
            entering = tf.minimum(self.selection.pre_nms, count)
            scores, best = tf.math.top_k(scores, entering)
            boxes = tf.gather(boxes, best, batch_dims=1)
        # NonMaxSuppression pads its indices by 0, which must be there.
        boxes = tf.pad(boxes, [[0, 0], [0, 1], [0, 0]])
        scores = tf.pad(scores, [[0, 0], [0, 1]], constant_values=float("-inf"))
        kept, chosen = self.suppress([boxes, scores])
        boxes = tf.gather(boxes, kept, batch_dims=1)
        scores = tf.gather(scores, kept, batch_dims=1)
        scores = tf.where(chosen, scores, float("-inf"))

        # Then the best of all classes: (B, C * K) to (B, K).
        boxes = tf.reshape(boxes, (batch, classes * most, 4))
        scores = tf.reshape(scores, (batch, classes * most))
        scores, best = tf.math.top_k(scores, most)
        boxes = tf.gather(boxes, best, batch_dims=1)
        found = scores > self.selection.score_threshold
        return {
            "boxes": tf.where(found[..., None], boxes, 0.0),
            "scores": tf.where(found, scores, 0.0),
            "labels": tf.where(found, best // most, -1),
            "num_detections": tf.reduce_sum(tf.cast(found, "int32"), axis=-1),
        }

    def compute_output_spec(self, inputs):
        batch = inputs[0].shape[0]
        shape = (batch, self.selection.max_detections)
        return {
            "boxes": keras.KerasTensor((*shape, 4), dtype="float32"),
            "scores": keras.KerasTensor(shape, dtype="float32"),
            "labels": keras.KerasTensor(shape, dtype="int32"),
            "num_detections": keras.KerasTensor((batch,), dtype="int32"),
        }

    def get_config(self):
        return {
            **super().get_config(),
            "selection": keras.saving.serialize_keras_object(self.selection),
        }
