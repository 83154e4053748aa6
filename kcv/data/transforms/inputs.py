"""Conversion of examples and batches to the inputs of models."""

import tensorflow as tf


def model_inputs(batch: dict) -> dict:
    """Select what a detector needs for a prediction.

    Args:
        batch: Element of the dataset that `kcv.data.batch` returns.

    Returns:
        Dict of `images`, `image_sizes` and, if there are any, `proposals`.
    """
    keys = ("images", "image_sizes", "proposals")
    return {key: batch[key] for key in keys if key in batch}


def detection_inputs(batch: dict) -> tuple[dict, dict]:
    """Divide a batch into the inputs and the targets of a detector.

    Args:
        batch: Element of the dataset that `kcv.data.batch` returns.

    Returns:
        Tuple (x, y) for `fit`. `x` is a dict of `images`, `image_sizes` and, if
        there are any, `proposals`. `y` is a dict of `boxes`, `labels`,
        `difficult` and `is_crowd`. Shapes and types are those of the batch.

    Example:

    ```python
    model.fit(batches.map(kcv.data.detection_inputs))
    ```
    """
    y = {
        "boxes": batch["bounding_boxes"]["boxes"],
        "labels": batch["bounding_boxes"]["labels"],
        "difficult": batch["difficult"],
        "is_crowd": batch["is_crowd"],
    }
    return model_inputs(batch), y


def segmentation_inputs(batch: dict) -> tuple[tf.Tensor, tf.Tensor]:
    """Divide a batch into the inputs and the targets of a segmenter.

    Args:
        batch: Element of the dataset that `kcv.data.batch` returns.

    Returns:
        Tuple (images, segmentation_masks) for `fit`.

    Example:

    ```python
    scenes, names, _ = kcv.data.load_segmentation("digit_scenes")
    batches = kcv.data.batch(scenes, 4).map(kcv.data.segmentation_inputs)
    ```
    """
    return batch["images"], batch["segmentation_masks"]


def drop_difficult(example: dict) -> dict:
    """Remove the objects that are marked as difficult.

    Faster R-CNN was trained without them, R-CNN and Fast R-CNN with them. (The
    paper of Fast R-CNN has one experiment without.) `kcv.detection.FasterRCNN`
    and `FastRCNN` leave them out by default, also if the examples have them.

    Args:
        example: Single example of a detection set, see `kcv.examples`.

    Returns:
        The example with the other objects, of which there may be none.

    Example:

    ```python
    train = kcv.data.voc("voc/2007").map(kcv.data.drop_difficult)
    ```
    """
    keep = ~example["difficult"]
    kept = {
        key: tf.boolean_mask(example[key], keep)
        for key in ("difficult", "is_crowd", "instance_masks")
        if key in example
    }
    kept["bounding_boxes"] = {
        key: tf.boolean_mask(value, keep)
        for key, value in example["bounding_boxes"].items()
    }
    return {**example, **kept}
