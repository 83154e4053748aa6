"""Greedy non-maximum suppression as a layer with fixed output shapes."""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer


@keras.saving.register_keras_serializable("kcv")
class NonMaxSuppression(ImageLayer):
    """Greedy non-maximum suppression.

    The layer goes through the boxes of an image by decreasing score, earlier
    boxes first among equals, and drops a box if its IoU with a box that was
    kept is greater than `iou_threshold`. A box whose IoU equals the threshold
    stays, as in torchvision and in the Python and GPU versions of
    py-faster-rcnn. Its Cython version, and that of Fast R-CNN, drop it. Of
    boxes with equal scores these codes prefer the last one. Two boxes of equal
    scores are rare in float32, but 17% of the proposals differ if scores are
    rounded to integers. An empty box overlaps nothing here; there, the IoU of
    two empty boxes is not a number, and one of them is dropped.

    The same operation runs in training, `predict` and a server: a `tf.map_fn`
    over NonMaxSuppressionV4, which XLA, LiteRT and OpenVINO support, unlike
    `tf.image.combined_non_max_suppression`.

    Call with `[boxes, scores]`: boxes (B, N, 4) xyxy and scores (B, N), both
    float32. Returns `(indices, valid)`: indices (B, K) int32 into N by
    decreasing score, and valid (B, K) bool, where False marks indices that are
    padding.

    Args:
        iou_threshold: IoU above which a box is dropped. Float in [0, 1].
        max_outputs: Greatest number K of boxes that are kept. Positive
            integer.
        score_threshold: Score that boxes must exceed. A score of minus infinity
            marks padding, which is never kept. Float. Defaults to minus
            infinity.
        **kwargs: Options of `keras.layers.Layer`. `dtype` defaults to
            "float32".

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> boxes = tf.constant([[[0.0, 0, 9, 9], [0, 0, 9, 8], [20, 20, 29, 29]]])
    >>> scores = tf.constant([[0.9, 0.8, 0.7]])
    >>> indices, valid = NonMaxSuppression(0.5, max_outputs=2)([boxes, scores])
    >>> indices.numpy()
    array([[0, 2]], dtype=int32)
    """

    INPUTS: ClassVar = {
        "boxes": "(B, N, 4)",
        "scores": "(B, N)",
    }

    def __init__(
        self,
        iou_threshold: float,
        max_outputs: int,
        score_threshold: float = float("-inf"),
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if not 0 <= iou_threshold <= 1:
            raise ValueError(
                "`iou_threshold` must be in [0, 1]. "
                f"Received: iou_threshold={iou_threshold}"
            )
        if int(max_outputs) != max_outputs or max_outputs < 1:
            raise ValueError(
                "max_outputs must be a positive integer. "
                f"Received: max_outputs={max_outputs}"
            )
        self.iou_threshold = float(iou_threshold)
        self.max_outputs = int(max_outputs)
        self.score_threshold = float(score_threshold)

    def call(self, inputs):
        boxes, scores = inputs

        def suppress(row):
            kept = tf.raw_ops.NonMaxSuppressionV4(
                boxes=row[0],
                scores=row[1],
                max_output_size=self.max_outputs,
                iou_threshold=self.iou_threshold,
                score_threshold=self.score_threshold,
                pad_to_max_output_size=True,
            )
            return kept.selected_indices, kept.valid_outputs

        indices, count = tf.map_fn(
            suppress,
            (tf.stop_gradient(boxes), tf.stop_gradient(scores)),
            fn_output_signature=(
                tf.TensorSpec((self.max_outputs,), "int32"),
                tf.TensorSpec((), "int32"),
            ),
        )
        return indices, tf.range(self.max_outputs) < count[:, None]

    def compute_output_shape(self, input_shape):
        shape = (input_shape[0][0], self.max_outputs)
        return shape, shape

    def compute_output_spec(self, inputs):
        shape = (inputs[0].shape[0], self.max_outputs)
        return (
            keras.KerasTensor(shape, dtype="int32"),
            keras.KerasTensor(shape, dtype="bool"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "iou_threshold": self.iou_threshold,
            "max_outputs": self.max_outputs,
            "score_threshold": self.score_threshold,
        }
