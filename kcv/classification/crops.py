"""The parts of an image that networks are tested on in ILSVRC.

Every function takes a batch of images of one size, in a graph or outside:
images (B, H, W, C) of any dtype, crops (B, N, size, size, C) float32, N of
each image. The probabilities of the N are averaged; see
`kcv.metrics.evaluate_classifier`.
"""

from collections.abc import Callable
from collections.abc import Sequence

import tensorflow as tf

from kcv.data.transforms.resizing import resize_short_side


def single_crop(
    images: tf.Tensor, short_side: int = 256, size: int = 224
) -> tf.Tensor:
    """Take the square in the middle.

    Args:
        images: (B, H, W, C).
        short_side: That images are scaled to first.
        size: Side of the crop. AlexNet's is 227.

    Returns:
        (B, 1, size, size, C) float32.

    Raises:
        ValueError: If the crop is larger than the short side.

    Example:

    >>> single_crop(tf.zeros((2, 375, 500, 3))).shape
    TensorShape([2, 1, 224, 224, 3])
    """
    _check(size, short_side)
    images = resize_short_side(images, short_side)
    return _corners_and_centre(images, size)[:, 4:]


def ten_crops(
    images: tf.Tensor, short_side: int = 256, size: int = 224
) -> tf.Tensor:
    """Take the four corners and the centre, and their mirror images.

    Krizhevsky et al. (2012), section 4.1.

    Args:
        images: (B, H, W, C).
        short_side: That images are scaled to first.
        size: Side of the crops.

    Returns:
        (B, 10, size, size, C) float32: top left, top right, bottom left,
        bottom right, centre, and these mirrored.

    Raises:
        ValueError: If a crop is larger than the short side.

    Example:

    >>> ten_crops(tf.zeros((2, 375, 500, 3)), 256, 227).shape
    TensorShape([2, 10, 227, 227, 3])
    """
    _check(size, short_side)
    images = resize_short_side(images, short_side)
    return _with_mirror_images(_corners_and_centre(images, size))


def googlenet_crops(
    images: tf.Tensor,
    short_sides: Sequence[int] = (256, 288, 320, 352),
    size: int = 224,
) -> tf.Tensor:
    """Take the 144 crops of GoogLeNet.

    Szegedy et al., arXiv:1409.4842, section 7: 4 scales, 3 squares along the
    long side, 6 crops of each (corners, centre and the square itself, scaled
    down), and the mirror images.

    Args:
        images: (B, H, W, C).
        short_sides: The scales.
        size: Side of the crops.

    Returns:
        (B, 36 * scales, size, size, C) float32.

    Raises:
        ValueError: If a crop is larger than a short side.

    Example:

    >>> googlenet_crops(tf.zeros((1, 375, 500, 3))).shape
    TensorShape([1, 144, 224, 224, 3])
    """
    crops = []
    for short_side in short_sides:
        _check(size, short_side)
        scaled = resize_short_side(images, short_side)
        spare = tf.shape(scaled)[1:3] - short_side  # one of them is 0
        for step in (0, 1, 2):  # left or top, centre, right or bottom
            top, left = tf.unstack(spare * step // 2)
            square = _crop(scaled, top, left, short_side)
            crops.append(_corners_and_centre(square, size))
            crops.append(resize_short_side(square, size)[:, tf.newaxis])
    return _with_mirror_images(tf.concat(crops, axis=1))


def dense_probabilities(
    model: Callable[[tf.Tensor], tf.Tensor],
    images: tf.Tensor,
    short_sides: Sequence[int | None] = (256,),
    mirror: bool = True,
) -> tf.Tensor:
    """Apply a fully convolutional network to whole images.

    Simonyan and Zisserman, arXiv:1409.1556, section 3.2: the scores before
    the softmax are averaged over the map, the probabilities over the mirror
    images and scales.

    Args:
        model: From images (B, h, w, C) to a map of scores without a softmax,
            (B, h', w', classes).
        images: (B, H, W, C).
        short_sides: The scales; None is the images as they are.
        mirror: Whether mirror images take part.

    Returns:
        (B, classes) float32.

    Raises:
        ValueError: If the model gives no map.

    Example:

    ```python
    kcv.metrics.evaluate_classifier(
        functools.partial(dense_probabilities, fully_convolutional), dataset
    )
    ```
    """
    probabilities = []
    for short_side in short_sides:
        if short_side is None:
            scaled = tf.cast(images, tf.float32)
        else:
            scaled = resize_short_side(images, short_side)
        views = [scaled, tf.reverse(scaled, [2])] if mirror else [scaled]
        for view in views:
            scores = tf.convert_to_tensor(model(view))
            if scores.shape.rank != 4:
                raise ValueError(
                    "model must give a map of scores (B, h, w, classes), "
                    f"received {scores.shape}."
                )
            scores = tf.reduce_mean(tf.cast(scores, tf.float32), (1, 2))
            probabilities.append(tf.nn.softmax(scores))
    return tf.add_n(probabilities) / len(probabilities)


def _check(size, short_side):
    if not 1 <= size <= short_side:
        raise ValueError(
            "size must be at least 1 and at most the short side, received "
            f"size={size} and short_side={short_side}."
        )


def _crop(images, top, left, size):
    crop = images[:, top : top + size, left : left + size]
    return tf.ensure_shape(crop, (None, size, size, None))


def _corners_and_centre(images, size):
    bottom, right = tf.unstack(tf.shape(images)[1:3] - size)
    corners = ((0, 0), (0, right), (bottom, 0), (bottom, right))
    centre = (bottom // 2, right // 2)
    return tf.stack(
        [_crop(images, *place, size) for place in (*corners, centre)], axis=1
    )


def _with_mirror_images(crops):
    return tf.concat([crops, tf.reverse(crops, [3])], axis=1)
