"""Load the DeepMask and SharpMask of facebookresearch/deepmask."""

import os
from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypeGuard

import keras
import numpy as np

from kcv.weights.assignment import LazyArray
from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.layers import leaves
from kcv.weights.reference import residual_block_name
from kcv.weights.stride import find_other_stride
from kcv.weights.torch7 import TorchObject
from kcv.weights.torch7 import entries
from kcv.weights.torch7 import read_torch7
from kcv.weights.torch7_assignment import assign_torch7
from kcv.weights.torch7_modules import ModuleError
from kcv.weights.torch7_modules import children
from kcv.weights.torch7_modules import convolution
from kcv.weights.torch7_modules import flatten
from kcv.weights.torch7_modules import is_convolution
from kcv.weights.torch7_modules import linear
from kcv.weights.torch7_normalization import affine
from kcv.weights.torchvision import TORCHVISION_MEAN
from kcv.weights.torchvision import TORCHVISION_STD

_MODELS = ("nn.DeepMask", "nn.SharpMask")
_BRANCHES = ("branch2a", "branch2b", "branch2c", "branch1")
_EPSILON = 1e-5


def is_deepmask(content: object) -> TypeGuard[Mapping]:
    """Tell whether the object of a file is one of the repository's models.

    Args:
        content: Object that `read_torch7` returns.

    Returns:
        True if it is a table with a DeepMask or a SharpMask.
    """
    if not isinstance(content, dict):
        return False
    net = content.get("model")
    return isinstance(net, TorchObject) and net.type in _MODELS


def load_deepmask(
    model: keras.Model,
    path: str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load the model.t7 of a DeepMask or a SharpMask.

    The networks take RGB in 0..1, less `TORCHVISION_MEAN`, over
    `TORCHVISION_STD`. This is folded into the first convolution and the
    normalization behind it, so that the model keeps its own preprocessing.
    With symmetric padding nothing is lost at the borders. The constant affine
    layers of the file become batch normalization without statistics of its
    own. The file of a SharpMask also has the mask branch of the DeepMask that
    it was made from, which kcv's SharpMask lacks and which is left out. Nothing
    is assigned if anything does not fit.

    Args:
        model: `kcv.masks.DeepMask("resnet50")`, or a SharpMask made of one.
        path: File with the extension .t7.
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error.
            Defaults to True.
        skip: Prefixes of the names of layers that are left out on both sides.
            Defaults to none.
        skip_mismatch: Prefixes of the names of layers that are left out if the
            file has them in another shape. Defaults to none.

    Returns:
        The report of what matched and what was skipped.

    Raises:
        FileNotFoundError: If `path` does not exist.
        ValueError: If the file cannot be read, if it contains another network,
            or if the weights do not fit.

    Example:

    ```python
    model = kcv.masks.DeepMask("resnet50")
    report = kcv.weights.load_deepmask(model, "deepmask/model.t7")
    ```
    """
    content = read_torch7(path)
    return assign_torch7(
        model, content, path, translate_deepmask, strict, skip, skip_mismatch
    )


def translate_deepmask(
    model: keras.Model, content: object
) -> list[SourceWeight]:
    """List the weights of a DeepMask or a SharpMask under kcv's names.

    Args:
        model: Model that takes the weights.
        content: Object that `read_torch7` returns.

    Returns:
        The weights.

    Raises:
        ModuleError: If the object is another network.
    """
    if not is_deepmask(content):
        raise ModuleError("has no DeepMask and no SharpMask as its 'model'")
    if (conflict := find_other_stride(model, "3x3")) is not None:
        raise ModuleError(conflict)
    layers = {layer.name: layer for layer in leaves(model)}
    net = content["model"]
    weights = _trunk(_part(net, "trunk"), layers)
    weights += _score(_part(net, "scoreBranch"))
    if net.type == "nn.SharpMask":
        return weights + _refinement(net)
    (mask,) = _of_kind(flatten(_part(net, "maskBranch")), "Linear", 1)
    return weights + _addressed("mask", mask, linear(mask))


def _part(net, field, key=None):
    part = net.get(field)
    if key is not None:
        part = part.get(key) if isinstance(part, dict) else None
        field = f"{field}[{key}]"
    if not isinstance(part, TorchObject):
        raise ModuleError(f"contains {net.type} without a network {field!r}")
    return part


def _of_kind(modules, kind, count):
    found = [m for m in modules if m.type.partition(".")[2] == kind]
    if len(found) != count:
        raise ModuleError(
            f"has {len(found)} modules {kind} where {count} must be"
        )
    return found


def _trunk(trunk, layers):
    stages = [blocks for m in children(trunk) if (blocks := _blocks(m))]
    # Names count blocks by letters, unless the third of four stages is long.
    counts = [*map(len, stages), 0, 0, 0][:4]
    weights = []
    for stage, blocks in enumerate(stages, start=2):
        for number, parts in enumerate(blocks):
            address = residual_block_name(stage, number, counts)
            weights += _block(address, parts, layers)
    others = [
        leaf
        for module in children(trunk)
        if not _blocks(module)
        for leaf in flatten(module)
    ]
    kinds = [m for m in others if is_convolution(m) or _is_affine(m)]
    if [is_convolution(m) for m in kinds] != [True, False, True]:
        raise ModuleError("has a trunk that is not a ResNet of DeepMask's form")
    first, normalization, reduce = kinds
    (vector,) = _of_kind(others, "Linear", 1)
    return [
        *_stem(first, normalization, layers),
        *weights,
        *_addressed("reduce", reduce, convolution(reduce)),
        *_vector(reduce, vector),
    ]


def _blocks(stage):
    """List the residual blocks of a stage, or none if it is not a stage."""
    blocks = [child for child in children(stage) if children(child)]
    return [
        parts
        for block in blocks
        for parts in children(block)[:1]
        if parts.type == "nn.ConcatTable"
    ]


def _block(address, parts, layers):
    modules = [m for m in flatten(parts) if is_convolution(m) or _is_affine(m)]
    convolutions, normalizations = modules[::2], modules[1::2]
    if (
        not all(map(is_convolution, convolutions))
        or not all(map(_is_affine, normalizations))
        or len(convolutions) != len(normalizations)
        or len(convolutions) not in (3, 4)
    ):
        raise ModuleError(f"has another residual block as {address}")
    weights = []
    for branch, module, normalization in zip(
        _BRANCHES, convolutions, normalizations, strict=False
    ):
        name = f"{address}_{branch}"
        weights += _normalized(
            f"res{name}", f"bn{name}", module, normalization, layers
        )
    return weights


def _normalized(name, norm, module, normalization, layers, fold=None):
    """Translate a convolution and the affine layer behind it."""
    epsilon = getattr(layers.get(norm), "epsilon", _EPSILON)
    variables = convolution(module)
    scaled = affine(normalization, epsilon)
    shifts = [variables.pop("bias")] if "bias" in variables else []
    if fold is not None:
        variables["kernel"], shift = fold(variables["kernel"])
        shifts.append(shift)
    if any(shift.shape != scaled["beta"].shape for shift in shifts):
        raise ModuleError(f"has an affine layer of another width than {name}")
    gamma, beta = scaled["gamma"], scaled["beta"]

    def read():
        total = sum(np.asarray(shift) for shift in shifts)
        return np.asarray(beta) + np.asarray(gamma) * total

    if shifts:
        scaled["beta"] = LazyArray(beta.shape, read)
    return _addressed(name, module, variables) + _addressed(
        norm, normalization, scaled
    )


def _stem(module, normalization, layers):
    own = layers.get("preprocessing")
    mean = np.float32(getattr(own, "mean", 0.0))
    std = np.float32(getattr(own, "std", 1.0))
    torch_mean = 255 * np.float32(TORCHVISION_MEAN)
    torch_std = 255 * np.float32(TORCHVISION_STD)

    def fold(kernel):
        # (x - torch_mean) / torch_std, of x = std * y + mean.
        def read():
            return np.asarray(kernel) * (std / torch_std)[..., :, None]

        def read_shift():
            sums = np.asarray(kernel).sum((0, 1))  # (in, out)
            return ((mean - torch_mean) / torch_std) @ sums

        if kernel.shape[2] != 3:
            raise ModuleError(
                f"has a first convolution of {kernel.shape[2]} channels"
            )
        shift = LazyArray(kernel.shape[3:], read_shift)
        return LazyArray(kernel.shape, read), shift

    if own is None:
        fold = None
    return _normalized("conv1", "bn_conv1", module, normalization, layers, fold)


def _vector(reduce, module):
    """Translate a dense layer on maps in the order channel, row, column."""
    channels = convolution(reduce)["kernel"].shape[3]
    inputs = linear(module)["kernel"].shape[0]
    side = round((inputs / max(channels, 1)) ** 0.5)
    if side * side * channels != inputs:
        raise ModuleError(
            f"has a vector of {inputs} inputs behind {channels} channels"
        )
    order = np.arange(inputs).reshape(channels, side, side).transpose(1, 2, 0)
    return _addressed("vector", module, linear(module, order.ravel()))


def _score(branch):
    weights = []
    for number, module in enumerate(
        _of_kind(flatten(branch), "Linear", 2), start=1
    ):
        weights += _addressed(f"score{number}", module, linear(module))
    return weights


def _refinement(net):
    (first,) = _of_kind(flatten(_part(net, "netvs", 0)), "Linear", 1)
    weights = _addressed("M1", first, linear(first))
    modules = len(entries(net.get("neths") or {}))
    for number in range(1, modules + 1):
        for field, letter, count in (("neths", "h", 3), ("netvs", "v", 2)):
            inside = flatten(_part(net, field, number))
            found = _of_kind(inside, "SpatialConvolution", count)
            for place, module in enumerate(found, start=1):
                name = f"{letter}{number}_{place}"
                weights += _addressed(name, module, convolution(module))
    refinement = children(_part(net, "refs", modules))
    (last,) = _of_kind(refinement, "SpatialConvolution", 1)
    return weights + _addressed("final", last, convolution(last))


def _is_affine(module):
    return module.type == "nn.SpatialConstDiagonal"


def _addressed(name, module, variables):
    return [
        SourceWeight(f"{module.type} {name}/{kind}", f"{name}/{kind}", value)
        for kind, value in variables.items()
    ]
