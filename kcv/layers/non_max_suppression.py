"""Greedy non-maximum suppression as a layer with fixed output shapes."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("kcv")
class NonMaxSuppression(keras.layers.Layer):
    """Keep the best boxes and drop those that overlap a kept one.

    Goes through the boxes by falling score (earlier first among equals) and
    drops a box when its IoU with one already kept is greater than
    `iou_threshold`; at equality it stays, as in py-faster-rcnn and
    torchvision. Each row of the batch is a problem of its own.

    The same op runs in training, `predict` and a server: a `tf.map_fn` over
    NonMaxSuppressionV4, which XLA, LiteRT and OpenVINO can take, other than
    `tf.image.combined_non_max_suppression`.

    Args:
        iou_threshold: boxes that overlap more are suppressed, 0..1.
        max_outputs: K, the number of boxes kept at most.
        score_threshold: boxes must score more than this. Mark padding by a
            score of minus infinity, which never passes.

    Call with `[boxes, scores]`: boxes (B, N, 4) xyxy, scores (B, N), float32.
    Returns `(indices, valid)`: indices (B, K) int32 into N by falling score,
    zero where `valid` (B, K) bool is False.

    Example:

    >>> boxes = tf.constant([[[0.0, 0, 9, 9], [0, 0, 9, 8], [20, 20, 29, 29]]])
    >>> scores = tf.constant([[0.9, 0.8, 0.7]])
    >>> indices, valid = NonMaxSuppression(0.5, max_outputs=2)([boxes, scores])
    >>> indices.numpy()
    array([[0, 2]], dtype=int32)
    """

    def __init__(
        self,
        iou_threshold,
        max_outputs,
        score_threshold=float("-inf"),
        **kwargs,
    ):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if not 0 <= iou_threshold <= 1:
            raise ValueError(
                "iou_threshold must be in 0..1. "
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
