"""The mean and deviation of box targets in a training set.

Shapes: B images, R regions, N padded objects, C classes.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from kcv import boxes as geometry
from kcv.detection.learning.matching import match
from kcv.detection.learning.targets import get_objects
from kcv.detection.learning.targets import take


def box_statistics(
    dataset: tf.data.Dataset | Iterable, classes: int, fg_iou: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the box targets of each class in a training set.

    The targets are those of all proposals and objects whose IoU with an
    object is at least `fg_iou`, as in the reference. Normalized with the
    result, targets have mean 0 and deviation 1.

    Args:
        dataset: One pass over batches of `({"images", ..., "proposals"},
            {"boxes", "labels", ...})`, as `kcv.data.detection_inputs` makes
            them.
        classes: C, number of classes without background.
        fg_iou: Lowest IoU of a region with an object. Float in [0, 1].
            Defaults to 0.5.

    Returns:
        Mean and standard deviation, float64 arrays of shape (C, 4). They are
        0 and 1 for a class that has fewer than two regions.

    Example:

    ```python
    mean, std = box_statistics(batches, classes=20)
    normalization = kcv.detection.BoxNormalization(mean, std)
    model = kcv.detection.FastRCNN(20, box_normalization=normalization)
    ```
    """
    count = np.zeros((classes, 1))
    total, squares = np.zeros((classes, 4)), np.zeros((classes, 4))

    @tf.function(reduce_retracing=True)
    def of_batch(x, y):
        objects = get_objects(y, classes)
        proposals = tf.cast(x["proposals"], tf.float32)
        regions = tf.concat([proposals, objects.boxes], 1)
        best, overlap = match(
            geometry.iou_matrix(regions, objects.boxes), objects.valid
        )
        near = overlap >= fg_iou
        truth = take(objects.boxes, best)[near]
        labels = take(objects.labels, best)[near]
        return labels, geometry.encode(truth, regions[near])

    for x, y in dataset:
        labels, targets = map(np.asarray, of_batch(x, y))
        targets = targets.astype(float)
        np.add.at(count, labels, 1)
        np.add.at(total, labels, targets)
        np.add.at(squares, labels, targets**2)
    mean = total / np.maximum(count, 1)
    std = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
    known = (count > 1) & (std > 0)
    return np.where(known, mean, 0.0), np.where(known, std, 1.0)
