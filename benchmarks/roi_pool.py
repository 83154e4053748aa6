"""RoIPool against torchvision's kernel and a plain-TensorFlow alternative.

    python -m benchmarks.roi_pool

300 boxes on a map of 38 x 50 x 512, as in VGG-16 on a 600 x 800 image.
torchvision is timed where it is installed. `crop_and_resize` with max pooling
is what TensorFlow code bases use in its place; it computes something else.
"""

import numpy as np
import tensorflow as tf
import tyro

from benchmarks.peer import Peer
from benchmarks.timing import print_ratios
from kcv.layers import RoIPool
from recipes.common.timing import medians


def main(
    boxes: int = 300,
    height: int = 38,
    width: int = 50,
    channels: int = 512,
    rounds: int = 15,
) -> None:
    """Print medians and ratios, forward and forward + backward.

    Args:
        boxes: Number of regions.
        height: Rows of the feature map.
        width: Columns of the feature map.
        channels: Channels of the feature map.
        rounds: Timed calls of each, alternating.
    """
    rng = np.random.default_rng(0)
    size = np.array([width, height]) * 16
    corner = rng.uniform(0, 0.9, (boxes, 2)) * size
    opposite = np.minimum(
        corner + rng.uniform(16, 0.7 * size.min(), (boxes, 2)), size
    )
    regions = np.concatenate([corner, opposite], 1).astype("float32")
    features = rng.standard_normal((1, height, width, channels)).astype(
        "float32"
    )
    upstream = rng.standard_normal((1, boxes, 7, 7, channels)).astype("float32")

    forward, both = tensorflow_functions(features, regions, upstream)
    with Peer(
        "benchmarks.with_torch.roi_pool",
        "torchvision",
        features=features,
        regions=regions,
        upstream=upstream,
    ) as peer:
        theirs = peer.functions()
        if theirs:
            forward["torchvision.ops.roi_pool"] = theirs["forward"]
            both["torchvision.ops.roi_pool"] = theirs["both"]
        print_ratios("forward", medians(forward, rounds), "kcv.layers.RoIPool")
        print_ratios(
            "forward + backward", medians(both, rounds), "kcv.layers.RoIPool"
        )


def tensorflow_functions(features, regions, upstream):
    """Build the calls of kcv and of crop_and_resize."""
    height, width = features.shape[1:3]
    features, upstream = tf.constant(features), tf.constant(upstream)
    boxes = tf.constant(regions[None])
    layer = RoIPool(7, 1 / 16)
    # Normalized (y1, x1, y2, x2), as crop_and_resize wants them.
    normalized = regions[:, [1, 0, 3, 2]] / 16
    normalized = tf.constant(
        normalized / ([height - 1, width - 1] * 2), "float32"
    )

    def roi_pool(features):
        return layer([features, boxes])

    def crop_and_resize(features):
        of_image = tf.zeros(len(regions), "int32")
        crops = tf.image.crop_and_resize(
            features, normalized, of_image, (14, 14)
        )
        return tf.nn.max_pool2d(crops, 2, 2, "VALID")[None]

    forward, both = {}, {}
    for name, function in (
        ("kcv.layers.RoIPool", roi_pool),
        ("crop_and_resize + max pool", crop_and_resize),
    ):
        forward[name] = _waits(tf.function(function), features)
        both[name] = _waits(_with_gradient(function, upstream), features)
    return forward, both


def _with_gradient(function, upstream):
    @tf.function
    def run(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            pooled = function(features)
        return tape.gradient(pooled, features, upstream)

    return run


def _waits(function, argument):
    return lambda: function(argument).numpy()


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
