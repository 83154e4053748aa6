"""From class scores and deltas of regions to the final detections.

Shapes: B images, N regions per image, C classes without background, K
detections per image.
"""

from collections.abc import Sequence
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kcv import boxes
from kcv.detection.parts.suppression import ClassWiseSuppression
from kcv.detection.settings import BoxNormalization
from kcv.detection.settings import DetectionSelection
from kcv.detection.settings import check_settings
from kcv.layers.image_layer import ImageLayer
from kcv.layers.nested_config import NestedConfig


@keras.saving.register_keras_serializable("kcv")
class Detections(NestedConfig, ImageLayer):
    """Decode, threshold, suppress per class, keep the best of the image.

    The test procedure of Fast and Faster R-CNN: softmax scores above the
    threshold, non-maximum suppression within each class, and at most
    `max_detections` over all classes.

    Args:
        classes: C, number of classes without background.
        box_normalization: `BoxNormalization` of the box targets.
        selection: `DetectionSelection` of the score threshold, the IoU
            threshold and the number of detections (K).
        **kwargs: Options of `keras.layers.Layer`.

    Call with `[logits, deltas, regions, valid, image_sizes]`: logits
    (B, N, C + 1) with background first, deltas (B, N, 4 * (C + 1)), regions
    (B, N, 4) xyxy, valid (B, N) bool and image_sizes (B, 2). Returns a dict
    by decreasing score: `boxes` (B, K, 4) float32 xyxy in pixels, `scores`
    (B, K) float32, `labels` (B, K) int32 from 0 and `num_detections` (B,)
    int32. Behind the last detection boxes and scores are 0 and labels -1.
    """

    INPUTS: ClassVar = {
        "logits": "(B, N, C + 1)",
        "deltas": "(B, N, 4 * (C + 1))",
        "regions": "(B, N, 4)",
        "valid": "(B, N)",
        "image_sizes": "(B, 2)",
    }

    def __init__(self, classes, box_normalization, selection, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        check_settings(
            box_normalization=(box_normalization, BoxNormalization),
            selection=(selection, DetectionSelection),
        )
        self.classes = classes
        self.box_normalization = box_normalization
        self.selection = selection
        self.suppress = ClassWiseSuppression(selection)

    def build(self, input_shape):
        self.suppress.build(input_shape)

    def call(self, inputs):
        logits, deltas, regions, valid, image_sizes = inputs
        batch, count = tf.shape(regions)[0], tf.shape(regions)[1]
        scores = ops.softmax(logits)[..., 1:]
        scores = tf.where(valid[..., None], scores, float("-inf"))

        deltas = tf.reshape(deltas, (batch, count, self.classes + 1, 4))
        mean, std = self.box_normalization.for_classes(self.classes)
        decoded = decode_per_class(
            deltas[:, :, 1:] + np.divide(mean, std).astype("float32"),
            regions,
            image_sizes,
            std,
        )
        return self.suppress([decoded, tf.transpose(scores, (0, 2, 1))])

    def compute_output_spec(self, inputs):
        return self.suppress.compute_output_spec(inputs)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "classes": self.classes,
            "box_normalization": serialize(self.box_normalization),
            "selection": serialize(self.selection),
        }


def decode_per_class(
    deltas: tf.Tensor,
    regions: tf.Tensor,
    image_sizes: tf.Tensor,
    std: tf.Tensor | Sequence[float] = (1.0, 1.0, 1.0, 1.0),
) -> tf.Tensor:
    """Refine each region once for every class, and clip it to its image.

    Args:
        deltas: Deltas (B, N, C, 4) as `kcv.boxes.decode` takes them.
        regions: Regions (B, N, 4) xyxy in pixels.
        image_sizes: Height and width (B, 2) in pixels.
        std: Numbers that the deltas were divided by, of shape (4,) or (C, 4).
            Defaults to ones.

    Returns:
        Boxes (B, C, N, 4) float32 xyxy in pixels.
    """
    batch, count, classes, _ = tf.unstack(tf.shape(deltas))
    decoded = boxes.decode(deltas, regions[:, :, None, :], std)
    decoded = tf.transpose(decoded, (0, 2, 1, 3))
    decoded = boxes.clip(
        tf.reshape(decoded, (batch, classes * count, 4)), image_sizes
    )
    return tf.reshape(decoded, (batch, classes, count, 4))
