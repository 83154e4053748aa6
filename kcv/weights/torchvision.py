"""Load torchvision's weights into kcv's models."""

import os
import re
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from kcv.extras import describe_installation
from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import assign
from kcv.weights.layers import channels_last
from kcv.weights.layers import leaves
from kcv.weights.pool1 import require_pool1
from kcv.weights.reference import residual_block_name
from kcv.weights.stride import require_stride_in

#: What torchvision subtracts from and divides RGB in 0..1 by.
TORCHVISION_MEAN = (0.485, 0.456, 0.406)
TORCHVISION_STD = (0.229, 0.224, 0.225)

_BATCH_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_LAYER = {"weight": "kernel", "bias": "bias"}
_BLOCK = re.compile(r"layer([1-4])\.(\d+)\.(conv|bn)([123])\.(\w+)$")
_INCEPTION = re.compile(r"inception(\d\w)\.branch(\d(?:\.\d)?)\.(\w+)$")
_BRANCHES = {
    "1": "1x1",
    "2.0": "3x3_reduce",
    "2.1": "3x3",
    "3.0": "5x5_reduce",
    "3.1": "5x5",
    "4.1": "pool_proj",
}
_GOOGLENET_STEM = {
    "conv1": "conv1_7x7_s2",
    "conv2": "conv2_3x3_reduce",
    "conv3": "conv2_3x3",
    "aux1.conv": "loss1_conv",
    "aux2.conv": "loss2_conv",
}
_GOOGLENET_DENSE = {
    "aux1.fc1": "loss1_fc",
    "aux1.fc2": "loss1_classifier",
    "aux2.fc1": "loss2_fc",
    "aux2.fc2": "loss2_classifier",
    "fc": "loss3_classifier",
}
# conv1 to conv5 stand at these places among ReLUs and poolings.
_ALEXNET_CONVOLUTIONS = ((1, 0), (2, 3), (3, 6), (4, 8), (5, 10))
_SHORTCUT = re.compile(r"layer([1-4])\.(\d+)\.downsample\.([01])\.(\w+)$")


def load_torchvision(
    model: keras.Model,
    source: Mapping | str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    fold_scaling: bool | None = None,
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load torchvision's AlexNet, VGG (without BN), ResNet or GoogLeNet.

    They expect RGB in 0..1, less `TORCHVISION_MEAN`, over `TORCHVISION_STD`;
    GoogLeNet's published weights expect it less 0.5, over 0.5. Build the model
    with `include_preprocessing=False` to scale images so, or leave it to the
    model.

    The model is the one that torchvision has: `AlexNet(variant="one-tower")`,
    ResNets of bottlenecks with `stride_in="3x3"`, and
    `GoogLeNet(variant="torchvision")`. Nothing is assigned if anything does not
    fit.

    Args:
        model: A model of `kcv.classification`, or any model with layers of
            these names, at any depth.
        source: State dict from names to arrays or tensors, or path of a .pth or
            .safetensors file that contains it.
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error.
            Defaults to True.
        skip: Prefix or prefixes of the names of layers to leave out on both
            sides, for example `("rpn_", "fc1000")`, or `("loss1_", "loss2_")`
            for a GoogLeNet without auxiliary heads. Defaults to none.
        fold_scaling: Whether to fold the division by 255 and by the standard
            deviation into the first convolution. The model then takes RGB in
            0..255 less 255 times the mean, which is close to Caffe's input. If
            None, it is folded if the model has a layer "preprocessing", as
            classifiers of kcv have, which subtracts and does not divide.
            Defaults to None.
        skip_mismatch: Prefix or prefixes of the names of layers to leave out if
            the source has them in another shape. Defaults to none.

    Returns:
        The report of what matched and what was skipped.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If the library that reads the file is not installed.
        TypeError: If a value of the state dict is not an array.
        ValueError: If the file cannot be read or the weights do not fit.

    Example:

    >>> import kcv
    >>> state = {"conv1.weight": np.zeros((64, 3, 7, 7), "float32")}
    >>> model = kcv.classification.ResNet18(include_top=False)
    >>> report = kcv.weights.load_torchvision(model, state, strict=False)
    >>> report.matched
    ('conv1/kernel',)
    """
    if isinstance(source, Mapping):
        name, state = "The state dict", source
    else:
        name, state = str(source), _read(Path(source))
    state = {key: _as_array(key, value) for key, value in state.items()}
    if any(key.startswith("features.") for key in state):
        weights = _alexnet(state) if _is_alexnet(state) else _vgg(state, name)
    elif any(key.startswith("inception") for key in state):
        weights = _googlenet(state)
    else:
        weights = _resnet(state)
        require_pool1(model, "padded", name)
        if "layer1.0.conv3.weight" in state:
            require_stride_in(model, "3x3", name)
    if fold_scaling is None:
        fold_scaling = any(x.name == "preprocessing" for x in leaves(model))
    if fold_scaling:
        weights = [_fold(weight) for weight in weights]
    return assign(model, weights, name, strict, skip, skip_mismatch)


def _is_alexnet(state):
    first = state.get("features.0.weight")
    return first is not None and first.shape[2:] == (11, 11)


def _alexnet(state):
    layers = {
        **{f"features.{n}": f"conv{i}" for i, n in _ALEXNET_CONVOLUTIONS},
        "classifier.1": "fc6",
        "classifier.4": "fc7",
        "classifier.6": "fc8",
    }
    return _feed_forward(state, layers, channels=256)


def _vgg(state, name):
    # A pooling layer between two convolutions takes one more place than the
    # ReLU alone: 0, 2 | 5, 7 | 10, 12, 14 | ...
    convolutions, block, last = {}, 0, None
    for place in sorted(
        int(match[1])
        for match in (re.match(r"features\.(\d+)\.weight$", k) for k in state)
        if match
    ):
        if last is None or place - last > 2:
            block, number = block + 1, 0
        number += 1
        convolutions[f"features.{place}"] = f"conv{block}_{number}"
        last = place
    if last is None or "features.1.running_mean" in state:
        raise ValueError(
            f"{name} is of a network with batch normalization or of another "
            "family, and kcv's VGG has none: take the weights of torchvision's "
            "vgg16 or vgg19."
        )
    layers = convolutions | {
        "classifier.0": "fc6",
        "classifier.3": "fc7",
        "classifier.6": "fc8",
    }
    channels = state[f"features.{last}.weight"].shape[0]
    return _feed_forward(state, layers, channels)


def _feed_forward(state, layers, channels):
    """Address layers without normalization; fc6 sees that many channels."""
    weights = []
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        target = None
        if layer in layers and kind in _LAYER:
            target = f"{layers[layer]}/{_LAYER[kind]}"
        if target == "fc6/kernel":
            value = _channels_last_inputs(value, channels)
        elif kind == "weight":
            value = channels_last(value)
        weights.append(SourceWeight(key, target, value))
    return weights


def _googlenet(state):
    weights = []
    for key, value in state.items():
        if key.endswith("num_batches_tracked"):
            continue
        target = _googlenet_target(key)
        if target in ("loss1_fc/kernel", "loss2_fc/kernel"):
            value = _channels_last_inputs(value, channels=128)
        else:
            value = channels_last(value)
        weights.append(SourceWeight(key, target, value))
    return weights


def _googlenet_target(key):
    layer, _, kind = key.rpartition(".")
    if layer in _GOOGLENET_DENSE and kind in _LAYER:
        return f"{_GOOGLENET_DENSE[layer]}/{_LAYER[kind]}"
    block, _, part = layer.rpartition(".")  # "inception3a.branch2.0", "conv"
    if match := _INCEPTION.match(layer):
        module, branch, part = match.groups()
        address = f"inception_{module}_{_BRANCHES.get(branch)}"
    else:
        address = _GOOGLENET_STEM.get(block)
    if address and part == "conv" and kind in _LAYER:
        return f"{address}/{_LAYER[kind]}"
    if address and part == "bn" and kind in _BATCH_NORM:
        return f"{address}_bn/{_BATCH_NORM[kind]}"
    return None


def _resnet(state):
    parts = [re.match(r"layer([1-4])\.(\d+)\.", key) for key in state]
    blocks = [0, 0, 0, 0]
    for match in filter(None, parts):
        stage = int(match[1]) - 1
        blocks[stage] = max(blocks[stage], int(match[2]) + 1)
    return [
        SourceWeight(key, _resnet_target(key, blocks), channels_last(value))
        for key, value in state.items()
        if not key.endswith("num_batches_tracked")
    ]


def _resnet_target(key, blocks):
    layer, _, kind = key.rpartition(".")
    if match := _BLOCK.match(key):
        stage, block, what, number, kind = match.groups()
        branch = "branch2" + "abc"[int(number) - 1]
        is_convolution = what == "conv"
    elif match := _SHORTCUT.match(key):
        stage, block, place, kind = match.groups()
        branch, is_convolution = "branch1", place == "0"
    else:
        simple = {"conv1": "conv1", "bn1": "bn_conv1", "fc": "fc1000"}
        kinds = _BATCH_NORM if layer == "bn1" else _LAYER
        if layer not in simple or kind not in kinds:
            return None
        return f"{simple[layer]}/{kinds[kind]}"
    # torchvision counts stages from 1, the paper conv2_x to conv5_x.
    address = residual_block_name(int(stage) + 1, int(block), blocks)
    kinds = _LAYER if is_convolution else _BATCH_NORM
    if kind not in kinds:
        return None
    prefix = "res" if is_convolution else "bn"
    return f"{prefix}{address}_{branch}/{kinds[kind]}"


def _channels_last_inputs(value, channels):
    """Reorder inputs that were flattened from (C, H, W) to (H, W, C)."""
    side = round((value.shape[1] / channels) ** 0.5)
    return channels_last(value, flattened=(side, side, channels))


def _fold(weight):
    if weight.target in ("conv1/kernel", "conv1_1/kernel"):
        scale = 255 * np.asarray(TORCHVISION_STD, "float32")
    elif weight.target == "conv1_7x7_s2/kernel":
        scale = np.full(3, 127.5, "float32")  # torchvision's transform_input
    else:
        return weight
    value = weight.value / scale[:, None]  # (H, W, 3, out)
    return SourceWeight(weight.origin, weight.target, value)


def _as_array(key, value):
    if hasattr(value, "detach"):  # a torch tensor, maybe bfloat16
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
        value = value.numpy()
    if not isinstance(value, np.ndarray):
        raise TypeError(
            f"The state dict's {key!r} is a {type(value).__name__}, not an "
            "array. If this is a whole checkpoint, pass the state dict that "
            "is inside it."
        )
    return value


def _read(path):
    if path.suffix.lower() not in (".pth", ".pt", ".safetensors"):
        raise ValueError(
            f"{path} is not a file of torch weights: expected .pth, .pt or "
            ".safetensors."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of weights at {path}.")
    read = (
        _read_safetensors
        if path.suffix.lower() == ".safetensors"
        else _read_pth
    )
    return read(path)


def _read_pth(path):
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs torch: pip install torch. A .safetensors "
            "file or a dict of arrays needs no torch."
        ) from error
    try:
        # weights_only: a pickle could otherwise run code.
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen kinds
        raise ValueError(
            f"{path} cannot be read by torch: it is truncated, or holds more "
            f"than weights ({type(error).__name__}: {error})."
        ) from error
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{path} holds a {type(state).__name__}, expected a state dict."
        )
    return state


def _read_safetensors(path):
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs safetensors. "
            + describe_installation("weights")
        ) from error
    try:
        return load_file(path)
    except Exception as error:  # its error class is private to the library
        raise ValueError(
            f"{path} cannot be read as safetensors: it is truncated or of "
            f"another kind ({error})."
        ) from error
