"""A network that sees every region of an image by itself.

Shapes: B images of H x W pixels, P proposals per image, S side of a window, F
and G features of a window.
"""

import keras
import tensorflow as tf

from kcv.layers import RegionWarp
from kcv.layers.nested_config import NestedConfig
from kcv.layers.region_warp import checked_sizes


@keras.saving.register_keras_serializable("kcv")
class WindowNetwork(NestedConfig, keras.layers.Layer):
    """Warp each region to a window and run a network on it.

    Two thousand windows of 227 x 227 pixels and their feature maps do not fit
    into memory, so they go through the network in chunks, in a loop of the
    graph. Padding costs nothing: only proposals that are regions go through.

    Args:
        network: keras.Model from windows (N, S, S, 3) to a list of vectors
            (N, F), (N, G), ...
        context: Width of the surroundings that a window shows on each side, in
            pixels. Non-negative integer. Defaults to 16.
        chunk: Largest number of windows that go through the network at a time.
            Defaults to 32.
        **kwargs: Options of `keras.layers.Layer`.

    Call with `pixels` (B, H, W, 3) less their mean, `proposals` (B, P, 4)
    xyxy in pixels, and `image_sizes` (B, 2) int32, or None if every image
    fills the batch. Returns the list of vectors (B, P, F), ..., float32, zero
    where there is no region; exists (B, P) bool, False for empty proposals and
    for those outside their image; and image_sizes (B, 2) int32.
    """

    def __init__(self, network, context=16, chunk=32, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.network = network
        self.warp = RegionWarp(network.input_shape[1], context)
        self.context = context
        self.chunk = chunk

    def build(self, pixels_shape, proposals_shape, image_sizes_shape=None):
        self.warp.build((pixels_shape, proposals_shape))

    def call(self, pixels, proposals, image_sizes=None):
        image_sizes = checked_sizes(pixels, image_sizes)
        proposals = tf.cast(proposals, "float32")
        exists = regions_exist(proposals, image_sizes)
        places = tf.where(exists)  # (N, 2)
        boxes = tf.gather_nd(proposals, places)
        owners = tf.cast(places[:, 0], "int32")

        # Chunks of equal size, so that the last is nearly as full as the
        # others. There is always one, of one empty window if need be, since a
        # convolution fails on an empty batch.
        count = tf.shape(boxes)[0]
        chunks = tf.maximum(-(-count // self.chunk), 1)
        size = tf.maximum(-(-count // chunks), 1)
        missing = chunks * size - count
        boxes = tf.pad(boxes, [[0, missing], [0, 0]])
        owners = tf.pad(owners, [[0, missing]])

        def run(chunk):
            windows = self.warp.warp(pixels, *chunk, image_sizes)
            vectors = self.network(windows, training=False)
            return [tf.cast(vector, "float32") for vector in vectors]

        vectors = tf.map_fn(
            run,
            (
                tf.reshape(boxes, (chunks, size, 4)),
                tf.reshape(owners, (chunks, size)),
            ),
            fn_output_signature=[
                tf.TensorSpec((None, shape[-1]))
                for shape in self.network.output_shape
            ],
            # Two chunks at a time would need the memory of two.
            parallel_iterations=1,
        )
        spread = [
            tf.scatter_nd(
                places,
                tf.reshape(vector, (chunks * size, vector.shape[-1]))[:count],
                (
                    *tf.unstack(tf.shape(exists, "int64")),
                    vector.shape[-1],
                ),
            )
            for vector in vectors
        ]
        return spread, exists, image_sizes

    def compute_output_spec(self, pixels, proposals, image_sizes=None):
        batch, count, _ = proposals.shape
        vectors = [
            keras.KerasTensor((batch, count, shape[-1]), dtype="float32")
            for shape in self.network.output_shape
        ]
        return (
            vectors,
            keras.KerasTensor((batch, count), dtype="bool"),
            keras.KerasTensor((batch, 2), dtype="int32"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "context": self.context,
            "chunk": self.chunk,
        }


def regions_exist(boxes: tf.Tensor, image_sizes: tf.Tensor) -> tf.Tensor:
    """Tell regions from padding and from what lies outside the image.

    Args:
        boxes: Boxes (B, P, 4) xyxy in pixels.
        image_sizes: Height and width (B, 2) int32.

    Returns:
        Whether a box is a region, (B, P) bool.
    """
    x1, y1, x2, y2 = tf.unstack(boxes, axis=-1)
    height, width = tf.split(tf.cast(image_sizes, "float32"), 2, axis=1)
    within = (x2 > 0) & (y2 > 0) & (x1 < width) & (y1 < height)
    return within & (x2 > x1) & (y2 > y1)
