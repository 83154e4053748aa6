"""The region proposal network of Faster R-CNN (Ren et al. 2015).

Shapes: B images, features of H x W cells, k anchors per cell, A = H * W * k
anchors.
"""

from typing import ClassVar

import keras
import tensorflow as tf
from keras import ops

from kcv.detection.parts.anchors import base_anchors
from kcv.detection.parts.anchors import grid_anchors
from kcv.detection.settings import Anchors
from kcv.detection.settings import check_settings
from kcv.layers.image_layer import ImageLayer
from kcv.layers.nested_config import NestedConfig


@keras.saving.register_keras_serializable("kcv")
class RegionProposalNetwork(NestedConfig, ImageLayer):
    """Score and shift the anchors of every cell of a feature map.

    The network is a 3x3 convolution with ReLU, followed by two parallel 1x1
    convolutions. All kernels are drawn from N(0, 0.01), and all biases are
    zero. Layer names and the order of channels are those of py-faster-rcnn: the
    first k of the 2k scores are background and the last k foreground, while the
    deltas are ordered anchor by anchor.

    Args:
        stride: Distance between neighboring cells of the features, in pixels.
            Positive integer.
        anchors: `Anchors` of each cell.
        filters: Number of filters of the 3x3 convolution. Positive integer.
            Defaults to 512.
        **kwargs: Options of `keras.layers.Layer`.

    Call with `[features, feature_sizes]`: (B, H, W, C) and (B, 2) int32, the
    rows and columns that belong to each image. Returns logits (B, A, 2) of
    background and foreground, deltas (B, A, 4), anchors (A, 4) xyxy in
    pixels, and exists (B, A) bool, False for anchors of cells beyond the
    image. Anchors are in the order of rows, columns, anchors of a cell.
    """

    INPUTS: ClassVar = {
        "features": "(B, H, W, C)",
        "feature_sizes": "(B, 2)",
    }

    def __init__(self, stride, anchors, filters=512, **kwargs):
        super().__init__(**kwargs)
        check_settings(anchors=(anchors, Anchors))
        self.stride = stride
        self.anchors = anchors
        self.filters = filters
        self.base = base_anchors(stride, anchors.ratios, anchors.scales)
        k = len(self.base)
        self.conv = self._convolution(
            filters, 3, "rpn_conv_3x3", activation="relu"
        )
        self.cls_score = self._convolution(
            2 * k, 1, "rpn_cls_score", dtype="float32"
        )
        self.bbox_pred = self._convolution(
            4 * k, 1, "rpn_bbox_pred", dtype="float32"
        )

    def _convolution(self, filters, size, name, **kwargs):
        kwargs.setdefault("dtype", self.dtype_policy)
        return keras.layers.Conv2D(
            filters,
            size,
            padding="same",
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            name=name,
            **kwargs,
        )

    def build(self, input_shape):
        features, _ = input_shape
        self.conv.build(features)
        hidden = self.conv.compute_output_shape(features)
        self.cls_score.build(hidden)
        self.bbox_pred.build(hidden)

    def call(self, inputs):
        features, feature_sizes = inputs
        batch, height, width, _ = tf.unstack(tf.shape(features))
        k = len(self.base)
        hidden = self.conv(features)
        logits = tf.reshape(
            self.cls_score(hidden), (batch, height * width, 2, k)
        )
        logits = tf.reshape(
            tf.transpose(logits, (0, 1, 3, 2)), (batch, height * width * k, 2)
        )
        deltas = tf.reshape(self.bbox_pred(hidden), (batch, -1, 4))
        anchors = grid_anchors(height, width, self.stride, self.base)

        rows = tf.range(height) < feature_sizes[:, :1]  # (B, H)
        columns = tf.range(width) < feature_sizes[:, 1:]  # (B, W)
        cells = rows[:, :, None] & columns[:, None, :]
        exists = tf.repeat(tf.reshape(cells, (batch, -1)), k, axis=1)
        return logits, deltas, anchors, exists

    def compute_output_spec(self, inputs):
        batch = inputs[0].shape[0]
        return (
            keras.KerasTensor((batch, None, 2), dtype="float32"),
            keras.KerasTensor((batch, None, 4), dtype="float32"),
            keras.KerasTensor((None, 4), dtype="float32"),
            keras.KerasTensor((batch, None), dtype="bool"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "stride": self.stride,
            "anchors": keras.saving.serialize_keras_object(self.anchors),
            "filters": self.filters,
        }


def foreground_logit(logits: tf.Tensor) -> tf.Tensor:
    """Reduce the two logits of an anchor to one that ranks like softmax.

    The difference does not saturate where the probability would round to 1.

    Args:
        logits: Logits (B, A, 2) of background and foreground.

    Returns:
        Logits (B, A), foreground less background.
    """
    return ops.subtract(logits[..., 1], logits[..., 0])
