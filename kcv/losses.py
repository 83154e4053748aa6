"""Losses that are used in more than one chapter."""

import kcv.backend  # noqa: F401

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import ArrayLike

from kcv.examples import VOID
from kcv.training.replicas import divide_by_replicas


def smooth_l1(x: tf.Tensor | ArrayLike, sigma: float = 1.0) -> tf.Tensor:
    """Compute the smooth L1 loss of Fast R-CNN (Girshick 2015, equation 3).

    The loss is quadratic for |x| < 1 / sigma^2 and linear beyond. `sigma` is
    that of Caffe's SmoothL1Loss layer.

    Args:
        x: Differences. Tensor of any shape.
        sigma: Positive float, 1 in Fast R-CNN and 3 in the region proposal
            network. Defaults to 1.0.

    Returns:
        0.5 * (sigma * x)^2 or |x| - 0.5 / sigma^2, in the shape of x.

    Example:

    >>> [float(loss) for loss in smooth_l1([-0.5, 2.0])]
    [0.125, 1.5]
    """
    x = ops.abs(ops.convert_to_tensor(x))
    square = sigma * sigma
    return ops.where(x < 1.0 / square, 0.5 * square * x * x, x - 0.5 / square)


@keras.saving.register_keras_serializable("kcv")
class PixelwiseCrossEntropy(keras.losses.Loss):
    """Softmax cross entropy of every pixel that is not void.

    The loss is the mean over the pixels of a batch, as in the papers of FCN
    (Long et al. 2015), SegNet and DeconvNet, or their sum, as in FCN's released
    code. A learning rate belongs to one of the two: for an image of N pixels, a
    rate of r for the sum is a rate of r N for the mean. FCN-32s has 1e-10 and
    images of about 500 x 375 pixels, so about 2e-5 for the mean. FCN-16s has
    1e-12, and FCN-8s 1e-14.

    Call with labels (B, H, W) or (B, H, W, 1) of any integer dtype, logits (B,
    H, W, C) and, optionally, a weight of each image (B,) or pixel (B, H, W).
    The mean is not divided by the weights.

    Args:
        normalize: Whether to return the mean rather than the sum. Defaults to
            True.
        class_weights: Weight of each class, C numbers by which the losses of
            its pixels are multiplied, see
            `kcv.segmentation.median_frequency_weights`. The mean is still over
            the number of pixels. If None, all weights are 1. Defaults to None.
        void: Label of pixels that do not count. Integer. If all pixels of a
            batch are void, the loss is 0. Defaults to 255.
        name: Name of the loss. Defaults to "pixelwise_cross_entropy".

    Raises:
        ValueError: If the number of class weights is not C.
        tf.errors.InvalidArgumentError: If a label is not a class and not void.

    Example:

    >>> labels = np.array([[[0, 255]]])
    >>> loss = PixelwiseCrossEntropy()
    >>> round(float(loss(labels, np.zeros((1, 1, 2, 2), "float32"))), 4)
    0.6931
    """

    def __init__(
        self,
        normalize=True,
        class_weights=None,
        void=VOID,
        name="pixelwise_cross_entropy",
    ):
        super().__init__(name=name, reduction="sum")
        self.normalize = normalize
        self.class_weights = (
            None if class_weights is None else [float(w) for w in class_weights]
        )
        self.void = void

    def __call__(self, y_true, y_pred, sample_weight=None):
        # Reductions of Keras do not take void pixels into account.
        losses, counts = self._of_pixels(y_true, y_pred)
        if sample_weight is not None:
            weights = ops.cast(sample_weight, "float32")
            ones = (1,) * (3 - len(weights.shape))
            losses = losses * ops.reshape(weights, (*ops.shape(weights), *ones))
        total = ops.sum(losses)
        if self.normalize:
            total = total / ops.maximum(ops.sum(counts), 1.0)
            total = divide_by_replicas(total)
        return total

    def _of_pixels(self, y_true, y_pred):
        """Compute the loss of each pixel, and 1 if it is not void."""
        labels = ops.cast(y_true, "int32")
        logits = ops.cast(y_pred, "float32")
        classes = logits.shape[-1]
        if (
            self.class_weights is not None
            and len(self.class_weights) != classes
        ):
            raise ValueError(
                f"`class_weights` must have {classes} numbers, one for each "
                f"class. Received: {len(self.class_weights)}"
            )
        labels = checked_labels(labels, classes, self.void)
        counts = ops.not_equal(labels, self.void)
        classes = ops.where(counts, labels, 0)
        losses = _cross_entropy(classes, logits)
        counts = ops.cast(counts, "float32")
        if self.class_weights is not None:
            table = np.array(self.class_weights, np.float32)
            losses = losses * tf.gather(table, classes)
        return losses * counts, counts

    def get_config(self):
        return {
            "normalize": self.normalize,
            "class_weights": self.class_weights,
            "void": self.void,
            "name": self.name,
        }


def _cross_entropy(classes, logits):
    # The function of tf.nn takes twice as long, since sums over a last axis of
    # few classes are slow. Here the classes come first.
    logits = ops.transpose(logits, (3, 0, 1, 2))
    own = classes == ops.reshape(ops.arange(logits.shape[0]), (-1, 1, 1, 1))
    return ops.logsumexp(logits, 0) - ops.sum(ops.where(own, logits, 0), 0)


def checked_labels(
    labels: tf.Tensor, classes: int, void: int = VOID
) -> tf.Tensor:
    """Check that labels are void or in [0, classes - 1].

    Args:
        labels: Labels (B, H, W) or (B, H, W, 1), int32.
        classes: Number of classes.
        void: Label of pixels without a class. Defaults to 255.

    Returns:
        Labels (B, H, W) int32.

    Raises:
        tf.errors.InvalidArgumentError: If a label is not one of these. It is
            raised when the graph runs.
    """
    if len(labels.shape) == 4:
        labels = ops.squeeze(labels, -1)
    bad = (labels != void) & ((labels < 0) | (labels >= classes))
    check = tf.debugging.Assert(
        ~tf.reduce_any(bad),
        [
            "labels must be void =",
            void,
            "or less than the number of classes =",
            classes,
            "received",
            tf.reduce_max(tf.where(bad, labels, tf.int32.min)),
        ],
    )
    with tf.control_dependencies([check]):
        return tf.identity(labels)
