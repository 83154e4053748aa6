"""Conversion of examples to and from the form of keras-cv.

keras-cv 0.9 names the classes of boxes `classes` where kcv and Keras 3 say
`labels`, pads both boxes and classes with -1, and gives ragged tensors where
the number of boxes changes. Its box format "xyxy" is that of kcv.

The functions need TensorFlow only. What of keras-cv works with kcv is described
in docs/keras-cv.md.
"""

import tensorflow as tf


def to_keras_cv(example: dict) -> dict:
    """Convert an example, or a batch of examples, to the form of keras-cv.

    keras-cv cannot mark an object as difficult or as a crowd, so these objects
    are removed. Masks and all other keys are left out: the layers of keras-cv
    fill the outside of a label map with class 0 instead of void.

    Args:
        example: Dictionary with `images`, (H, W, 3) or (B, H, W, 3), and
            `bounding_boxes`, as all detection datasets of kcv and
            `kcv.data.batch` give it. `difficult` and `is_crowd` are optional.

    Returns:
        Dictionary with `images` (float32, same shape) and `bounding_boxes`:
        `boxes` (N, 4) or (B, N, 4) float32, absolute xyxy in pixels, and
        `classes` (N,) or (B, N) float32. In a batch, padding rows and the rows
        of removed objects are -1.

    Example:

    ```python
    import keras_cv

    scenes = kcv.data.digit_scenes("train").map(kcv.data.to_keras_cv)
    flip = keras_cv.layers.RandomFlip(bounding_box_format="xyxy")
    flipped = scenes.ragged_batch(4).map(flip).map(kcv.data.from_keras_cv)
    ```
    """
    boxes = tf.cast(example["bounding_boxes"]["boxes"], tf.float32)
    labels = example["bounding_boxes"]["labels"]
    keep = labels >= 0
    for key in ("difficult", "is_crowd"):
        if key in example:
            keep &= ~example[key]
    classes = tf.cast(labels, tf.float32)
    if example["images"].shape.rank == 3:
        boxes = tf.boolean_mask(boxes, keep)
        classes = tf.boolean_mask(classes, keep)
    else:
        boxes = tf.where(keep[..., None], boxes, -1.0)
        classes = tf.where(keep, classes, -1.0)
    return {
        "images": tf.cast(example["images"], tf.float32),
        "bounding_boxes": {"boxes": boxes, "classes": classes},
    }


def from_keras_cv(example: dict) -> dict:
    """Convert an example, or a batch of examples, from the form of keras-cv.

    Args:
        example: Dictionary with `images` and `bounding_boxes` (`boxes` in the
            format "xyxy" and `classes`), dense or ragged, as the preprocessing
            layers of keras-cv give it.

    Returns:
        For one image, an example for `kcv.data.batch`: `images` (H, W, 3)
        float32, `bounding_boxes` with `boxes` (N, 4) float32 and `labels` (N,)
        int32, `difficult` and `is_crowd` (N,) bool. For a batch, what
        `kcv.data.detection_inputs` needs: the same with a leading B, images of
        different sizes padded with zeros to the right and below, boxes padded
        with 0 and labels with -1 (at least one row), and `image_sizes` (B, 2)
        int32. Boxes that have become empty are removed. `difficult` and
        `is_crowd` are False.

    Example:

    ```python
    batches = flipped.map(kcv.data.from_keras_cv)
    model.fit(batches.map(kcv.data.detection_inputs), steps_per_epoch=100)
    ```
    """
    images = tf.cast(example["images"], tf.float32)
    boxes = tf.cast(example["bounding_boxes"]["boxes"], tf.float32)
    classes = tf.cast(example["bounding_boxes"]["classes"], tf.int32)
    if images.shape.rank == 3:
        real = _is_object(boxes, classes)
        boxes, labels = boxes[real], classes[real]
        result = {"images": images}
    else:
        boxes, labels = _pad(boxes, classes)
        images, sizes = _image_sizes(images)
        result = {"images": images, "image_sizes": sizes}
    return {
        **result,
        "bounding_boxes": {"boxes": boxes, "labels": labels},
        "difficult": tf.zeros_like(labels, tf.bool),
        "is_crowd": tf.zeros_like(labels, tf.bool),
    }


def _is_object(boxes, classes):
    """Tell objects from padding and from boxes without area."""
    return (classes >= 0) & tf.reduce_all(boxes[..., 2:] > boxes[..., :2], -1)


def _pad(boxes, classes):
    """Bring the objects of each image to the front, and pad with kcv's values.

    Args:
        boxes: (B, N, 4) float32, dense or ragged.
        classes: (B, N) int32, dense or ragged.

    Returns:
        Boxes (B, M, 4) padded with 0 and labels (B, M) padded with -1. There is
        at least one row, because reductions fail on an empty axis.
    """
    if isinstance(boxes, tf.RaggedTensor):
        boxes = boxes.to_tensor(-1.0, shape=(None, None, 4))
    if isinstance(classes, tf.RaggedTensor):
        classes = classes.to_tensor(-1)
    keep = _is_object(boxes, classes)
    kept = tf.ragged.boolean_mask(boxes, keep)
    boxes = kept.to_tensor(0.0, shape=(None, None, 4))
    labels = tf.ragged.boolean_mask(classes, keep).to_tensor(-1)
    return (
        tf.pad(boxes, [[0, 0], [0, 1], [0, 0]]),
        tf.pad(labels, [[0, 0], [0, 1]], constant_values=-1),
    )


def _image_sizes(images):
    """Pad ragged images (B, H, W, 3), and return them with their sizes."""
    if isinstance(images, tf.RaggedTensor):
        heights = images.row_lengths()
        widths = tf.reduce_max(images.row_lengths(axis=2), axis=1)
        sizes = tf.stack([heights, widths], axis=-1)
        images = images.to_tensor(0.0, shape=(None, None, None, 3))
        return images, tf.cast(sizes, tf.int32)
    shape = tf.shape(images)
    return images, tf.repeat(shape[None, 1:3], shape[0], axis=0)
