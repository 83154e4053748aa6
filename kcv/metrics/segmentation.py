"""Metrics of segmentation (Long, Shelhamer and Darrell 2015, section 5).

All are computed from one confusion matrix n of the whole dataset: n[i, j] is
the number of pixels of class i that are labeled as class j, and t[i] = sum over
j of n[i, j] is the number of pixels of class i.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kcv.examples import VOID
from kcv.losses import checked_labels


class _OfConfusion(keras.metrics.Metric):
    """Base of streaming metrics that are computed from the confusion matrix."""

    def __init__(self, classes, void=VOID, name=None, **kwargs):
        super().__init__(name=name or self.title, **kwargs)
        if int(classes) != classes or classes < 1:
            raise ValueError(
                "`classes` must be the number of classes with background. "
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
            y_true: Labels (B, H, W) or (B, H, W, 1); void ones do not count.
            y_pred: Logits or probabilities (B, H, W, C), or labels (B, H, W)
                or (B, H, W, 1), which are integers.
            sample_weight: Not used: every pixel counts once.

        Raises:
            ValueError: If a shape is another one.
            tf.errors.InvalidArgumentError: If a label is not a class.
        """
        y_true = ops.convert_to_tensor(y_true)
        if len(y_true.shape) == 4 and y_true.shape[-1] not in (None, 1):
            raise ValueError(
                "`y_true` must be labels (B, H, W) or (B, H, W, 1). Received: "
                f"y_true.shape={tuple(y_true.shape)}"
            )
        labels = ops.cast(y_true, "int32")
        labels = checked_labels(labels, self.classes, self.void)
        found = self._labels_of(ops.convert_to_tensor(y_pred), labels)
        counts = ops.not_equal(labels, self.void)
        check = tf.debugging.Assert(
            tf.reduce_all(~counts | ((found >= 0) & (found < self.classes))),
            ["predicted labels must be less than the number of classes"],
        )
        with tf.control_dependencies([check]):
            pairs = self.classes * labels + found
        # Sums leave out what belongs to -1, and unlike `tf.math.bincount` are
        # compiled by XLA.
        pairs = tf.reshape(tf.where(counts, pairs, -1), (-1,))
        matrix = tf.math.unsorted_segment_sum(
            tf.ones_like(pairs), pairs, self.classes**2
        )
        matrix = tf.reshape(matrix, (self.classes, self.classes))
        self.confusion.assign_add(ops.cast(matrix, "float64"))

    def _labels_of(self, found, labels):
        """Return the predicted labels, int32 in the shape of the true ones."""
        shape = found.shape
        is_integer = found.dtype.is_integer or found.dtype.is_bool
        is_label = len(shape) == len(labels.shape)
        if len(shape) == len(labels.shape) + 1 and shape[-1] == 1:
            # The only score of a class would be the largest one everywhere.
            is_label = is_integer and self.classes > 1
            found = ops.squeeze(found, -1) if is_label else found
        if is_label and not is_integer:
            check = tf.debugging.Assert(
                tf.reduce_all(tf.equal(found, tf.round(found))),
                ["`y_pred` has a shape of labels, which must be whole numbers"],
            )
            with tf.control_dependencies([check]):
                found = tf.identity(found)
        if not is_label:
            if len(shape) != len(labels.shape) + 1 or shape[-1] not in (
                None,
                self.classes,
            ):
                raise ValueError(
                    f"`y_pred` must be scores (B, H, W, {self.classes}) or "
                    "integer labels (B, H, W). Received: y_pred of "
                    f"{found.dtype.name}, shape={tuple(shape)}"
                )
            found = tf.ensure_shape(found, [*shape[:-1], self.classes])
            found = ops.argmax(found, axis=-1)
        if not found.shape.is_compatible_with(labels.shape):
            raise ValueError(
                "`y_pred` must be of the height and width of `y_true`, "
                f"{tuple(labels.shape)}. Received: y_pred.shape={tuple(shape)}"
            )
        return ops.cast(found, "int32")

    def result(self):
        return ops.cast(self.of(*_counts(self.confusion)), "float32")

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
        classes: Number of classes C, including background.
        void: Label of pixels that do not count. Defaults to 255.
        name: Name of the metric. Defaults to "pixel_accuracy".
        **kwargs: Options of `keras.metrics.Metric`.

    Example:

    >>> metric = PixelAccuracy(classes=2)
    >>> metric.update_state([[[0, 1, 255]]], [[[0, 0, 0]]])
    >>> float(metric.result())
    0.5
    """

    title = "pixel_accuracy"

    @staticmethod
    def of(right, truth, found):
        return tf.math.divide_no_nan(ops.sum(right), ops.sum(truth))


@keras.saving.register_keras_serializable("kcv")
class MeanAccuracy(_OfConfusion):
    """Mean over classes of the share of their pixels that have the right class.

    Classes that do not occur do not count.

    Args:
        classes: Number of classes C, including background.
        void: Label of pixels that do not count. Defaults to 255.
        name: Name of the metric. Defaults to "mean_accuracy".
        **kwargs: Options of `keras.metrics.Metric`.

    Example:

    >>> metric = MeanAccuracy(classes=2)
    >>> metric.update_state([[[0, 1, 255]]], [[[0, 0, 0]]])
    >>> float(metric.result())
    0.5
    """

    title = "mean_accuracy"

    @staticmethod
    def of(right, truth, found):
        return _mean(right, truth)


@keras.saving.register_keras_serializable("kcv")
class MeanIU(_OfConfusion):
    """Mean over classes of intersection over union.

    A class that neither occurs nor is predicted does not count. A class that is
    predicted and does not occur has an IU of 0, as in the authors' code.

    Args:
        classes: Number of classes C, including background.
        void: Label of pixels that do not count. Defaults to 255.
        name: Name of the metric. Defaults to "mean_iu".
        **kwargs: Options of `keras.metrics.Metric`.

    Example:

    >>> metric = MeanIU(classes=2)
    >>> metric.update_state([[[0, 1, 255]]], [[[0, 0, 0]]])
    >>> float(metric.result())
    0.25
    """

    title = "mean_iu"

    @staticmethod
    def of(right, truth, found):
        return _mean(right, truth + found - right)

    def per_class(self) -> tf.Tensor:
        """Return the intersection over union of each class.

        Returns:
            IU (C,) float64, NaN for a class that neither occurs nor is
            predicted.
        """
        right, truth, found = _counts(self.confusion)
        return right / (truth + found - right)


@keras.saving.register_keras_serializable("kcv")
class FrequencyWeightedIU(_OfConfusion):
    """Mean of intersection over union, weighted by the pixels of each class.

    Args:
        classes: Number of classes C, including background.
        void: Label of pixels that do not count. Defaults to 255.
        name: Name of the metric. Defaults to "frequency_weighted_iu".
        **kwargs: Options of `keras.metrics.Metric`.

    Example:

    >>> metric = FrequencyWeightedIU(classes=2)
    >>> metric.update_state([[[0, 1, 255]]], [[[0, 0, 0]]])
    >>> float(metric.result())
    0.25
    """

    title = "frequency_weighted_iu"

    @staticmethod
    def of(right, truth, found):
        ratio = tf.math.divide_no_nan(right, truth + found - right)
        return tf.math.divide_no_nan(ops.sum(truth * ratio), ops.sum(truth))


def collect_confusion(
    model: keras.Model, batches: tf.data.Dataset, classes: int, void: int = VOID
) -> np.ndarray:
    """Count the pixels of a dataset by their true and predicted class.

    Args:
        model: Model from images to logits or probabilities (B, H, W, C).
        batches: Dataset of (images, labels (B, H, W)), such as batches mapped
            by `kcv.data.segmentation_inputs`. One pass.
        classes: Number of classes C, including background.
        void: Label of pixels that do not count. Defaults to 255.

    Returns:
        Counts (C, C) int64 of pixels of class i that are labeled as class j.

    Raises:
        tf.errors.InvalidArgumentError: If a label is not a class and not void.

    Example:

    ```python
    matrix = collect_confusion(model, test, classes=21)
    print(segmentation_scores(matrix)["mean_iu"])
    ```
    """
    counter = PixelAccuracy(classes, void)
    for images, labels in batches:
        counter.update_state(labels, model.predict_on_batch(images))
    return np.asarray(counter.confusion).astype(np.int64)


def segmentation_scores(confusion: np.ndarray) -> dict:
    """Compute all metrics of a confusion matrix.

    Args:
        confusion: Counts of pixels (C, C), with a row for each true class.

    Returns:
        Dict of `pixel_accuracy`, `mean_accuracy`, `mean_iu`,
        `frequency_weighted_iu`, and `iu`, (C,) float64, NaN for a class that
        neither occurs nor is predicted.

    Raises:
        ValueError: If the matrix is not square, or has values that are not
            counts.

    Example:

    >>> round(segmentation_scores([[3, 1], [2, 4]])["mean_iu"], 4)
    0.5357
    """
    confusion = np.asarray(confusion, np.float64)
    is_square = confusion.ndim == 2 and len(set(confusion.shape)) == 1
    if not is_square or not (confusion >= 0).all():
        raise ValueError(
            "`confusion` must be counts (C, C). Received: confusion of shape "
            f"{confusion.shape}"
        )
    counts = _counts(confusion)
    figures = (PixelAccuracy, MeanAccuracy, MeanIU, FrequencyWeightedIU)
    right, truth, found = (np.asarray(count) for count in counts)
    union = truth + found - right
    iu = np.full(len(union), np.nan)
    np.divide(right, union, out=iu, where=union > 0)
    return {
        **{figure.title: float(figure.of(*counts)) for figure in figures},
        "iu": iu,
    }


def _counts(confusion):
    """Return the pixels of each class: labeled right, true, and predicted."""
    n = ops.convert_to_tensor(confusion)
    return tf.linalg.diag_part(n), ops.sum(n, axis=1), ops.sum(n, axis=0)


def _mean(part, whole):
    """Return the mean of the ratios of classes with a positive denominator."""
    there = ops.cast(whole > 0, "float64")
    ratios = tf.math.divide_no_nan(part, whole)
    return tf.math.divide_no_nan(ops.sum(ratios), ops.sum(there))
