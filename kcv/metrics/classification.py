"""Top-k accuracy, as ILSVRC counts it, over any number of crops."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf


def evaluate_classifier(
    model: Callable,
    dataset: tf.data.Dataset,
    crops: Callable[[tf.Tensor], tf.Tensor] | None = None,
    batch_size: int = 32,
) -> dict[str, float]:
    """Measure a classifier on held-out images.

    Args:
        model: A `keras.Model` or any function from images (B, h, w, C) float32
            in [0, 255] to probabilities (B, classes).
        dataset: Dataset of single examples with `images` (H, W, C) and `labels`
            (), such as that of `kcv.data.load_classification`.
        crops: Function from images (B, H, W, C) to crops (B, N, h, w, C), such
            as `kcv.data.single_crop`. The probabilities of the N crops are
            averaged. If None, whole images are used. Defaults to None.
        batch_size: Number of crops in a batch. Defaults to 32.

    Returns:
        Dict of `top1` and `top5`: the shares of images, in [0, 1], whose label
        has the largest score or one of the five largest. ILSVRC's error is 1
        minus these.

    Raises:
        ValueError: If the dataset is empty, or labels or scores have an
            unsupported shape or type.

    Example:

    ```python
    classifier = kcv.classification.VGG16(weights="imagenet")
    evaluate_classifier(classifier, test, kcv.classification.ten_crops)["top5"]
    ```
    """
    labels, scores = collect_scores(model, dataset, crops, batch_size)
    return {f"top{k}": 1 - top_k_error(labels, scores, k) for k in (1, 5)}


def collect_scores(
    model: Callable,
    dataset: tf.data.Dataset,
    crops: Callable[[tf.Tensor], tf.Tensor] | None = None,
    batch_size: int = 32,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of a dataset and the scores of a classifier.

    Args:
        model: A `keras.Model` or any function from images (B, h, w, C) float32
            in [0, 255] to probabilities (B, classes). It includes its
            preprocessing.
        dataset: Dataset of single examples with `images` (H, W, C) and integer
            `labels` ().
        crops: Function from images (B, H, W, C) to crops (B, N, h, w, C), such
            as `kcv.data.single_crop`. The probabilities of the N crops are
            averaged. If None, whole images are used, and `batch_size` must be 1
            if they differ in size. Defaults to None.
        batch_size: Number of crops in a batch. The crops of an image stay
            together. Defaults to 32.

    Returns:
        Tuple of labels (n,) int64 and scores (n, classes) float32.

    Raises:
        ValueError: If the dataset is empty, labels are not integers (), the
            model does not return one row of scores for each image, or scores
            that must be averaged are not probabilities.

    Example:

    ```python
    labels, scores = collect_scores(model, test)
    matrix = tf.math.confusion_matrix(labels, scores.argmax(-1))
    ```
    """
    spec = dataset.element_spec["labels"]
    if not spec.dtype.is_integer:
        raise ValueError(
            "`dataset` must have integer labels. Received: labels of type "
            f"{spec.dtype.name}"
        )
    if spec.shape.rank:
        raise ValueError(
            "`dataset` must have one label () for each image. Received: "
            f"labels of shape {spec.shape}"
        )

    def cut(example):
        images = tf.cast(example["images"], tf.float32)[tf.newaxis]
        images = images if crops is None else crops(images)[0]
        return images, example["labels"]  # (N, h, w, C)

    dataset = dataset.map(
        cut, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    per_image = dataset.element_spec[0].shape[0] or batch_size
    dataset = dataset.batch(max(1, batch_size // per_image))
    predict = (
        model.predict_on_batch if isinstance(model, keras.Model) else model
    )
    labels, scores = [], []
    for images, own in dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator():
        count, per_image = images.shape[:2]
        found = predict(images.reshape(-1, *images.shape[2:]))
        found = _one_row_each(found, count * per_image)
        found = found.reshape(count, per_image, -1)
        if per_image > 1:
            _check_probabilities(found)
        labels.append(own.astype(np.int64))
        scores.append(found.mean(1))
    if not labels:
        raise ValueError("`dataset` must not be empty. Received: no example")
    return np.concatenate(labels), np.concatenate(scores)


def top_k_error(labels: np.ndarray, scores: np.ndarray, k: int = 5) -> float:
    """Return the share of images whose label is not among the k best.

    Of equal scores, that of the lower class comes first. So a network that
    gives every class the same score is not counted as right for all of them.

    Args:
        labels: Labels (n,), integers.
        scores: Probabilities or logits (n, classes).
        k: Number of best classes. If it exceeds the number of classes, all
            count. Defaults to 5.

    Returns:
        Error in [0, 1].

    Raises:
        ValueError: If shapes do not agree, a label is not a class, or a score
            is not finite.

    Example:

    >>> scores = [[0.1, 0.6, 0.3], [0.4, 0.3, 0.3], [0.4, 0.4, 0.2]]
    >>> top_k_error([2, 0, 1], scores, k=1)
    0.6666666666666666
    >>> top_k_error([2, 0, 1], scores, k=2)
    0.0
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    if labels.dtype.kind == "f" and (labels != np.round(labels)).any():
        raise ValueError("`labels` must be integers. Received: fractions")
    if scores.ndim != 2 or labels.shape != scores.shape[:1] or not len(labels):
        raise ValueError(
            "`labels` must be (n,) and `scores` (n, classes), with n of at "
            f"least 1. Received: shapes {labels.shape} and {scores.shape}"
        )
    classes = scores.shape[1]
    wrong = labels[(labels < 0) | (labels >= classes)]
    if len(wrong):
        raise ValueError(
            f"`labels` must be below {classes}, the number of classes in "
            f"`scores`. Received: label {wrong[0]}"
        )
    if not np.isfinite(scores).all():
        row = int(np.argmin(np.isfinite(scores).all(1)))
        raise ValueError(
            f"`scores` must be finite. Those of image {row} are not"
        )
    best = tf.math.top_k(scores, min(k, classes)).indices.numpy()
    return float(np.mean(~(best == labels[:, None]).any(1)))


def most_confused(
    matrix: np.ndarray, count: int = 10
) -> list[tuple[int, int, int]]:
    """List the pairs of classes that are confused most often.

    Args:
        matrix: Counts (classes, classes) with a row for each true class, such
            as the result of `tf.math.confusion_matrix`.
        count: Maximum number of pairs. Defaults to 10.

    Returns:
        List of tuples (true class, predicted class, number of images), the most
        frequent first. Pairs that never occur are left out.

    Raises:
        ValueError: If the matrix is not square.

    Example:

    >>> most_confused([[5, 2, 0], [0, 4, 0], [3, 0, 1]])
    [(2, 0, 3), (0, 1, 2)]
    """
    matrix = np.array(matrix)
    if matrix.ndim != 2 or len(set(matrix.shape)) != 1:
        raise ValueError(
            "`matrix` must be (classes, classes). Received: matrix of shape "
            f"{matrix.shape}"
        )
    np.fill_diagonal(matrix, 0)
    order = np.argsort(-matrix, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(order, matrix.shape), strict=True)
    return [
        (int(true), int(found), int(matrix[true, found]))
        for true, found in pairs
        if matrix[true, found]
    ]


def _one_row_each(found, count):
    """Return scores (count, classes), or raise ValueError for other outputs."""
    shapes = "a dict" if isinstance(found, dict) else None
    if shapes is None:
        try:
            scores = np.asarray(found, np.float32)
        except (TypeError, ValueError):  # several outputs of different shapes
            shapes = f"a {type(found).__name__}"
        else:
            if scores.ndim == 2 and len(scores) == count:
                return scores
            shapes = f"shape {scores.shape}"
    raise ValueError(
        "`model` must give one row of scores for each image, (B, classes). "
        f"Received: {shapes} for {count} images"
    )


def _check_probabilities(scores):
    sums = scores.sum(-1)
    if scores.min() < 0 or np.abs(sums - 1).max() > 0.01:
        raise ValueError(
            "the model must give probabilities for crops to be averaged, "
            f"received scores that add up to {sums.flat[0]:g}: build it with "
            'classifier_activation="softmax"'
        )
