"""Refined masks of the best patches of a scene.

Shapes: B images, N patches, V features of a patch, h x w cells of a map, C
channels, M rows and columns of a mask.
"""

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.layers.image_layer import set_shape
from kcv.layers.nested_config import NestedConfig

# Patches that are refined at once.
_CHUNK = 32


@keras.saving.register_keras_serializable("kcv")
class RefinePatches(NestedConfig, ImageLayer):
    """Cut the horizontal maps of patches out of a scene, and refine masks.

    Call with `[vectors, places, *maps]`: vectors (B, N, V), places (B, N, 3)
    int32, see `BestPatches`, and of every scale the horizontal maps (B, h, w,
    C), the coarsest first. Returns logits (B, N, M, M). The last patches of an
    image whose scaled size is not a multiple of the stride reach beyond its
    maps, whose last row or column is then repeated.

    Args:
        vertical: Model from vectors and windows of the maps to logits, see
            `vertical_model`.
        **kwargs: Options of `keras.layers.Layer`.
    """

    def __init__(self, vertical: keras.Model, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.vertical = vertical

    def build(self, input_shape):
        pass  # The vertical model is built.

    def call(self, inputs):
        vectors, places, *maps = inputs
        levels = len(self.vertical.inputs) - 1
        batch, patches = tf.shape(vectors)[0], vectors.shape[1]
        # A number of patches that divides N, so that no chunk is incomplete.
        chunk = max(n for n in range(1, _CHUNK + 1) if patches % n == 0)
        tables = [
            _Table(maps[level::levels], windows.shape[1], 2**level)
            for level, windows in enumerate(self.vertical.inputs[1:])
        ]

        def refine(one):
            features, owners, scales, rows, columns = one
            windows = [
                table.windows(owners, scales, rows, columns) for table in tables
            ]
            return self.vertical([features, *windows])[..., 0]

        owners = tf.repeat(tf.range(batch), patches)
        places = tf.reshape(places, (-1, chunk, 3))
        logits = tf.map_fn(
            refine,
            (
                tf.reshape(vectors, (-1, chunk, vectors.shape[-1])),
                tf.reshape(owners, (-1, chunk)),
                *tf.unstack(places, axis=-1),
            ),
            fn_output_signature=tf.TensorSpec(
                (chunk, *self.vertical.output_shape[1:3]),
                self.vertical.output.dtype,
            ),
            parallel_iterations=1,
        )
        shape = self.compute_output_shape([x.shape for x in inputs])
        return set_shape(
            tf.reshape(logits, (batch, patches, *shape[2:])), shape
        )

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:2], *self.vertical.output_shape[1:3])

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([x.shape for x in inputs])
        return keras.KerasTensor(shape, dtype=self.vertical.output.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "vertical": keras.saving.serialize_keras_object(self.vertical),
        }


class _Table:
    """The cells of the maps of one level and all scales, one after another.

    Args:
        maps: Maps (B, h, w, C) of every scale.
        side: Rows and columns of a window.
        step: Cells between neighboring patches.
    """

    def __init__(self, maps, side: int, step: int):
        self.side, self.step = side, step
        batch, channels = tf.shape(maps[0])[0], maps[0].shape[-1]
        cells = tf.concat(
            [tf.reshape(x, (batch, -1, channels)) for x in maps], 1
        )
        self.per_image = tf.shape(cells)[1]
        self.cells = tf.reshape(cells, (-1, channels))
        self.sides = tf.stack([tf.shape(x)[1:3] for x in maps])  # (scales, 2)
        sizes = tf.reduce_prod(self.sides, 1)
        self.begins = tf.cumsum(sizes, exclusive=True)

    def windows(self, owners, scales, rows, columns):
        """Gather the windows (n, side, side, C) of some patches (n,)."""
        sides = tf.gather(self.sides, scales)
        steps = tf.range(self.side)[None]
        rows, columns = (
            tf.minimum(self.step * first[:, None] + steps, end[:, None] - 1)
            for first, end in ((rows, sides[:, 0]), (columns, sides[:, 1]))
        )
        begins = owners * self.per_image + tf.gather(self.begins, scales)
        index = rows * sides[:, 1:] + begins[:, None]
        index = index[:, :, None] + columns[:, None, :]
        return tf.gather(self.cells, index)
