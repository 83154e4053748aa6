"""Segmentation against plain TensorFlow and against torch.

    python -m benchmarks.segmentation

Unpooling, transposed convolution and batch normalization against what one
would write without kcv; FCN-8s on VGG-16, one image forward and one update,
against the same network with the same weights in torch, where that is
installed; and how many images a second the pipeline of digit scenes gives.
"""

import contextlib
import functools
import time

import keras
import numpy as np
import tensorflow as tf
import tyro

import kcv
from benchmarks.peer import Peer
from benchmarks.peer import channels_first
from benchmarks.timing import print_ratios
from kcv.layers import MaxPoolWithSwitches
from kcv.layers import MaxUnpool
from kcv.segmentation.fcn import FCN_MEAN
from recipes.common.timing import medians

CLASSES = 21


def main(
    height: int = 320,
    width: int = 480,
    rounds: int = 9,
    scenes: int = 400,
    backbone: str = "vgg16",
) -> None:
    """Print medians and ratios.

    Args:
        height: Height of the image for FCN-8s, a multiple of 32 pixels.
        width: Width of the image for FCN-8s, a multiple of 32 pixels.
        rounds: Number of timed calls of each, alternating.
        scenes: Number of digit scenes that the pipeline is timed with.
        backbone: Backbone of FCN-8s. torch is timed with "vgg16" alone.
    """
    print_ratios(
        "pool, unpool and their gradient, 4 x 120 x 160 x 64",
        medians(unpooling(), rounds),
        "kcv.layers",
    )
    print_ratios(
        "enlarge 21 maps of 60 x 80 by 8",
        medians(enlarging(), rounds),
        "Conv2DTranspose, Bilinear",
    )
    print_ratios(
        "normalize 8 x 96 x 112 x 32 and its gradient",
        medians(normalizing(), rounds),
        "kcv.layers",
    )
    fcn(height, width, rounds, backbone)
    print(f"pipeline: {pipeline(scenes):.0f} digit scenes a second")


def unpooling():
    """Pool and unpool by kcv's layers, and by argmax and a scatter."""
    x = tf.random.stateless_normal((4, 120, 160, 64), (0, 1))
    pool, unpool = MaxPoolWithSwitches(), MaxUnpool()

    def layers(x):
        pooled, switches = pool(x)
        return unpool([pooled, switches, x])

    def scatter(x):
        pooled, places = tf.nn.max_pool_with_argmax(
            x, 2, 2, "SAME", include_batch_in_index=True
        )
        flat = tf.scatter_nd(
            tf.reshape(places, (-1, 1)),
            tf.reshape(pooled, (-1,)),
            [tf.size(x, tf.int64)],
        )
        return tf.reshape(flat, tf.shape(x))

    np.testing.assert_array_equal(layers(x), scatter(x))
    return {
        "kcv.layers": _with_gradient(layers, x),
        "max_pool_with_argmax + scatter_nd": _with_gradient(scatter, x),
    }


def enlarging():
    """Enlarge maps by a fixed transposed convolution, and by tf.image."""
    x = tf.random.stateless_normal((1, 60, 80, CLASSES), (0, 1))
    layer = keras.layers.Conv2DTranspose(
        CLASSES,
        16,
        8,
        padding="same",
        use_bias=False,
        kernel_initializer=kcv.initializers.Bilinear(),
    )
    layer.build(x.shape)
    kernel = tf.constant(layer.kernel.numpy())

    def plain(x):
        shape = (1, 480, 640, CLASSES)
        return tf.nn.conv2d_transpose(x, kernel, shape, 8, "SAME")

    return {
        "Conv2DTranspose, Bilinear": _timed(layer, x),
        "tf.nn.conv2d_transpose": _timed(plain, x),
        "kcv.layers.Interpolation2D": _timed(kcv.layers.Interpolation2D(8), x),
        "tf.image.resize": _timed(lambda x: tf.image.resize(x, (480, 640)), x),
    }


def normalizing():
    """Normalize batches by the fused kernel, and as Keras does."""
    x = tf.random.stateless_normal((8, 96, 112, 32), (0, 1))
    functions = {}
    for name, layer in (
        ("kcv.layers", kcv.layers.BatchNormalization()),
        ("keras.layers", keras.layers.BatchNormalization()),
    ):
        layer.build(x.shape)
        functions[name] = _with_gradient(
            functools.partial(layer, training=True), x
        )
    return functions


def fcn(height, width, rounds, backbone):
    """Time FCN-8s and a step of SGD, in kcv and in torch."""
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 255, (1, height, width, 3)).astype("float32")
    labels = rng.integers(0, CLASSES, (1, height, width)).astype("int32")
    model = kcv.segmentation.FCN8s(CLASSES, backbone, dropout=0.0)
    for layer in model.layers:
        if layer.name.startswith("score_"):
            # From zero, both would agree whatever else they do.
            kernel = 0.01 * rng.standard_normal(layer.kernel.shape)
            layer.set_weights([kernel, layer.bias.numpy()])
    model.compile(
        keras.optimizers.SGD(1e-10, momentum=0.9),
        kcv.losses.PixelwiseCrossEntropy(),
    )
    functions = {
        "forward": {"kcv": lambda: model.predict_on_batch(image)},
        "update": {"kcv": lambda: model.train_on_batch(image, labels)},
    }
    with contextlib.ExitStack() as stack:
        if backbone == "vgg16":
            peer = stack.enter_context(torch_fcn(model, image, labels))
            for title, function in peer.functions().items():
                functions[title]["torch"] = function
        for title, both in functions.items():
            print_ratios(
                f"FCN-8s, {height} x {width}, {title}",
                medians(both, rounds),
                "kcv",
            )


def torch_fcn(model, image, labels):
    """Start the same network in torch, with the same weights and scores."""
    peer = Peer(
        "benchmarks.with_torch.segmentation",
        weights={
            layer.name: [channels_first(w) for w in layer.get_weights()]
            for layer in model.layers
            if layer.get_weights()
        },
        mean=[float(value) for value in FCN_MEAN],
        image=image,
        labels=labels,
    )
    if peer.names:
        np.testing.assert_allclose(
            peer.value("forward"), model(image), atol=1e-2, rtol=1e-3
        )
    return peer


def pipeline(scenes):
    """Count the scenes a second that arrive in batches of eight."""
    found = kcv.data.load_segmentation("digit_scenes").dataset.take(scenes)
    batches = kcv.data.batch(found, 8).map(kcv.data.segmentation_inputs)
    next(iter(batches))
    start = time.perf_counter()
    for _ in batches:
        pass
    return scenes / (time.perf_counter() - start)


def _timed(function, x):
    run = tf.function(function)
    return lambda: run(x).numpy()


def _with_gradient(function, x):
    @tf.function
    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            found = function(x)
        return tape.gradient(found, x)

    return lambda: run(x).numpy()


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
