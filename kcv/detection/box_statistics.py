"""Mean and deviation of the box targets that a detector is to learn."""

import numpy as np
import tensorflow as tf

from kcv.boxes import encode
from kcv.boxes import iou_matrix
from kcv.data.batching import detection_inputs
from kcv.detection.given_regions import regions_exist
from kcv.detection.ground_truth import objects_to_learn
from kcv.detection.matching import match

# A class with fewer regions than this has no deviation to speak of.
_LEAST = 2


def box_statistics(
    dataset: tf.data.Dataset, classes: int, fg_iou: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the box targets of each class over a training set.

    Over all proposals and objects that overlap an object by `fg_iou`, as the
    code of Fast R-CNN does, for its `box_mean` and `box_std`.

    Args:
        dataset: batches as `kcv.data.batch` makes them, with `proposals`; one
            pass.
        classes: C, number of classes.
        fg_iou: regions from here on count.

    Returns:
        mean and standard deviation, (C, 4) float32 each. A class with fewer
        than two regions has those of all classes together.

    Raises:
        ValueError: if the data set has no region that overlaps an object.

    Example:

    ```python
    mean, std = kcv.detection.box_statistics(one_pass, classes=20)
    model = kcv.detection.FastRCNN(20, box_mean=mean, box_std=std)
    ```
    """
    targets, labels = [np.zeros((0, 4))], [np.zeros(0, int)]
    for batch in dataset:
        x, y = detection_inputs(batch)
        objects = objects_to_learn(y)
        proposals = tf.cast(x["proposals"], "float32")
        regions = tf.concat([proposals, objects.boxes], axis=1)
        exists = tf.concat(
            [regions_exist(proposals, x["image_sizes"]), objects.valid], axis=1
        )
        best, overlap = match(iou_matrix(regions, objects.boxes), objects.valid)
        foreground = exists & (overlap >= fg_iou)
        owners = tf.gather(objects.boxes, best, batch_dims=1)
        deltas = encode(owners[foreground], regions[foreground])
        of = tf.gather(objects.labels, best, batch_dims=1)[foreground]
        targets.append(deltas.numpy().astype("float64"))
        labels.append(of.numpy())
    targets, labels = np.concatenate(targets), np.concatenate(labels)
    if len(targets) < _LEAST:
        raise ValueError(
            "dataset: no proposal overlaps an object of its image by fg_iou="
            f"{fg_iou}"
        )
    mean = np.tile(targets.mean(axis=0), (classes, 1))
    std = np.tile(targets.std(axis=0), (classes, 1))
    for label in range(classes):
        own = targets[labels == label]
        if len(own) >= _LEAST and (own.std(axis=0) > 0).all():
            mean[label], std[label] = own.mean(axis=0), own.std(axis=0)
    return mean.astype("float32"), std.astype("float32")
