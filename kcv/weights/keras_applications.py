"""Load keras.applications' VGG and ResNet weights into kcv's models."""

import os
import re
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from kcv.weights.assignment import LazyArray
from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import as_prefixes
from kcv.weights.assignment import assign
from kcv.weights.hdf5 import Layers
from kcv.weights.hdf5 import open_layers
from kcv.weights.pool1 import require_pool1
from kcv.weights.reference import name_variables
from kcv.weights.reference import residual_block_name
from kcv.weights.stride import require_stride_in

# keras.applications' batch normalization adds this much more to the variance.
_EPSILON_EXCESS = np.float32(1.001e-5 - 1e-5)

_VGG = re.compile(r"block([1-5])_conv([1-4])$")
_BLOCK = re.compile(r"conv([2-5])_block(\d+)_([0-3])_(conv|bn)$")
_BRANCHES = {"0": "branch1", "1": "branch2a", "2": "branch2b", "3": "branch2c"}


def load_keras_applications(
    model: keras.Model,
    source: str | os.PathLike | keras.Model = "imagenet",
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load the weights of VGGs and ResNets of keras.applications.

    The model takes RGB in 0..255 less Caffe's mean (123.68, 116.779,
    103.939): the originals take BGR, and the first convolution is
    reversed. The ResNets have stride 2 in the 1x1 convolution
    (`stride_in="1x1"`) and a pooling with a border (`pool1="padded"`). The
    biases of their convolutions are folded into the batch normalization, and
    its larger epsilon into the variances. Nothing is assigned if anything does
    not fit.

    Args:
        model: A model of `kcv.classification`, or any model with layers of
            these names, at any depth.
        source: "imagenet", which downloads the network that fits the model's
            layers, a .weights.h5, .h5 or .keras file, or a model of
            keras.applications. Defaults to "imagenet".
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error.
            Defaults to True.
        skip: Prefix or prefixes of the names of layers to leave out on both
            sides. A Faster R-CNN loads a file that has the classifier with
            `("rpn_", "cls_score", "bbox_pred", "fc8")`, and one without it with
            `("rpn_", "cls_score", "bbox_pred", "fc6", "fc7")`. Defaults to
            none.
        skip_mismatch: Prefix or prefixes of the names of layers to leave out if
            the source has them in another shape. Defaults to none.

    Returns:
        The report of what matched and what was skipped.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be read or the weights do not fit.

    Example:

    >>> import kcv
    >>> original = keras.applications.VGG16(include_top=False, weights=None)
    >>> model = kcv.classification.VGG16(include_top=False)
    >>> report = kcv.weights.load_keras_applications(model, original)
    >>> len(report.matched)
    26
    """
    options: dict[str, Any] = {
        "strict": strict,
        "skip": skip,
        "skip_mismatch": skip_mismatch,
    }
    if source == "imagenet":
        source = _download(model, skip)
    if isinstance(source, keras.Model):
        own = {x.name: x.get_weights() for x in source.layers if x.weights}
        name = f"The model {source.name!r}"
        return assign_keras_applications(model, own, name, **options)
    with open_layers(source) as layers:
        return assign_keras_applications(model, layers, str(source), **options)


def is_keras_applications(layers: Layers) -> bool:
    """Return whether layers have the names of keras.applications' networks.

    Args:
        layers: Layers of a file, by name.

    Returns:
        True if any layer has such a name.
    """
    return any(_VGG.match(n) or _BLOCK.match(n) for n in layers)


def assign_keras_applications(
    model: keras.Model,
    layers: Layers,
    source: str,
    **options,
) -> WeightReport:
    """Assign the arrays of keras.applications' layers, given by name.

    Args:
        model: Model that takes the weights.
        layers: Arrays of each layer by the layer's name.
        source: Source of the weights, for the report.
        **options: Arguments `strict`, `skip` and `skip_mismatch` of
            `kcv.weights.assignment.assign`.

    Returns:
        The report.

    Raises:
        ValueError: If the layers are not of keras.applications, or do not fit.
    """
    if not is_keras_applications(layers):
        raise ValueError(
            f"{source} is not of keras.applications' VGG or ResNet: it has the "
            f"layers {', '.join([*layers][:5])}, ... Weights in kcv's own "
            "names are loaded with kcv.weights.load_weights."
        )
    if any(_BLOCK.match(name) for name in layers):
        require_stride_in(model, "1x1", source)
        require_pool1(model, "padded", source)
        weights = _resnet(layers)
    else:
        weights = _vgg(layers)
    return assign(model, weights, source, **options)


def _vgg(layers):
    dense = {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}
    weights = []
    for name, arrays in layers.items():
        match = _VGG.match(name)
        target = f"conv{match[1]}_{match[2]}" if match else dense.get(name)
        variables = name_variables(arrays)
        if target == "conv1_1":
            variables["kernel"] = _to_rgb(variables["kernel"])
        weights += _addressed(name, target, variables)
    return weights


def _resnet(layers):
    blocks = [0, 0, 0, 0]
    for match in filter(None, map(_BLOCK.match, layers)):
        stage = int(match[1]) - 2
        blocks[stage] = max(blocks[stage], int(match[2]))
    weights = []
    for name, arrays in layers.items():
        target = _resnet_layer(name, blocks)
        variables = name_variables(arrays)
        if target == "conv1":
            variables["kernel"] = _to_rgb(variables["kernel"])
        if name.endswith("_conv"):
            variables.pop("bias", None)  # goes into the normalization
        elif name.endswith("_bn"):
            # (x + bias) - mean = x - (mean - bias)
            _, *biases = layers.get(f"{name.removesuffix('bn')}conv", [None])
            for bias in biases:
                variables["moving_mean"] = _combine(
                    np.subtract, variables["moving_mean"], bias
                )
            variables["moving_variance"] = _combine(
                np.add, variables["moving_variance"], _EPSILON_EXCESS
            )
        weights += _addressed(name, target, variables)
    return weights


def _resnet_layer(name, blocks):
    if match := _BLOCK.match(name):
        stage, block, place, kind = match.groups()
        # Keras counts blocks from 1.
        address = residual_block_name(int(stage), int(block) - 1, blocks)
        prefix = "res" if kind == "conv" else "bn"
        return f"{prefix}{address}_{_BRANCHES[place]}"
    return {
        "conv1_conv": "conv1",
        "conv1_bn": "bn_conv1",
        "predictions": "fc1000",
    }.get(name)


def _addressed(name, target, variables):
    return [
        SourceWeight(
            f"{name}/{kind}", f"{target}/{kind}" if target else None, value
        )
        for kind, value in variables.items()
    ]


def _to_rgb(kernel):
    """Reverse the channels of a kernel (H, W, BGR, out)."""
    return LazyArray(kernel.shape, lambda: np.asarray(kernel)[:, :, ::-1])


def _combine(operation: Callable, array, other):
    """Apply an operation to an array and another of its shape, or a number."""
    if other.shape not in ((), array.shape):
        raise ValueError(
            f"a convolution with biases {other.shape} stands in front of a "
            f"batch normalization of {array.shape}: the weights are damaged."
        )
    return LazyArray(
        array.shape, lambda: operation(np.asarray(array), np.asarray(other))
    )


def _download(model, skip):
    """Download the network whose layers the model has."""
    names = {v.path.split("/")[-2] for v in model.weights if "/" in v.path}
    names = {name for name in names if not name.startswith(as_prefixes(skip))}
    # The layers that tell one network from the others.
    if "conv1_1" in names:
        build = (
            keras.applications.VGG19
            if "conv3_4" in names
            else keras.applications.VGG16
        )
    elif "res2a_branch2c" in names and "res3b7_branch2a" in names:
        build = keras.applications.ResNet152
    elif "res2a_branch2c" in names and "res3b1_branch2a" in names:
        build = keras.applications.ResNet101
    elif "res2a_branch2c" in names and "res3b_branch2a" in names:
        build = keras.applications.ResNet50
    else:
        raise ValueError(
            'weights="imagenet" come from keras.applications, which has '
            "VGG16, VGG19, ResNet50, ResNet101 and ResNet152. The model "
            f"{model.name!r} is another network. torchvision has "
            "AlexNet, VGG-11, GoogLeNet, ResNet-18 and ResNet-34: download its "
            'file and pass weights="FILE.pth"'
        )
    return build(
        include_top=bool(names & {"fc6", "fc7", "fc8", "fc1000"}),
        weights="imagenet",
    )
