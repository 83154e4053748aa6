"""From the scores and box regressions of R-CNN to the final detections.

Shapes: B images, P proposals per image, C classes, K detections per image.
"""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.detection.parts.detections import decode_per_class
from kcv.detection.parts.suppression import ClassWiseSuppression
from kcv.detection.settings import DetectionSelection
from kcv.layers.image_layer import ImageLayer
from kcv.layers.nested_config import NestedConfig


@keras.saving.register_keras_serializable("kcv")
class RefinedDetections(NestedConfig, ImageLayer):
    """Refine every proposal for each class, suppress, keep the best.

    Args:
        selection: `DetectionSelection` of the score threshold, the IoU
            threshold and the number of detections (K).
        **kwargs: Options of `keras.layers.Layer`.

    Call with `[scores, deltas, proposals, exists, image_sizes]`: scores
    (B, P, C), deltas (B, P, 4 * C), proposals (B, P, 4) xyxy in pixels, exists
    (B, P) bool and image_sizes (B, 2). Returns a dict by decreasing score:
    `boxes` (B, K, 4) float32 xyxy in pixels, `scores` (B, K) float32, `labels`
    (B, K) int32 from 0 and `num_detections` (B,) int32. Behind the last
    detection boxes and scores are 0 and labels -1.
    """

    INPUTS: ClassVar = {
        "scores": "(B, P, C)",
        "deltas": "(B, P, 4 * C)",
        "proposals": "(B, P, 4)",
        "exists": "(B, P)",
        "image_sizes": "(B, 2)",
    }

    def __init__(self, selection: DetectionSelection, **kwargs):
        kwargs["dtype"] = "float32"  # boxes are pixels: never bfloat16
        super().__init__(**kwargs)
        self.selection = selection
        self.suppress = ClassWiseSuppression(selection)

    def build(self, input_shape):
        self.suppress.build(input_shape)

    def call(self, inputs):
        scores, deltas, proposals, exists, image_sizes = inputs
        batch, count, classes = tf.unstack(tf.shape(scores))
        # No box can be relative to an empty one.
        regions = tf.where(exists[..., None], proposals, [0.0, 0.0, 1.0, 1.0])
        refined = decode_per_class(
            tf.reshape(deltas, (batch, count, classes, 4)),
            regions,
            image_sizes,
        )
        scores = tf.where(exists[..., None], scores, float("-inf"))
        return self.suppress([refined, tf.transpose(scores, (0, 2, 1))])

    def compute_output_spec(self, inputs):
        return self.suppress.compute_output_spec(inputs)

    def get_config(self):
        return {
            **super().get_config(),
            "selection": keras.saving.serialize_keras_object(self.selection),
        }
