"""Labelling an image window by window, as DeconvNet does (Noh et al. 2015).

    image, proposals -> windows -> segmenter -> scores, put back -> maximum

B images, P proposals, C classes with background.
"""

import keras
import tensorflow as tf

from kcv.data.transforms.cut_boxes import cut
from kcv.data.transforms.cut_boxes import grown
from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape


def label_by_windows(
    model: keras.Model,
    context: float = 1.2,
    certainty: float | None = None,
    name: str | None = None,
) -> keras.Model:
    """Let a segmenter of windows label whole images.

    Each proposal grows about its centre, is cut out and scaled to the
    segmenter's window, one factor for each axis; the scores of the window are
    scaled back to their place and are zero elsewhere. The score of a pixel is
    the greatest that any window gives it (Noh et al. 2015, equation 1).

    Scores of different windows need not be on one scale: one that is sure of
    its background hides an object that another has found. By `certainty` they
    are compared as probabilities instead, those of the objects alone.

    Args:
        model: from windows (N, h, w, 3), RGB 0..255, to logits (N, h, w, C),
            h and w fixed.
        context: times a proposal's sides that a window has; 1.2 in the paper.
        certainty: None, for the paper's maximum of scores; or what background
            counts for, in 0..1: a pixel is of the class to which any window
            gives the greatest probability, if that is greater.
        name: of the model.

    Returns:
        A model of `{"images": (B, H, W, 3), "proposals": (B, P, 4)}`, xyxy
        pixels, rows without area being padding, to logits (B, H, W, C) for
        images of any size. The paper takes the 50 best of EdgeBoxes.

    Raises:
        ValueError: if the window of `model` is not fixed, context is below 1,
            or certainty is not between 0 and 1.

    Example:

    ```python
    whole = label_by_windows(DeconvNet(21))
    boxes = kcv.proposals.propose(image, "edge_boxes", max_proposals=50)
    logits = whole.predict({"images": image[None], "proposals": boxes[None]})
    ```
    """
    height, width = model.input_shape[1:3]
    if height is None or width is None:
        raise ValueError(
            "model must take windows of one size. Received: "
            f"input_shape={model.input_shape}"
        )
    if context < 1:
        raise ValueError(
            f"context must be at least 1. Received: context={context}"
        )
    if certainty is not None and not 0 < certainty < 1:
        raise ValueError(
            "certainty must be between 0 and 1, or None. Received: "
            f"certainty={certainty}"
        )
    inputs = {
        "images": keras.Input((None, None, 3), name="images"),
        "proposals": keras.Input((None, 4), name="proposals"),
    }
    images = inputs["images"]
    boxes = WithContext(context, name="context")(inputs["proposals"])
    windows = CutWindows((height, width), name="cut")([images, boxes])
    scores = model(windows)
    if certainty is not None:
        scores = keras.layers.Softmax(dtype="float32", name="softmax")(scores)
    logits = PasteWindows(name="paste")([scores, boxes, images])
    if certainty is not None:
        logits = AgainstBackground(certainty, name="decide")(logits)
    return keras.Model(inputs, logits, name=name or f"whole_{model.name}")


@keras.saving.register_keras_serializable("kcv")
class WithContext(ImageLayer):
    """Let boxes (..., 4) xyxy grow about their centres."""

    def __init__(self, context=1.2, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.context = context

    def call(self, boxes):
        return grown(boxes, self.context)

    def get_config(self):
        return {**super().get_config(), "context": self.context}


@keras.saving.register_keras_serializable("kcv")
class CutWindows(ImageLayer):
    """Cut boxes out of images, and scale them to one size.

    Args:
        size: (h, w) of the windows.

    Call with `[images, boxes]`, (B, H, W, 3) and (B, P, 4) xyxy pixels.
    Returns (B * P, h, w, 3), bilinear; what lies outside is zero.
    """

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
    """Put scores of windows back to where these were, and take the greatest.

    Call with `[scores, boxes, images]`: (B * P, h, w, C), (B, P, 4) xyxy pixels
    and (B, H, W, 3), of which only the size counts. Returns (B, H, W, C)
    float32; a window has score 0 outside of its box.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

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
        rows = shares(boxes[..., 1], boxes[..., 3], size[0], sides[0])
        columns = shares(boxes[..., 0], boxes[..., 2], size[1], sides[1])

        def paste(number, greatest):
            own = tf.einsum(
                "bxw,bhwc->bhxc", columns[:, number], scores[:, number]
            )
            own = tf.einsum("byh,bhxc->byxc", rows[:, number], own)
            return number + 1, tf.maximum(greatest, own)

        start = tf.fill((batch, sides[0], sides[1], channels), -float("inf"))
        start = set_shape(start, (None, None, None, channels))
        _, greatest = tf.while_loop(
            lambda number, _: number < count,
            paste,
            (0, start),
            parallel_iterations=1,  # two would need the memory of two
        )
        # Without any window all scores are those of nothing.
        greatest = tf.where(count > 0, greatest, 0.0)
        shape = self.compute_output_shape([t.shape for t in inputs])
        return set_shape(greatest, shape)

    def compute_output_shape(self, input_shape):
        scores, _, images = input_shape
        return (*images[:3], scores[-1])

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([t.shape for t in inputs])
        return keras.KerasTensor(shape, dtype="float32")


def shares(first, last, cells, pixels) -> tf.Tensor:
    """Compute what each cell of a window gives to each pixel of an image.

    Bilinear interpolation along one axis is a product with these.

    Args:
        first: (B, P) float32, where windows begin, pixels.
        last: (B, P), where they end.
        cells: of a window.
        pixels: of the image.

    Returns:
        (B, P, pixels, cells) float32: up to two shares that sum to 1 for a
        pixel whose centre is in the window, and else zeros.
    """
    there = (last > first)[..., None]
    length = tf.where(there, (last - first)[..., None], 1.0)
    centers = tf.range(tf.cast(pixels, "float32")) + 0.5
    cells = tf.cast(cells, "float32")
    place = (centers - first[..., None]) / length * cells
    inside = there & (place >= 0) & (place <= cells)
    # Between the outermost centres and the edge, the outermost cell alone.
    place = tf.clip_by_value(place, 0.5, cells - 0.5)
    distance = tf.abs(place[..., None] - tf.range(cells) - 0.5)
    return tf.where(inside[..., None], tf.nn.relu(1 - distance), 0.0)


@keras.saving.register_keras_serializable("kcv")
class AgainstBackground(ImageLayer):
    """Let background have the same probability at all pixels.

    Call with probabilities (B, H, W, C), background first. Returns their
    logarithms, (B, H, W, C) float32.
    """

    def __init__(self, background, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.background = background

    def call(self, probabilities):
        objects = probabilities[..., 1:]
        background = tf.fill(tf.shape(objects[..., :1]), self.background)
        logits = tf.math.log(tf.concat([background, objects], -1) + 1e-7)
        return set_shape(logits, probabilities.shape)

    def get_config(self):
        return {**super().get_config(), "background": self.background}
