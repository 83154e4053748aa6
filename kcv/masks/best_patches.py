"""The patches of the highest scores, over all scales and places.

Shapes: B images, L scales, h x w patches of a scale, V features of a patch, N
patches that are kept.
"""

import keras
import tensorflow as tf

from kcv.layers.image_layer import set_shape


@keras.saving.register_keras_serializable("kcv")
class BestPatches(keras.layers.Layer):
    """Keep the patches of the highest scores.

    Call with a list `[vectors_1, scores_1, vectors_2, scores_2, ...]` of the
    outputs of a head at each of the L scales: vectors (B, h, w, V) and logits
    (B, h, w, 1). Returns `(vectors, scores, places, count)`:

    - vectors (B, N, V) of the patches, by decreasing score;
    - scores (B, N) float32, probabilities, 0 for rows without a patch;
    - places (B, N, 3) int32: scale, row and column of each patch, 0 for rows
      without a patch;
    - count (B,) int32, the number of patches: N, or all if there are fewer.

    Of patches with the same score the first one of the first scale comes
    first.

    Args:
        max_patches: Number N of patches to keep. Positive integer.
        **kwargs: Options of `keras.layers.Layer`.
    """

    def __init__(self, max_patches: int, **kwargs):
        super().__init__(**kwargs)
        self.max_patches = max_patches

    def call(self, inputs):
        batch = tf.shape(inputs[0])[0]
        features = inputs[0].shape[-1]
        flat = [
            tf.reshape(x, (batch, -1, features)) for x in inputs[0::2]
        ]  # (B, h * w, V) of each scale
        vectors = tf.concat(flat, 1)
        logits = tf.concat(
            [tf.reshape(x, (batch, -1)) for x in inputs[1::2]], 1
        )
        logits = tf.cast(logits, tf.float32)
        count = tf.minimum(self.max_patches, tf.shape(logits)[1])
        best, index = tf.math.top_k(logits, count)
        places = self._places(index, inputs[1::2])
        missing = self.max_patches - count
        rows = [[0, 0], [0, missing]]
        vectors = tf.gather(vectors, index, batch_dims=1)
        vectors = tf.pad(vectors, [*rows, [0, 0]])
        count = tf.fill((batch,), count)
        return tuple(
            set_shape(x, shape)
            for x, shape in zip(
                (
                    vectors,
                    tf.pad(tf.sigmoid(best), rows),
                    tf.pad(places, [*rows, [0, 0]]),
                    count,
                ),
                self.compute_output_shape([x.shape for x in inputs]),
                strict=True,
            )
        )

    def _places(self, index, scores):
        """Divide indices into scale, row and column."""
        widths = tf.stack([tf.shape(x)[2] for x in scores])
        sizes = tf.stack([tf.shape(x)[1] * tf.shape(x)[2] for x in scores])
        ends = tf.cumsum(sizes)
        is_beyond = tf.cast(tf.expand_dims(index, -1) >= ends, tf.int32)
        scale = tf.reduce_sum(is_beyond, -1)
        index -= tf.gather(ends - sizes, scale)
        width = tf.gather(widths, scale)
        return tf.stack([scale, index // width, index % width], -1)

    def compute_output_shape(self, input_shape):
        batch, features = input_shape[0][0], input_shape[0][-1]
        rows = (batch, self.max_patches)
        return (*rows, features), rows, (*rows, 3), (batch,)

    def compute_output_spec(self, inputs):
        shapes = self.compute_output_shape([x.shape for x in inputs])
        dtypes = (inputs[0].dtype, "float32", "int32", "int32")
        return tuple(
            keras.KerasTensor(shape, dtype=dtype)
            for shape, dtype in zip(shapes, dtypes, strict=True)
        )

    def get_config(self):
        return {**super().get_config(), "max_patches": self.max_patches}
