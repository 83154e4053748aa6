"""Regions seen at several scales (Girshick 2015, section 4.4).

Shapes: B images of H x W pixels, R regions per image, S scales.
"""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.data.transforms.resizing import compute_scaled_size
from kcv.detection.parts.padded_trunk import PaddedTrunk
from kcv.detection.parts.region_head import RegionHead
from kcv.layers.image_layer import ImageLayer
from kcv.layers.nested_config import NestedConfig

# Side of the images of ImageNet's classifiers, in pixels.
CANONICAL_SIDE = 224


@keras.saving.register_keras_serializable("kcv")
class ImagePyramid(NestedConfig, ImageLayer):
    """Classify each region at the scale that brings it nearest to 224 x 224.

    The image is scaled to every short side, the trunk runs on all of them,
    and each region is pooled from the one where its area differs least from
    224^2. As in the reference, a pyramid is for detection alone: training
    shows each image at one scale, see `kcv.data.random_resize`.

    Args:
        trunk: `PaddedTrunk` that is used at one scale, shared with it.
        head: `RegionHead` that is used at one scale, shared with it.
        short_sides: Short sides of the scaled images, in pixels. Sequence of
            S positive integers.
        long_side: Largest long side of the scaled images, in pixels.
        **kwargs: Options of `keras.layers.Layer`.

    Call with `[images, image_sizes, regions]`: images (B, H, W, 3) as the
    trunk expects them, image_sizes (B, 2) int32, and regions (B, R, 4) xyxy
    in pixels of the images. Returns what `RegionHead` returns: logits
    (B, R, C + 1) and deltas (B, R, 4 * (C + 1)), float32.
    """

    INPUTS: ClassVar = {
        "images": "(B, H, W, 3)",
        "image_sizes": "(B, 2)",
        "regions": "(B, R, 4)",
    }

    def __init__(
        self,
        trunk: PaddedTrunk,
        head: RegionHead,
        short_sides: tuple[int, ...],
        long_side: int,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.trunk = trunk
        self.head = head
        self.short_sides = tuple(short_sides)
        self.long_side = long_side

    def build(self, input_shape):
        # The head is not called as a layer here, so that it builds nothing.
        if not self.head.built:
            self.head.build(None)

    def call(self, inputs):
        images, image_sizes, regions = inputs
        corners = self.head.pooled_corners(regions, image_sizes)
        pooled = tf.map_fn(
            lambda one: self._pooled(*one),
            (images, image_sizes, regions, corners),
            fn_output_signature=tf.TensorSpec(
                (None, *self.head.pooled_shape),
                self.trunk.compute_output_spec(images)[0].dtype,
            ),
        )
        return self.head.classify(pooled)

    def _pooled(self, image, size, regions, corners):
        """Pool the corners (R, 4) of one image's regions, from their scales."""
        image = image[: size[0], : size[1]]
        sizes, scales = zip(
            *(
                compute_scaled_size(size, s, self.long_side)
                for s in self.short_sides
            ),
            strict=True,
        )
        level = nearest_level(regions, tf.stack(scales))
        rows, parts = [], []
        for number, new in enumerate(sizes):
            rows.append(tf.where(level == number)[:, 0])
            scaled = tf.image.resize(image, new)[None]
            features, _, _ = self.trunk(tf.cast(scaled, image.dtype))
            ratio = tf.cast(new, "float32") / tf.cast(size, "float32")
            own = tf.gather(corners, rows[-1]) * tf.tile(ratio[::-1], [2])
            parts.append(self.head.roi_pool([features, own[None]])[0])
        return tf.dynamic_stitch([tf.cast(row, "int32") for row in rows], parts)

    def compute_output_spec(self, inputs):
        return self.head.compute_output_spec(inputs)

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "trunk": serialize(self.trunk),
            "head": serialize(self.head),
            "short_sides": self.short_sides,
            "long_side": self.long_side,
        }


def nearest_level(regions: tf.Tensor, scales: tf.Tensor) -> tf.Tensor:
    """Choose the scale at which each region's area is nearest to 224^2.

    Args:
        regions: Regions (R, 4) xyxy in pixels.
        scales: Factors (S,) by which the image is scaled.

    Returns:
        Index (R,) int64 in 0..S - 1; the first one of equally near scales.
    """
    sides = regions[:, 2:] - regions[:, :2]
    areas = tf.reduce_prod(sides, 1)[:, None]
    areas *= tf.cast(scales, areas.dtype) ** 2
    return tf.argmin(tf.abs(areas - CANONICAL_SIDE**2), 1)
