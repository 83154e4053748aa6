"""VGG-16 and ResNet-50 against keras.applications, torchvision and the machine.

    python -m benchmarks.classification

Times the forward pass and the training step, in float32 and mixed bfloat16,
all of one network alternating in one run. torchvision is timed where it is
installed. "Share of peak" is the arithmetic of the convolutions and dense
layers, per second, over that of one large matrix multiplication here.
"""

import os

try:
    # Before TensorFlow: the other order crashes some builds of the two.
    import torch
    import torchvision
except ImportError:
    torch = None

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
import tyro

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
) -> None:
    """Print medians, ratios and shares of the machine's peak.

    Args:
        networks: To be timed.
        precisions: Keras policies to time them in.
        batch_size: Images of 224 x 224 at a time.
        rounds: Timed calls of each, alternating.
    """
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (batch_size, 224, 224, 3)).astype("float32")
    labels = rng.integers(0, 1000, batch_size)
    for precision in precisions:
        keras.config.set_dtype_policy(precision)
        peak = matrix_multiplication(precision, rounds)
        for network in networks:
            forward, training = {}, {}
            for name, build in zip(
                (OURS, "keras.applications"), NETWORKS[network], strict=True
            ):
                model = build(weights=None)
                forward[name], training[name] = calls(model, images, labels)
                if name == OURS:
                    work = batch_size * operations(model)
            if torch is not None:
                forward["torchvision"], training["torchvision"] = torch_calls(
                    network, precision, images, labels
                )
            for title, functions, times_work in (
                ("forward", forward, 1),
                # Of the gradient, half is for the inputs, half for the weights.
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


def torch_calls(network, precision, images, labels):
    """Build those of torchvision, on as many threads as TensorFlow has."""
    torch.set_num_threads(os.cpu_count())
    model = getattr(torchvision.models, network)(weights=None)
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    y = torch.from_numpy(labels)
    half = torch.autocast(
        "cpu", torch.bfloat16, enabled=precision == "mixed_bfloat16"
    )

    def forward():
        model.eval()
        with torch.no_grad(), half:
            model(x)

    def step():
        model.train()
        optimizer.zero_grad()
        with half:
            loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()

    return forward, step


def operations(model):
    """Count multiplications and additions of one image's forward pass."""
    count = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            cells = np.prod(layer.output.shape[1:-1], initial=1)
            count += 2 * cells * np.prod(layer.kernel.shape)
    return float(count)


def matrix_multiplication(precision, rounds, side=3072):
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
