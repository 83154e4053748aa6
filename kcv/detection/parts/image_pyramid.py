"""Regions seen at several scales (Girshick 2015, section 4.4)."""

import keras
import tensorflow as tf

from kcv.data.transforms.resizing import scaled_size
from kcv.detection.parts.padded_trunk import PaddedTrunk
from kcv.detection.parts.region_head import RegionHead

# Side of the regions of ImageNet's classifiers, in pixels.
CANONICAL_SIDE = 224


class ImagePyramid(keras.layers.Layer):
    """Classify each region at the scale that brings it nearest to 224 x 224.

    The image is scaled to every short side, the trunk goes over all of them,
    and each region is pooled from the one where its area differs least from
    224^2. As in the reference, a pyramid is for detection alone: training
    shows each image at one scale, see `kcv.data.random_resize`.

    Args:
        trunk: of one scale, shared with it.
        head: likewise.
        short_sides: S lengths of the short side, in pixels.
        long_side: most pixels of the long side.

    Call with `[images, image_sizes, regions]`: images (B, H, W, 3) as the
    trunk wants them, image_sizes (B, 2) int32, regions (B, R, 4) xyxy in
    pixels of the images. Returns what `RegionHead` does.
    """

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
        self.short_sides = short_sides
        self.long_side = long_side

    def build(self, input_shape):
        # The head is not called as a layer here, so that it builds nothing.
        if not self.head.built:
            self.head.build(None)
            self.head.built = True

    def call(self, inputs):
        images, image_sizes, regions = inputs
        side = self.head.roi_pool.output_size
        pooled = tf.map_fn(
            lambda one: self._pooled(*one),
            (images, image_sizes, regions),
            fn_output_signature=tf.TensorSpec(
                (None, side, side, self.head.head.input_shape[-1]),
                self.trunk.compute_dtype,
            ),
        )
        return self.head.classify(pooled)

    def _pooled(self, image, size, regions):
        """Pool the regions (R, 4) of one image, each from its scale."""
        image = image[: size[0], : size[1]]
        sizes, scales = zip(
            *(scaled_size(size, s, self.long_side) for s in self.short_sides),
            strict=True,
        )
        level = nearest_level(regions, tf.stack(scales))
        rows, parts = [], []
        for number, new in enumerate(sizes):
            rows.append(tf.where(level == number)[:, 0])
            scaled = tf.image.resize(image, new)[None]
            features, _, _ = self.trunk(tf.cast(scaled, image.dtype))
            ratio = tf.cast(new, "float32") / tf.cast(size, "float32")
            own = tf.gather(regions, rows[-1]) * tf.tile(ratio[::-1], [2])
            parts.append(self.head.roi_pool([features, own[None]])[0])
        return tf.dynamic_stitch([tf.cast(row, "int32") for row in rows], parts)

    def compute_output_spec(self, inputs):
        return self.head.compute_output_spec(inputs)


def nearest_level(regions: tf.Tensor, scales: tf.Tensor) -> tf.Tensor:
    """Choose the scale at which each region's area is nearest to 224^2.

    Args:
        regions: (R, 4) xyxy, pixels.
        scales: (S,).

    Returns:
        (R,) int64 in 0..S - 1; the first of equally near ones.
    """
    sides = regions[:, 2:] - regions[:, :2]
    areas = tf.reduce_prod(sides, 1)[:, None]
    areas *= tf.cast(scales, areas.dtype) ** 2
    return tf.argmin(tf.abs(areas - CANONICAL_SIDE**2), 1)
