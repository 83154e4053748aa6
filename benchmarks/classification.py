"""VGG-16 and ResNet-50 against keras.applications, torchvision and the machine.

    python -m benchmarks.classification

Times the forward pass and the training step, in float32 and mixed bfloat16,
all of one network alternating in one run. torchvision is timed where it is
installed. "Share of peak" is the arithmetic of the convolutions and dense
layers, per second, over that of one large matrix multiplication here.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
import tyro

from benchmarks.peer import Peer
from benchmarks.timing import print_ratios
from kcv.classification import VGG16
from kcv.classification import ResNet50
from recipes.common.timing import medians

NETWORKS = {
    "vgg16": (VGG16, keras.applications.VGG16),
    "resnet50": (ResNet50, keras.applications.ResNet50),
}
OURS = "kcv"


def main(
    networks: Sequence[Literal["vgg16", "resnet50"]] = ("vgg16", "resnet50"),
    precisions: Sequence[Literal["float32", "mixed_bfloat16"]] = (
        "float32",
        "mixed_bfloat16",
    ),
    batch_size: int = 4,
    rounds: int = 9,
    side: int = 224,
    matrix: int = 3072,
) -> None:
    """Print medians, ratios and shares of the machine's peak.

    Args:
        networks: To be timed.
        precisions: Keras policies to time them in.
        batch_size: Number of images per call.
        rounds: Number of timed calls of each, alternating.
        side: Side of the images, in pixels.
        matrix: Side of the matrices that tell the machine's peak.
    """
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (batch_size, side, side, 3)).astype("float32")
    labels = rng.integers(0, 1000, batch_size)
    for precision in precisions:
        keras.config.set_dtype_policy(precision)
        peak = matrix_multiplication(precision, rounds, matrix)
        for network in networks:
            forward, training = {}, {}
            for name, build in zip(
                (OURS, "keras.applications"), NETWORKS[network], strict=True
            ):
                options = {"weights": None, "input_shape": images.shape[1:]}
                if name == OURS:
                    # Those of keras.applications expect scaled images.
                    options["include_preprocessing"] = False
                model = build(**options)
                forward[name], training[name] = calls(model, images, labels)
                if name == OURS:
                    work = batch_size * operations(model)
            with Peer(
                "benchmarks.with_torch.classification",
                "torchvision",
                network=network,
                half=precision == "mixed_bfloat16",
                images=images,
                labels=labels,
            ) as peer:
                theirs = peer.functions()
                if theirs:
                    forward["torchvision"] = theirs["forward"]
                    training["torchvision"] = theirs["step"]
                for title, functions, times_work in (
                    ("forward", forward, 1),
                    # Half of the gradient is for the inputs, half for the
                    # weights.
                    ("training step", training, 3),
                ):
                    times = medians(functions, rounds)
                    print_ratios(f"{network} {precision}: {title}", times, OURS)
                    rate = times_work * work / (times[OURS] / 1e3)
                    print(f"  share of peak {rate / peak:.2f}")
    keras.config.set_dtype_policy("float32")


def calls(model, images, labels):
    """Build the forward pass and the training step of a Keras model."""
    x, y = tf.constant(images), tf.constant(labels)
    predict = tf.function(lambda: model(x, training=False))
    model.compile(keras.optimizers.SGD(1e-3), "sparse_categorical_crossentropy")
    return (
        lambda: predict().numpy(),
        lambda: model.train_on_batch(x, y),
    )


def operations(model):
    """Count multiplications and additions of one image's forward pass."""
    count = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            cells = np.prod(layer.output.shape[1:-1], initial=1)
            count += 2 * cells * np.prod(layer.kernel.shape)
    return float(count)


def matrix_multiplication(precision, rounds, side):
    """Measure the operations per second of one large product."""
    dtype = keras.config.dtype_policy().compute_dtype
    a, b = (tf.cast(tf.random.normal((side, side)), dtype) for _ in range(2))
    product = tf.function(lambda: tf.reduce_sum(a @ b))
    time = medians({"product": lambda: product().numpy()}, rounds)["product"]
    peak = 2 * side**3 / (time / 1e3)
    print(f"{precision}: matrix multiplication {peak / 1e9:.0f} GFLOP/s")
    return peak


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
