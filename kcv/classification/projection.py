"""Projection of activations back to the pixels that cause them.

M. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional
Networks", arXiv:1311.2901, 2013, section 2. All activations of a layer except
for one are set to zero, and the result is passed back through the network. A
max pooling passes values to the places of the maxima, where values of
overlapping windows are added. A ReLU is passed through a ReLU, and a
convolution through the transposed filters, without a bias.

`RULES` are the ways in which a ReLU changes the signal on its way back. The
deconvnet removes negative values of the signal. The gradient (Simonyan et al.
2013) removes values where the input of the ReLU was negative. Guided
backpropagation (Springenberg et al. 2014) does both.
"""

from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kcv.boxes import TensorLike
from kcv.layers import LocalResponseNormalization

RULES = ("deconvnet", "gradient", "guided")


class Projection(NamedTuple):
    """Activations, projected to the pixels that cause them.

    Attributes:
        pixels: Projections (B, H, W, 3) float32 with both signs.
        activations: Projected activation of each image, (B,) float32.
        positions: Row and column of each activation, (B, 2) int32, -1 for a
            dense layer.
    """

    pixels: np.ndarray
    activations: np.ndarray
    positions: np.ndarray


class Strongest(NamedTuple):
    """The images with the strongest activations of a feature map, best first.

    Attributes:
        images: Images (n, H, W, 3), in the range of the network's inputs.
        activations: Maximum activation in each image, (n,) float32.
    """

    images: np.ndarray
    activations: np.ndarray


def project_activation(
    model: keras.Model,
    layer: str,
    images: TensorLike,
    feature_map: int,
    rule: str = "deconvnet",
) -> Projection:
    """Project the strongest activation of a feature map to pixels.

    Args:
        model: Chain of layers, such as kcv's VGG, AlexNet and ZFNet.
        layer: Name of a layer. Its activations after the ReLU are used.
        images: Images (B, H, W, 3), in the range of the model's inputs.
        feature_map: Number of the feature map, or of the unit of a dense layer,
            from 0.
        rule: "deconvnet", which ignores local response normalization on the way
            back, "gradient" or "guided". Defaults to "deconvnet".

    Returns:
        `Projection` (pixels, activations, positions), one of each per image.

    Raises:
        ValueError: If the model is not a chain up to the layer, the layer or
            the feature map does not exist, or `rule` is unknown.

    Example:

    ```python
    seen = project_activation(vgg, "conv5_3", images, feature_map=7)
    ```
    """
    if rule not in RULES:
        raise ValueError(
            f"`rule` must be one of {RULES}. Received: rule={rule!r}"
        )
    chain = _chain(model, layer)
    x = tf.convert_to_tensor(images, tf.float32)
    seen = []
    for step in chain:
        seen.append(x)
        x = step(x, training=False)
    maps = x.shape[-1]
    if not 0 <= feature_map < maps:
        raise ValueError(
            f"`feature_map` must be below {maps}, the number of feature maps "
            f"of {layer}. "
            f"Received: feature_map={feature_map}"
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
    """Find the images with the strongest activations of a feature map.

    Args:
        model: Model of images, with the layer.
        layer: Name of the layer.
        batches: Iterable of images (B, H, W, 3) of one size, in the range of
            the model's inputs.
        feature_map: Number of the feature map, from 0.
        count: Number of images to find. Defaults to 9, as in the paper.

    Returns:
        `Strongest` (images, activations), the strongest first.

    Raises:
        ValueError: If there are no images.

    Example:

    ```python
    found = strongest_images(vgg, "conv5_3", photographs, feature_map=7)
    seen = project_activation(vgg, "conv5_3", found.images, feature_map=7)
    ```
    """
    maps = keras.Model(model.inputs, model.get_layer(layer).output)
    images = activations = np.empty(0)
    for batch in batches:
        batch = np.asarray(batch)
        own = maps.predict_on_batch(batch)[..., feature_map]
        own = own.reshape(len(batch), -1).max(-1)
        if len(images):
            batch = np.concatenate([images, batch])
            own = np.concatenate([activations, own])
        best = np.argsort(-own, kind="stable")[:count]
        images, activations = batch[best], own[best]
    if not len(images):
        raise ValueError("`batches` must have at least one batch")
    return Strongest(images, activations)


def _chain(model, layer):
    """List the layers from the images to `layer`, in order."""
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
    """Pass a signal from a layer's output to its input."""
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
    """Apply a layer without its ReLU. A bias does not change the result."""
    if not _has_relu(layer):
        return layer(x, training=False)
    if isinstance(layer, keras.layers.Conv2D):
        return layer.convolution_op(x, layer.kernel)
    if isinstance(layer, keras.layers.Dense):
        return tf.matmul(x, layer.kernel)
    return tf.identity(x)
