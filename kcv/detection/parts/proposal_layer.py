"""From the outputs of a region proposal network to regions of interest."""

import keras
import tensorflow as tf
from keras import ops

from kcv import boxes
from kcv.layers import NonMaxSuppression


@keras.saving.register_keras_serializable("kcv")
class Proposals(keras.layers.Layer):
    """Turn scored anchors into the regions that the detector looks at.

    Faster R-CNN (Ren et al. 2015, section 3.3): apply the deltas to the
    anchors, clip to the image, drop what is too small, keep the best
    `pre_nms`, suppress, keep the best `post_nms`. No gradient flows through.

    Args:
        pre_nms: regions that enter non-maximum suppression at most: 12000 in
            training, 6000 in testing; None for all.
        post_nms: K, regions that leave it: 2000 and 300.
        iou_threshold: of the suppression.
        min_side: shortest side of a region, pixels of the image that the
            network sees.

    Call with `[logits, deltas, anchors, exists, image_sizes]`: logits (B, A)
    of foreground minus background, deltas (B, A, 4), anchors (A, 4) xyxy,
    exists (B, A) bool (False for anchors of cells beyond the image),
    image_sizes (B, 2) height and width. Returns `(regions, scores, valid)`:
    (B, K, 4) float32 xyxy by falling score, the logits (B, K) float32, and
    valid (B, K) bool; regions are zero and logits minus infinity where it is
    False.
    """

    def __init__(
        self, pre_nms, post_nms, iou_threshold=0.7, min_side=16, **kwargs
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if (pre_nms is not None and pre_nms < 1) or post_nms < 1:
            raise ValueError(
                "pre_nms and post_nms must be positive. Received: "
                f"pre_nms={pre_nms}, post_nms={post_nms}"
            )
        self.pre_nms = pre_nms
        self.post_nms = post_nms
        self.iou_threshold = iou_threshold
        self.min_side = min_side
        self.suppress = NonMaxSuppression(iou_threshold, post_nms)

    def call(self, inputs):
        logits, deltas, anchors, exists, image_sizes = inputs
        regions = boxes.decode(deltas, anchors)
        regions = boxes.clip(regions, image_sizes)
        sides = regions[..., 2:] - regions[..., :2]
        large = ops.all(sides >= self.min_side, axis=-1)
        logits = ops.where(exists & large, logits, float("-inf"))

        candidates = tf.shape(logits)[1]
        if self.pre_nms is not None:
            candidates = tf.minimum(self.pre_nms, candidates)
        scores, best = tf.math.top_k(logits, candidates)
        regions = tf.gather(regions, best, batch_dims=1)
        kept, valid = self.suppress([regions, scores])
        regions = tf.gather(regions, kept, batch_dims=1)
        regions = tf.where(valid[..., None], regions, 0.0)
        scores = tf.gather(scores, kept, batch_dims=1)
        scores = tf.where(valid, scores, float("-inf"))
        return tf.stop_gradient(regions), tf.stop_gradient(scores), valid

    def compute_output_spec(self, inputs):
        shape = (inputs[0].shape[0], self.post_nms)
        return (
            keras.KerasTensor((*shape, 4), dtype="float32"),
            keras.KerasTensor(shape, dtype="float32"),
            keras.KerasTensor(shape, dtype="bool"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "pre_nms": self.pre_nms,
            "post_nms": self.post_nms,
            "iou_threshold": self.iou_threshold,
            "min_side": self.min_side,
        }
