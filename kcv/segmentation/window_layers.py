"""The layers of a model that labels an image window by window.

B images, P proposals, C classes with background.
"""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.data.transforms.cut_boxes import cut
from kcv.data.transforms.cut_boxes import grow_boxes
from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape


@keras.saving.register_keras_serializable("kcv")
class WithContext(ImageLayer):
    """Grow boxes about their centers, and choose the first large ones.

    Call with boxes (B, P, 4) xyxy in pixels. Returns (B, P, 4), or
    (B, min(P, `max_windows`), 4). Boxes that are too small, and those without
    area, become zeros. They come last if `max_windows` is given.

    Args:
        context: Factor by which the sides grow. Float. Defaults to 1.2.
        min_side: Minimum side of an enlarged box, in pixels. Float. Defaults to
            0.
        max_windows: Number of boxes to keep. Defaults to all.
        **kwargs: Options of `keras.layers.Layer`.
    """

    def __init__(self, context=1.2, min_side=0, max_windows=None, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.context = context
        self.min_side = min_side
        self.max_windows = max_windows

    def call(self, boxes):
        boxes = grow_boxes(boxes, self.context)
        if not self.min_side and self.max_windows is None:
            return boxes
        shape = self.compute_output_shape(boxes.shape)
        sides = boxes[..., 2:] - boxes[..., :2]
        large = tf.reduce_all((sides > 0) & (sides >= self.min_side), -1)
        boxes = tf.where(large[..., None], boxes, 0.0)
        if self.max_windows is not None:
            order = tf.argsort(tf.cast(~large, tf.int32), axis=1, stable=True)
            order = order[:, : self.max_windows]
            boxes = tf.gather(boxes, order, axis=1, batch_dims=1)
        return set_shape(boxes, shape)

    def compute_output_shape(self, input_shape):
        batch, count, *rest = input_shape
        if count is not None and self.max_windows is not None:
            count = min(count, self.max_windows)
        return (batch, count, *rest)

    def get_config(self):
        return {
            **super().get_config(),
            "context": self.context,
            "min_side": self.min_side,
            "max_windows": self.max_windows,
        }


@keras.saving.register_keras_serializable("kcv")
class CutWindows(ImageLayer):
    """Cut boxes out of images, and scale them to one size.

    Call with `[images, boxes]`, (B, H, W, 3) and (B, P, 4) xyxy in pixels.
    Returns (B * P, h, w, 3), interpolated bilinearly. What lies outside of the
    image is zero.

    Args:
        size: Height and width of the windows, (h, w).
        **kwargs: Options of `keras.layers.Layer`.
    """

    INPUTS: ClassVar = {
        "images": "(B, H, W, C)",
        "boxes": "(B, P, 4)",
    }

    def __init__(self, size, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.size = tuple(size)

    def call(self, inputs):
        images, boxes = inputs
        batch, count = tf.unstack(tf.shape(boxes)[:2])
        owners = tf.repeat(tf.range(batch), count)
        return cut(images, tf.reshape(boxes, (-1, 4)), owners, self.size)

    def compute_output_shape(self, input_shape):
        images, _ = input_shape
        return (None, *self.size, images[-1])

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable("kcv")
class PasteWindows(ImageLayer):
    """Put scores of windows back to their place, and take the greatest.

    Call with `[scores, boxes, images]`: (B * P, h, w, C), (B, P, 4) xyxy in
    pixels, and (B, H, W, 3), of which only the size is used. Returns
    (B, H, W, C) float32. A window has score 0 outside of its box.

    Args:
        from_zero: Whether no score is less than 0. Defaults to False.
        **kwargs: Options of `keras.layers.Layer`.
    """

    INPUTS: ClassVar = {
        "scores": "(B * P, h, w, C)",
        "boxes": "(B, P, 4)",
        "images": "(B, H, W, C)",
    }

    def __init__(self, from_zero=False, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.from_zero = from_zero

    def call(self, inputs):
        scores, boxes, images = inputs
        batch, count = tf.unstack(tf.shape(boxes)[:2])
        size = tf.shape(scores)[1:3]
        channels = scores.shape[-1]
        sides = tf.shape(images)[1:3]
        scores = tf.reshape(
            tf.cast(scores, "float32"),
            (batch, count, *tf.unstack(size), channels),
        )
        rows = interpolation_weights(
            boxes[..., 1], boxes[..., 3], size[0], sides[0]
        )
        columns = interpolation_weights(
            boxes[..., 0], boxes[..., 2], size[1], sides[1]
        )

        def paste(number, greatest):
            own = tf.einsum(
                "bxw,bhwc->bhxc", columns[:, number], scores[:, number]
            )
            own = tf.einsum("byh,bhxc->byxc", rows[:, number], own)
            return number + 1, tf.maximum(greatest, own)

        least = 0.0 if self.from_zero else -float("inf")
        start = tf.fill((batch, sides[0], sides[1], channels), least)
        start = set_shape(start, (None, None, None, channels))
        _, greatest = tf.while_loop(
            lambda number, _: number < count,
            paste,
            (0, start),
            parallel_iterations=1,  # more would need more memory
        )
        # Without any window all scores are zero.
        greatest = tf.where(count > 0, greatest, 0.0)
        shape = self.compute_output_shape([t.shape for t in inputs])
        return set_shape(greatest, shape)

    def compute_output_shape(self, input_shape):
        scores, _, images = input_shape
        return (*images[:3], scores[-1])

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([t.shape for t in inputs])
        return keras.KerasTensor(shape, dtype="float32")

    def get_config(self):
        return {**super().get_config(), "from_zero": self.from_zero}


def interpolation_weights(
    first: tf.Tensor, last: tf.Tensor, cells: int, pixels: tf.Tensor | int
) -> tf.Tensor:
    """Compute the weight of each cell of a window at each pixel of an image.

    Bilinear interpolation along one axis is a product with these weights.

    Args:
        first: Beginnings of the windows, (B, P) float32, in pixels.
        last: Ends of the windows, (B, P) float32, in pixels.
        cells: Number of cells of a window along the axis.
        pixels: Number of pixels of the image along the axis, () integer.

    Returns:
        Weights (B, P, pixels, cells) float32: up to two that sum to 1 for a
        pixel whose center is in the window, and zeros for all others.
    """
    there = (last > first)[..., None]
    length = tf.where(there, (last - first)[..., None], 1.0)
    centers = tf.range(tf.cast(pixels, "float32")) + 0.5
    cells = tf.cast(cells, "float32")
    place = (centers - first[..., None]) / length * cells
    inside = there & (place >= 0) & (place <= cells)
    # Between the outermost centers and the edge, the outermost cell alone.
    place = tf.clip_by_value(place, 0.5, cells - 0.5)
    distance = tf.abs(place[..., None] - tf.range(cells) - 0.5)
    return tf.where(inside[..., None], tf.nn.relu(1 - distance), 0.0)


@keras.saving.register_keras_serializable("kcv")
class AgainstBackground(ImageLayer):
    """Give background the same probability at all pixels.

    Call with probabilities (B, H, W, C), background first. Returns their
    logarithms, (B, H, W, C) float32.

    Args:
        background: Probability of background. Float in (0, 1).
        **kwargs: Options of `keras.layers.Layer`.
    """

    def __init__(self, background, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.background = background

    def call(self, probabilities):
        objects = probabilities[..., 1:]
        background = tf.fill(tf.shape(objects[..., :1]), self.background)
        logits = tf.math.log(tf.concat([background, objects], -1) + 1e-7)
        return set_shape(logits, probabilities.shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "background": self.background}
