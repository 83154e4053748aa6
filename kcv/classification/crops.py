"""Classification of whole images of any size, as VGG is tested."""

from collections.abc import Callable
from collections.abc import Sequence

import tensorflow as tf

from kcv.data.transforms.resizing import resize_short_side


def dense_probabilities(
    model: Callable[[tf.Tensor], tf.Tensor],
    images: tf.Tensor,
    short_sides: Sequence[int | None] = (256,),
    mirror: bool = True,
) -> tf.Tensor:
    """Apply a fully convolutional network to whole images.

    Simonyan and Zisserman, arXiv:1409.1556, section 3.2: The scores before the
    softmax are averaged over the map, and the probabilities over the mirror
    images and scales.

    Args:
        model: Function from images (B, h, w, C) to a map of scores before the
            softmax, (B, h', w', classes).
        images: Images (B, H, W, C).
        short_sides: Lengths of the short side that images are scaled to, in
            pixels, or None for images as they are. Defaults to (256,).
        mirror: Whether to use the mirror images, too. Defaults to True.

    Returns:
        Probabilities (B, classes) float32.

    Raises:
        ValueError: If the model does not return a map.

    Example:

    ```python
    import functools

    dense = kcv.classification.fully_convolutional(model)
    kcv.metrics.evaluate_classifier(
        functools.partial(dense_probabilities, dense), dataset
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
                    "`model` must return a map of scores (B, h, w, classes). "
                    f"Received: {scores.shape}"
                )
            scores = tf.reduce_mean(tf.cast(scores, tf.float32), (1, 2))
            probabilities.append(tf.nn.softmax(scores))
    return tf.add_n(probabilities) / len(probabilities)
