"""Regions that a detector is given, and does not propose itself.

B images, P proposals. A row of `proposals` is one only if it has an area:
zero rows pad the images that have fewer.
"""

import keras
import tensorflow as tf


class GivenRegions(keras.layers.Layer):
    """Clip the proposals of each image to it, and tell them from padding.

    There is one row at least, since no convolution likes an empty batch.

    Call with `[proposals, image_sizes]`: (B, P, 4) xyxy pixels and (B, 2)
    height and width. Returns `(regions, valid)`: (B, max(P, 1), 4) float32,
    zero where `valid` (B, max(P, 1)) bool is False.
    """

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)

    def call(self, inputs):
        proposals, image_sizes = inputs
        missing = tf.maximum(1 - tf.shape(proposals)[1], 0)
        proposals = tf.pad(proposals, [[0, 0], [0, missing], [0, 0]])
        valid = regions_exist(proposals, image_sizes)
        sizes = tf.cast(image_sizes, "float32")[:, None]
        edge = tf.concat([sizes, sizes], axis=-1)[..., ::-1]
        regions = tf.clip_by_value(proposals, 0.0, edge)
        return tf.where(valid[..., None], regions, 0.0), valid

    def compute_output_spec(self, inputs):
        batch, count, _ = inputs[0].shape
        return (
            keras.KerasTensor((batch, count, 4), dtype="float32"),
            keras.KerasTensor((batch, count), dtype="bool"),
        )


def regions_exist(boxes, image_sizes):
    """Tell regions from padding and from what lies outside the image.

    Args:
        boxes: (B, P, 4) xyxy, pixels.
        image_sizes: (B, 2) int32, height and width.

    Returns:
        (B, P) bool.
    """
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    height, width = tf.split(tf.cast(image_sizes, "float32"), 2, axis=1)
    within = (x2 > 0) & (y2 > 0) & (x1 < width) & (y1 < height)
    return within & (x2 > x1) & (y2 > y1)


def complete_inputs(model, inputs):
    """Check what a detector of given regions is called with.

    Args:
        model: the detector, with a `max_proposals`, which may be None.
        inputs: dict of `images`, `proposals` and, for images of different
            sizes, `image_sizes`.

    Returns:
        A dict of the three, with None for sizes that are not given.

    Raises:
        ValueError: if there are no proposals, or not `max_proposals` of them.
    """
    if not isinstance(inputs, dict) or "proposals" not in inputs:
        names = sorted(inputs) if isinstance(inputs, dict) else type(inputs)
        raise ValueError(
            f"{model.name} is called with a dict of `images`, `proposals` "
            "and, for images of different sizes, `image_sizes`. Received: "
            f"{names}"
        )
    proposals = inputs["proposals"]
    if model.max_proposals is not None:
        count = proposals.shape[1]
        if count not in (None, model.max_proposals):
            raise ValueError(
                f"proposals must have max_proposals={model.max_proposals} "
                "rows for each image, zero rows where there are fewer. "
                f"Received: {count} rows"
            )
        proposals = tf.ensure_shape(proposals, (None, model.max_proposals, 4))
    return {
        "images": inputs["images"],
        "image_sizes": inputs.get("image_sizes"),
        "proposals": proposals,
    }
