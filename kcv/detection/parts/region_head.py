"""The head of Fast R-CNN (Girshick 2015): one class and box per region."""

import keras
import tensorflow as tf

from kcv.layers import RoIPool


class RegionHead(keras.layers.Layer):
    """Pool each region from the features, classify it and refine its box.

    Args:
        classes: C, without background.
        head: keras.Model from pooled regions (N, P, P, channels) to vectors.
        stride: pixels from cell to cell of the features.

    Call with `[features, feature_sizes, regions]`: features (B, H, W,
    channels), feature_sizes (B, 2) int32, regions (B, R, 4) xyxy in pixels.
    Returns logits (B, R, C + 1) with background first and deltas
    (B, R, 4 * (C + 1)), four for each class, both float32.
    """

    def __init__(self, classes, head, stride, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.roi_pool = RoIPool(
            head.input_shape[1], 1 / stride, name="roi_pool5"
        )
        self.head = head
        self.cls_score = self._dense(classes + 1, 0.01, "cls_score")
        self.bbox_pred = self._dense(4 * (classes + 1), 0.001, "bbox_pred")

    def _dense(self, units, deviation, name):
        initializer = keras.initializers.RandomNormal(stddev=deviation)
        return keras.layers.Dense(
            units, kernel_initializer=initializer, dtype="float32", name=name
        )

    def build(self, input_shape):
        self.cls_score.build(self.head.output_shape)
        self.bbox_pred.build(self.head.output_shape)

    def call(self, inputs, training=False):
        features, feature_sizes, regions = inputs
        pooled = self.roi_pool([features, regions, feature_sizes])
        return self.classify(pooled, training=training)

    def classify(self, pooled, training=False):
        """Go on from regions (B, R, P, P, channels) that are pooled."""
        batch, count = tf.unstack(tf.shape(pooled)[:2])
        pooled = tf.reshape(pooled, (batch * count, *pooled.shape[2:]))
        vectors = self.head(pooled, training=training)
        logits = self.cls_score(vectors)
        deltas = self.bbox_pred(vectors)
        return (
            tf.reshape(logits, (batch, count, logits.shape[-1])),
            tf.reshape(deltas, (batch, count, deltas.shape[-1])),
        )

    def compute_output_spec(self, inputs, training=False):
        shape = inputs[2].shape[:2]
        return tuple(
            keras.KerasTensor((*shape, layer.units), dtype="float32")
            for layer in (self.cls_score, self.bbox_pred)
        )
