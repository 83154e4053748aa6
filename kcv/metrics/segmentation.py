"""How well pixels are labelled (Long, Shelhamer and Darrell 2015, section 5).

All from one matrix n of the whole set: n[i, j] pixels of class i were taken
for class j; t[i] = sum over j of n[i, j] are of class i.
"""

import keras
import tensorflow as tf
from keras import ops

from kcv.losses import VOID
from kcv.losses import checked_labels


class _OfConfusion(keras.metrics.Metric):
    """A figure of the confusion matrix, streaming."""

    def __init__(self, classes, void=VOID, name=None, **kwargs):
        super().__init__(name=name or self.title, **kwargs)
        if int(classes) != classes or classes < 1:
            raise ValueError(
                "classes must be the number of classes with background. "
                f"Received: classes={classes}"
            )
        self.classes = int(classes)
        self.void = void
        # float64 counts to 2 ** 53, float32 only to 2 ** 24 pixels.
        self.confusion = self.add_variable(
            (self.classes, self.classes), "zeros", "float64", name="confusion"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count the pixels of a batch.

        Args:
            y_true: labels (B, H, W); void ones do not count.
            y_pred: logits or probabilities (B, H, W, C), or labels (B, H, W).
            sample_weight: not used: every pixel counts once.
        """
        labels = ops.cast(y_true, "int32")
        found = ops.convert_to_tensor(y_pred)
        if len(found.shape) > len(labels.shape):
            found = ops.argmax(found, axis=-1)
        labels = checked_labels(labels, self.classes, self.void)
        counts = ops.not_equal(labels, self.void)
        pairs = self.classes * tf.boolean_mask(labels, counts)
        pairs += tf.boolean_mask(ops.cast(found, "int32"), counts)
        size = self.classes**2
        matrix = tf.math.bincount(pairs, minlength=size, maxlength=size)
        matrix = tf.reshape(matrix, (self.classes, self.classes))
        self.confusion.assign_add(ops.cast(matrix, "float64"))

    def result(self):
        n = ops.convert_to_tensor(self.confusion)
        right = tf.linalg.diag_part(n)
        truth, found = ops.sum(n, axis=1), ops.sum(n, axis=0)
        return ops.cast(self.of(right, truth, found), "float32")

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "void": self.void,
        }


@keras.saving.register_keras_serializable("kcv")
class PixelAccuracy(_OfConfusion):
    """Share of the pixels that have the right class.

    Args:
        classes: C, with background.
        void: label of pixels that do not count.
        name: of the metric.

    Example:

    >>> metric = PixelAccuracy(classes=2)
    >>> metric.update_state([[[0, 1, 255]]], [[[0, 0, 0]]])
    >>> float(metric.result())
    0.5
    """

    title = "pixel_accuracy"

    def of(self, right, truth, found):
        return tf.math.divide_no_nan(ops.sum(right), ops.sum(truth))


@keras.saving.register_keras_serializable("kcv")
class MeanAccuracy(_OfConfusion):
    """Mean over the classes that occur of the share labelled right.

    Args and example as of `PixelAccuracy`.
    """

    title = "mean_accuracy"

    def of(self, right, truth, found):
        return _mean(right, truth)


@keras.saving.register_keras_serializable("kcv")
class MeanIU(_OfConfusion):
    """Mean over classes of intersection over union.

    A class that neither occurs nor is found does not take part; one that is
    found and does not occur has 0, as in the authors' code.

    Args and example as of `PixelAccuracy`.
    """

    title = "mean_iu"

    def of(self, right, truth, found):
        return _mean(right, truth + found - right)

    def per_class(self):
        """Give the intersection over union of each class, NaN for none.

        Returns:
            (C,) float64.
        """
        n = ops.convert_to_tensor(self.confusion)
        right = tf.linalg.diag_part(n)
        return right / (ops.sum(n, axis=1) + ops.sum(n, axis=0) - right)


@keras.saving.register_keras_serializable("kcv")
class FrequencyWeightedIU(_OfConfusion):
    """Mean of intersection over union, each class by its share of pixels.

    Args and example as of `PixelAccuracy`.
    """

    title = "frequency_weighted_iu"

    def of(self, right, truth, found):
        ratio = tf.math.divide_no_nan(right, truth + found - right)
        return tf.math.divide_no_nan(ops.sum(truth * ratio), ops.sum(truth))


def _mean(part, whole):
    """Mean of the ratios of classes that have a whole."""
    there = ops.cast(whole > 0, "float64")
    ratios = tf.math.divide_no_nan(part, whole)
    return tf.math.divide_no_nan(ops.sum(ratios), ops.sum(there))
