"""Networks of davidsandberg/facenet as frozen graphs of TensorFlow 1.

They follow network.py, nn4.py and nn4_small2_v1.py of the repository: padding
SAME, maxima pooled everywhere, batch normalization with a bias behind it.
TensorFlow itself computes what they answer.
"""

import numpy as np
import tensorflow as tf

# 1x1; 3x3 reduce and 3x3; 5x5 reduce and 5x5; projection; stride.
SMALL2 = {
    "3a": (64, 96, 128, 16, 32, 32, 1),
    "3b": (64, 96, 128, 32, 64, 64, 1),
    "3c": (0, 128, 256, 32, 64, 0, 2),
    "4a": (256, 96, 192, 32, 64, 128, 1),
    "4e": (0, 160, 256, 64, 128, 0, 2),
    "5a": (256, 96, 384, 0, 0, 96, 1),
    "5b": (256, 96, 384, 0, 0, 96, 1),
}
# The names of the moving averages under two versions of TensorFlow.
MOMENTS = (
    "batch_norm/moments/{}/ExponentialMovingAverage",
    "batch_norm/cond/{scope}/batch_norm/moments/moments_1/{}"
    "/ExponentialMovingAverage",
)


class GraphBuilder:
    """Builds a graph of constants and operations."""

    def __init__(self, seed=0, old_names=False):
        self.generator = np.random.default_rng(seed)
        self.old_names = old_names

    def constant(self, name, *shape, scale=0.05, shift=0.0):
        values = self.generator.standard_normal(shape, "float32")
        return tf.constant(np.float32(scale) * values + shift, name=name)

    def convolution(self, x, filters, side, stride, scope):
        inputs = int(x.shape[-1])
        scale = (2 / (side * side * inputs)) ** 0.5
        kernel = self.constant(
            f"{scope}/weights", side, side, inputs, filters, scale=scale
        )
        x = tf.nn.conv2d(x, kernel, stride, "SAME")
        names = ("mean", "variance") if self.old_names else (None, None)
        names = names if self.old_names else ("Squeeze", "Squeeze_1")
        form = f"{scope}/{MOMENTS[self.old_names]}"
        mean = self.constant(form.format(names[0], scope=scope), filters)
        variance = self.constant(
            form.format(names[1], scope=scope), filters, shift=1.0
        )
        where = f"{scope}/batch_norm/batch_norm"
        beta = self.constant(f"{where}/beta", filters)
        gamma = self.constant(f"{where}/gamma", filters, shift=1.0)
        x = tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3)
        return tf.nn.relu(x + self.constant(f"{scope}/biases", filters))

    def inception(self, x, name, sizes):
        one, reduce3, three, reduce5, five, projection, stride = sizes
        scope = f"incept{name}"
        maps = []
        if one:
            place = f"{scope}/branch1_1x1/conv1x1"
            maps.append(self.convolution(x, one, 1, 1, place))
        for side, branch, reduce, filters in (
            (3, "branch2_3x3", reduce3, three),
            (5, "branch3_5x5", reduce5, five),
        ):
            if reduce:
                place = f"{scope}/{branch}"
                y = self.convolution(x, reduce, 1, 1, f"{place}/conv1x1")
                place = f"{place}/conv{side}x{side}"
                maps.append(self.convolution(y, filters, side, stride, place))
        y = tf.nn.max_pool2d(x, 3, stride, "SAME")
        if projection:
            place = f"{scope}/branch4_pool/conv1x1"
            y = self.convolution(y, projection, 1, 1, place)
        return tf.concat([*maps, y], 3)

    def network(self, table, side=96, softmax=0):
        """Build a network with the nodes "input" and "embeddings"."""
        with tf.Graph().as_default() as graph:
            x = tf.compat.v1.placeholder(
                tf.float32, (None, side, side, 3), name="input"
            )
            x = self.convolution(x, 64, 7, 2, "conv1_7x7")
            x = tf.nn.max_pool2d(x, 3, 2, "SAME")
            x = self.convolution(x, 64, 1, 1, "conv2_1x1")
            x = self.convolution(x, 192, 3, 1, "conv3_3x3")
            x = tf.nn.max_pool2d(x, 3, 2, "SAME")
            for name, sizes in table.items():
                x = self.inception(x, name, sizes)
            x = tf.reduce_mean(x, (1, 2))
            kernel = self.constant("Bottleneck/weights", x.shape[1], 128)
            x = x @ kernel + self.constant("Bottleneck/biases", 128)
            if softmax:
                self.constant("Logits/weights", 128, softmax)
                self.constant("Logits/biases", softmax)
            tf.nn.l2_normalize(x, 1, 1e-10, name="embeddings")
        return graph


def answer(graph, images):
    """Compute the embeddings (B, 128) of images (B, H, W, 3)."""
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run("embeddings:0", {"input:0": images})
