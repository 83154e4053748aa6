"""VGG networks whose features measure content and style of images."""

import os
import re
from collections.abc import Sequence

import keras
import tensorflow as tf

from kcv.classification import VGG16
from kcv.classification import VGG19
from kcv.classification import Preprocessing

_NETWORKS = {"vgg16": VGG16, "vgg19": VGG19}
POOLINGS = ("max", "average")
_LAYERS = (
    keras.layers.Conv2D,
    keras.layers.MaxPooling2D,
    keras.layers.BatchNormalization,
    keras.layers.ReLU,
)


def loss_network(
    layers: Sequence[str],
    network: str | keras.Model = "vgg16",
    weights: str | os.PathLike | None = "imagenet",
    pooling: str = "max",
) -> keras.Model:
    """Build the network by whose features images are compared.

    It is a copy of a VGG without the layers after the last one that is needed,
    and its weights are not trainable. Poolings round sizes down, as in Torch.

    Args:
        layers: Names of layers as in `kcv.classification.VGG16`. "conv4_2" is
            the output of the ReLU after this convolution (and after batch
            normalization, if the VGG has it), which Johnson et al. call
            relu4_2. The names also apply to a VGG of keras.applications, whose
            own names are accepted as well.
        network: "vgg16", "vgg19", or a VGG of kcv or of keras.applications.
            Defaults to "vgg16".
        weights: Pretrained weights of a network that is given by name:
            "imagenet", which is downloaded, or a file that `kcv.weights` reads.
            If None, weights are random. Defaults to "imagenet".
        pooling: "max", or "average", which Gatys et al. found to give more
            appealing images. Defaults to "max".

    Returns:
        Keras model that maps images (B, H, W, 3), RGB in [0, 255], to a dict of
        features (B, h, w, N) by layer name.

    Raises:
        ValueError: If a network, layer or pooling does not exist.
        FileNotFoundError: If the file `weights` does not exist.

    Example:

    >>> features = loss_network(["conv1_2", "conv2_2"], weights=None)
    >>> features(keras.ops.zeros((1, 8, 8, 3)))["conv2_2"].shape
    TensorShape([1, 4, 4, 128])
    """
    if pooling not in POOLINGS:
        raise ValueError(
            f"`pooling` must be one of {POOLINGS}. Received: "
            f"pooling={pooling!r}"
        )
    if not layers:
        raise ValueError(
            "`layers` must name at least one layer. Received: none"
        )
    if isinstance(network, str):
        if network not in _NETWORKS:
            raise ValueError(
                f"`network` must be one of {[*_NETWORKS]} or a model. "
                f"Received: network={network!r}"
            )
        network = _NETWORKS[network](include_top=False, weights=weights)
    own = {name: _own_name(network, name) for name in layers}
    images = keras.Input((None, None, 3), name="images")
    # Networks of keras.applications, recognized by layer names, take BGR.
    bgr = any(layer.name.startswith("block") for layer in network.layers)
    scale = Preprocessing.caffe(bgr=bgr, name="preprocessing")
    for layer in network.layers:
        if isinstance(layer, Preprocessing):
            scale = Preprocessing.from_config(layer.get_config())
    x = scale(images)
    outputs = {}
    for layer in network.layers:
        if isinstance(layer, keras.layers.InputLayer | Preprocessing):
            continue
        if not isinstance(layer, _LAYERS):
            raise ValueError(
                f"`network` must be a VGG, a chain of {_LAYERS}. Received: "
                f"{network.name} with {layer.name}, {type(layer)}"
            )
        copy = _copy(layer, pooling)
        x = outputs[layer.name] = copy(x)
        copy.set_weights(layer.get_weights())
        if outputs.keys() >= set(own.values()):
            break
    model = keras.Model(
        images,
        {name: outputs[theirs] for name, theirs in own.items()},
        name="loss_network",
    )
    model.trainable = False
    return model


def compute_features(
    network: keras.Model, images: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Compute the features of images in float32.

    Features have full precision, even under a policy of mixed precision.

    Args:
        network: Model made by `kcv.style.loss_network`.
        images: Images (B, H, W, 3), RGB in 0..255.

    Returns:
        Features (B, h, w, C) float32 by the name of the layer.
    """
    return {k: tf.cast(x, tf.float32) for k, x in network(images).items()}


def compute_min_side(network: keras.Model) -> int:
    """Return the smallest side of an image that all layers have features of.

    Args:
        network: Model made by `kcv.style.loss_network`.

    Returns:
        Side in pixels: that of a cell of the last layer.
    """
    poolings = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
    return 2 ** sum(isinstance(layer, poolings) for layer in network.layers)


def _copy(layer, pooling):
    if isinstance(layer, keras.layers.MaxPooling2D):
        kind = keras.layers.MaxPooling2D
        if pooling == "average":
            kind = keras.layers.AveragePooling2D
        return kind(2, name=layer.name)
    return layer.__class__.from_config(layer.get_config())


def _own_name(network, layer):
    """Return the name in a network of the ReLU after a layer of VGG."""
    there = {each.name for each in network.layers}
    behind = layer.replace("conv", "relu")
    theirs = re.sub(r"^conv(\d)_(\d)", r"block\1_conv\2", layer)
    for name in (behind, layer, theirs):
        if name in there:
            return name
    raise ValueError(
        f"`layers` must be among those of {network.name}: "
        f"{[x.name for x in network.layers]}. Received: {layer!r}"
    )
