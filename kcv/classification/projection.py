"""What a unit has seen: its activation, projected back to pixels.

M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional
Networks", arXiv:1311.2901, 2013, section 2. All activations of a layer but one
are set to zero, and what is left goes back through the network: where the
network pools, to the places of the maxima (values of overlapping windows that
meet add up); where it has a ReLU, through a ReLU; where it convolves, through
the transposed filters, without a bias.

`RULES` says what a ReLU does to the signal on its way back. The deconvnet
drops what is negative in the signal; the gradient (Simonyan et al. 2013), what
was negative on the way forth; guided backpropagation (Springenberg et al.
2014), both.
"""

from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kcv.layers import LocalResponseNormalization

RULES = ("deconvnet", "gradient", "guided")


class Projection(NamedTuple):
    """Activations, projected to the pixels that made them.

    Attributes:
        pixels: (B, H, W, 3) float32, both signs.
        activations: (B,) float32, the activation that was projected.
        positions: (B, 2) int32, its row and column; -1 in a dense layer.
    """

    pixels: np.ndarray
    activations: np.ndarray
    positions: np.ndarray


class Strongest(NamedTuple):
    """The images that a feature map answers to most, best first.

    Attributes:
        images: (n, H, W, 3), as the network takes them.
        activations: (n,) float32.
    """

    images: np.ndarray
    activations: np.ndarray


def project_activation(
    model: keras.Model,
    layer: str,
    images,
    feature_map: int,
    rule: str = "deconvnet",
) -> Projection:
    """Project the strongest activation of a feature map to pixels.

    Args:
        model: a chain of layers, as kcv's VGG, AlexNet and ZFNet are.
        layer: name of the layer, whose activation after its ReLU counts.
        images: (B, H, W, 3), as the model takes them.
        feature_map: number of the map, or of the unit of a dense layer.
        rule: "deconvnet", which ignores local response normalization on its
            way back, "gradient" or "guided".

    Returns:
        The projection, of each image by itself.

    Raises:
        ValueError: if the model is no chain up to that layer, or has no such
            layer or map; or `rule` is none of these.

    Example:

    ```python
    seen = project_activation(vgg, "conv5_3", images, feature_map=7)
    ```
    """
    if rule not in RULES:
        raise ValueError(f"rule must be one of {RULES}. Received: {rule!r}")
    chain = _chain(model, layer)
    x = tf.convert_to_tensor(images, tf.float32)
    seen = []
    for step in chain:
        seen.append(x)
        x = step(x, training=False)
    maps = x.shape[-1]
    if not 0 <= feature_map < maps:
        raise ValueError(
            f"feature_map must be below {maps}, the maps of {layer}. "
            f"Received: {feature_map}"
        )

    # === All but the strongest are zero ===
    own = tf.reshape(x[..., feature_map], (len(x), -1))  # (B, H * W)
    best = tf.argmax(own, axis=-1, output_type=tf.int32)
    activations = tf.gather(own, best, batch_dims=1)
    signal = tf.one_hot(best, tf.shape(own)[1]) * activations[:, None]
    signal = tf.reshape(signal, tf.shape(x)[:-1])
    signal = signal[..., None] * tf.one_hot(feature_map, maps)
    if len(x.shape) == 4:
        positions = tf.stack([best // x.shape[2], best % x.shape[2]], -1)
    else:
        positions = tf.fill((len(x), 2), -1)

    # === Back to pixels ===
    outputs = [*seen[1:], x]
    for step, before, after in reversed(
        [*zip(chain, seen, outputs, strict=True)]
    ):
        signal = _back(step, before, after, signal, rule)
    return Projection(*(t.numpy() for t in (signal, activations, positions)))


def strongest_images(
    model: keras.Model,
    layer: str,
    batches: Iterable,
    feature_map: int,
    count: int = 9,
) -> Strongest:
    """Find the images that a feature map answers to most.

    Args:
        model: from images to anything, with a layer of that name.
        layer: name of the layer.
        batches: of images (B, H, W, 3) of one size, as the model takes them.
        feature_map: number of the map.
        count: images to find; 9 in the paper.

    Returns:
        The images.

    Raises:
        ValueError: if there are no images.

    Example:

    ```python
    found = strongest_images(vgg, "conv5_3", photographs, feature_map=7)
    seen = project_activation(vgg, "conv5_3", found.images, feature_map=7)
    ```
    """
    maps = keras.Model(model.inputs, model.get_layer(layer).output)
    images, activations = None, None
    for batch in batches:
        batch = np.asarray(batch)
        own = maps.predict_on_batch(batch)[..., feature_map]
        own = own.reshape(len(batch), -1).max(-1)
        if images is not None:
            batch = np.concatenate([images, batch])
            own = np.concatenate([activations, own])
        best = np.argsort(-own, kind="stable")[:count]
        images, activations = batch[best], own[best]
    if images is None:
        raise ValueError("batches must have one batch at least. Received: none")
    return Strongest(images, activations)


def _chain(model, layer):
    """List the layers from the images to `layer`, each behind the other."""
    step = model.get_layer(layer)
    if isinstance(model, keras.Sequential):
        return model.layers[: model.layers.index(step) + 1]
    makers = {id(each.output): each for each in model.layers}
    chain = []
    while not isinstance(step, keras.layers.InputLayer):
        if isinstance(step.input, list | dict) or id(step.input) not in makers:
            raise ValueError(
                f"{model.name} must be a chain of layers up to {layer}. "
                f"Received: {step.name} joins several"
            )
        chain.append(step)
        step = makers[id(step.input)]
    return chain[::-1]


def _back(layer, before, after, signal, rule):
    """Take a signal from a layer's output to its input."""
    if _has_relu(layer):
        if rule != "gradient":
            signal = tf.nn.relu(signal)
        if rule != "deconvnet":
            signal = tf.where(after > 0, signal, 0.0)
    if rule != "gradient" and isinstance(layer, LocalResponseNormalization):
        return signal
    with tf.GradientTape() as tape:
        tape.watch(before)
        output = _without_relu(layer, before)
    return tape.gradient(output, before, signal)


def _has_relu(layer):
    activation = getattr(layer, "activation", None)
    return activation is keras.activations.relu or isinstance(
        layer, keras.layers.ReLU
    )


def _without_relu(layer, x):
    """Apply a layer as it is before its ReLU; a bias has no say here."""
    if not _has_relu(layer):
        return layer(x, training=False)
    if isinstance(layer, keras.layers.Conv2D):
        return layer.convolution_op(x, layer.kernel)
    if isinstance(layer, keras.layers.Dense):
        return tf.matmul(x, layer.kernel)
    return tf.identity(x)
