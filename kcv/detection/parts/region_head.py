"""The head of Fast R-CNN (Girshick 2015): one class and box per region.

Shapes: B images, features of H x W cells, R regions per image of P x P bins,
C classes without background.
"""

import math
from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers import RoIPool
from kcv.layers.image_layer import ImageLayer
from kcv.layers.nested_config import NestedConfig


@keras.saving.register_keras_serializable("kcv")
class RegionHead(NestedConfig, ImageLayer):
    """Pool each region from the features, classify it and refine its box.

    Args:
        classes: C, number of classes without background.
        network: keras.Model from pooled regions (N, P, P, channels) to vectors
            (N, F).
        stride: Distance between neighboring cells of the features, in pixels.
            Positive integer.
        roi_end_offset: Number of pixels by which a region ends earlier when it
            is pooled, see `pooled_corners`. Non-negative float. If None,
            regions are pooled as they are. Defaults to None.
        **kwargs: Options of `keras.layers.Layer`.

    Call with `[features, feature_sizes, regions]`: features (B, H, W,
    channels), feature_sizes (B, 2) int32, and regions (B, R, 4) xyxy in
    pixels. A head with an `roi_end_offset` needs image_sizes (B, 2) int32 in
    the fourth place. Returns logits (B, R, C + 1) with background first and
    deltas (B, R, 4 * (C + 1)), four for each class, both float32.

    Raises:
        ValueError: If `roi_end_offset` is negative or not finite.
    """

    INPUTS: ClassVar = {
        "features": "(B, H, W, C)",
        "feature_sizes": "(B, 2)",
        "regions": "(B, R, 4)",
    }
    OPTIONAL: ClassVar = {
        "image_sizes": "(B, 2)",
    }

    def __init__(self, classes, network, stride, roi_end_offset=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if roi_end_offset is not None and not 0 <= roi_end_offset < math.inf:
            raise ValueError(
                "`roi_end_offset` must be None, zero or positive. Received: "
                f"roi_end_offset={roi_end_offset!r}"
            )
        self.roi_end_offset = roi_end_offset
        self.classes = classes
        self.stride = stride
        self.roi_pool = RoIPool(
            network.input_shape[1],
            1 / stride,
            dtype=self.dtype_policy,
            name="roi_pool5",
        )
        self.network = network
        self.cls_score = self._dense(classes + 1, 0.01, "cls_score")
        self.bbox_pred = self._dense(4 * (classes + 1), 0.001, "bbox_pred")

    def _dense(self, units, deviation, name):
        initializer = keras.initializers.RandomNormal(stddev=deviation)
        return keras.layers.Dense(
            units, kernel_initializer=initializer, dtype="float32", name=name
        )

    @property
    def pooled_shape(self):
        """Shape (P, P, channels) of a pooled region."""
        return self.network.input_shape[1:]

    def build(self, input_shape):
        self.cls_score.build(self.network.output_shape)
        self.bbox_pred.build(self.network.output_shape)

    def call(self, inputs, training=False):
        features, feature_sizes, regions, *image_sizes = inputs
        if self.roi_end_offset is not None:
            regions = self.pooled_corners(regions, *image_sizes)
        pooled = self.roi_pool([features, regions, feature_sizes])
        return self.classify(pooled, training=training)

    def pooled_corners(
        self, regions: tf.Tensor, image_sizes: tf.Tensor
    ) -> tf.Tensor:
        """Compute the corners that RoI pooling is given.

        RoI pooling reads x2 and y2 as the last pixel. The boxes of kcv are
        half-open, so that these are one pixel further right and below. With an
        `roi_end_offset` of None they are pooled as they are.

        Args:
            regions: Boxes (B, R, 4) xyxy in pixels.
            image_sizes: Height and width (B, 2) in pixels. None is accepted if
                `roi_end_offset` is None.

        Returns:
            The regions, whose x2 and y2 are `roi_end_offset` less, and at most
            the last pixel of the image. (B, R, 4) float32.
        """
        if self.roi_end_offset is None:
            return regions
        last = tf.cast(image_sizes[:, None, ::-1], "float32") - 1
        ends = tf.minimum(regions[..., 2:] - self.roi_end_offset, last)
        return tf.concat([regions[..., :2], ends], axis=-1)

    def classify(
        self, pooled: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Classify regions that are already pooled.

        Args:
            pooled: Pooled regions (B, R, P, P, channels).
            training: Whether dropout and batch normalization are in training
                mode. Defaults to False.

        Returns:
            Logits (B, R, C + 1) and deltas (B, R, 4 * (C + 1)), as the layer
            returns them.
        """
        batch, count = tf.unstack(tf.shape(pooled)[:2])
        pooled = tf.reshape(pooled, (batch * count, *pooled.shape[2:]))
        vectors = self.network(pooled, training=training)
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

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "network": keras.saving.serialize_keras_object(self.network),
            "stride": self.stride,
            "roi_end_offset": self.roi_end_offset,
        }
