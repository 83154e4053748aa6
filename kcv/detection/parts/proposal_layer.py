"""From the outputs of a region proposal network to regions of interest.

Shapes: B images, A anchors, K proposals per image.
"""

from typing import ClassVar

import keras
import tensorflow as tf
from keras import ops

from kcv import boxes
from kcv.detection.settings import ProposalSelection
from kcv.detection.settings import check_settings
from kcv.layers import NonMaxSuppression
from kcv.layers.image_layer import ImageLayer
from kcv.layers.nested_config import NestedConfig


@keras.saving.register_keras_serializable("kcv")
class ProposalLayer(NestedConfig, ImageLayer):
    """Turn scored anchors into the regions that the detector looks at.

    The procedure of Faster R-CNN (Ren et al. 2015, section 3.3): apply the
    deltas to the anchors, clip to the image, drop what is too small, keep the
    best `pre_nms`, suppress, and keep the best `post_nms`. No gradient flows
    through.

    Args:
        selection: `ProposalSelection` of `pre_nms`, `post_nms` (K), `iou` and
            `min_side`.
        **kwargs: Options of `keras.layers.Layer`.

    Call with `[logits, deltas, anchors, exists, image_sizes]`: logits (B, A)
    of foreground minus background, deltas (B, A, 4), anchors (A, 4) xyxy,
    exists (B, A) bool (False for anchors of cells beyond the image) and
    image_sizes (B, 2), height and width. Returns `(regions, scores, valid)`:
    (B, K, 4) float32 xyxy by decreasing score, the logits (B, K) float32, and
    (B, K) bool. Where `valid` is False, regions are zero and logits minus
    infinity.
    """

    INPUTS: ClassVar = {
        "logits": "(B, A)",
        "deltas": "(B, A, 4)",
        "anchors": "(A, 4)",
        "exists": "(B, A)",
        "image_sizes": "(B, 2)",
    }

    def __init__(self, selection, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        check_settings(selection=(selection, ProposalSelection))
        self.selection = selection
        self.suppress = NonMaxSuppression(selection.iou, selection.post_nms)

    def build(self, input_shape):
        self.suppress.build(input_shape)

    def call(self, inputs):
        logits, deltas, anchors, exists, image_sizes = inputs
        regions = boxes.decode(deltas, anchors)
        regions = boxes.clip(regions, image_sizes)
        sides = regions[..., 2:] - regions[..., :2]
        large = ops.all(sides >= self.selection.min_side, axis=-1)
        logits = ops.where(exists & large, logits, float("-inf"))

        candidates = tf.shape(logits)[1]
        if self.selection.pre_nms is not None:
            candidates = tf.minimum(self.selection.pre_nms, candidates)
        scores, best = tf.math.top_k(logits, candidates)
        regions = tf.gather(regions, best, batch_dims=1)
        kept, valid = self.suppress([regions, scores])
        regions = tf.gather(regions, kept, batch_dims=1)
        regions = tf.where(valid[..., None], regions, 0.0)
        scores = tf.gather(scores, kept, batch_dims=1)
        scores = tf.where(valid, scores, float("-inf"))
        return tf.stop_gradient(regions), tf.stop_gradient(scores), valid

    def compute_output_spec(self, inputs):
        shape = (inputs[0].shape[0], self.selection.post_nms)
        return (
            keras.KerasTensor((*shape, 4), dtype="float32"),
            keras.KerasTensor(shape, dtype="float32"),
            keras.KerasTensor(shape, dtype="bool"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "selection": keras.saving.serialize_keras_object(self.selection),
        }
