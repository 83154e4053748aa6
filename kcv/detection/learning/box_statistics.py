"""The mean and deviation of box targets in a training set.

Shapes: B images, R regions, N padded objects, C classes.
"""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from kcv import boxes as geometry
from kcv.detection.learning.candidates import list_candidates
from kcv.detection.learning.targets import get_objects
from kcv.detection.learning.targets import take
from kcv.layers.region_warp import full_sizes


def box_statistics(
    dataset: tf.data.Dataset | Iterable,
    classes: int,
    fg_iou: float = 0.5,
    flip: bool = False,
    keep_difficult: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the box targets of each class in a training set.

    The targets are those of all proposals and objects that `FastRCNN` may
    learn from and whose IoU with an object is at least `fg_iou`: proposals are
    clipped to their images, and crowds and what lies inside of them are left
    out. Normalized with the result, targets have mean 0 and deviation 1.

    Args:
        dataset: One pass over batches of `({"images", ..., "proposals"},
            {"boxes", "labels", ...})`, as `kcv.data.detection_inputs` makes
            them. Proposals are clipped to `image_sizes`, or to the size of
            the images without these. Without both they are only clipped at 0.
        classes: C, number of classes without background.
        fg_iou: Lowest IoU of a region with an object. Float in [0, 1].
            Defaults to 0.5.
        flip: Whether every image counts a second time as its mirror image, as
            in the reference, which makes the mean of dx zero. Without, it is a
            few thousandths. Defaults to False.
        keep_difficult: Whether objects marked as difficult take part, as in
            the code of Fast R-CNN. Defaults to False.

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
        objects = get_objects(y, classes, keep_difficult)
        regions, exists = _regions(x)
        regions, exists, best, overlap = list_candidates(
            regions, exists, objects
        )
        near = exists & (overlap >= fg_iou) & (overlap > 0)
        truth = take(objects.boxes, best)[near]
        labels = take(objects.labels, best)[near]
        return labels, geometry.encode(truth, regions[near])

    for x, y in dataset:
        labels, targets = map(np.asarray, of_batch(x, y))
        targets = targets.astype(float)
        np.add.at(count, labels, 1)
        np.add.at(total, labels, targets)
        np.add.at(squares, labels, targets**2)
    if flip:
        # A mirrored target is (-dx, dy, dw, dh).
        count, total, squares = 2 * count, 2 * total, 2 * squares
        total[:, 0] = 0
    mean = total / np.maximum(count, 1)
    std = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
    known = (count > 1) & (std > 0)
    return np.where(known, mean, 0.0), np.where(known, std, 1.0)


def _regions(x):
    """Return clipped proposals (B, R, 4) and whether they are, (B, R)."""
    regions = tf.maximum(tf.cast(x["proposals"], "float32"), 0.0)
    sizes = x.get("image_sizes")
    if sizes is None and "images" in x:
        sizes = full_sizes(tf.convert_to_tensor(x["images"]))
    if sizes is not None:
        regions = geometry.clip(regions, sizes)
    return regions, tf.reduce_all(regions[..., 2:] > regions[..., :2], axis=-1)
