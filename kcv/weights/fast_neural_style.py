"""Load the painters of jcjohnson/fast-neural-style (Johnson et al. 2016).

A file holds a table whose `model` is a Sequential of nn, with residual blocks
inside. Its network takes BGR less the mean of VGG and gives the same. The
layers have no names: they are matched by their order.
"""

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
from kcv.weights.torch7 import TorchObject
from kcv.weights.torch7 import read_torch7
from kcv.weights.torch7_assignment import assign_torch7
from kcv.weights.torch7_modules import ModuleError
from kcv.weights.torch7_modules import convolution
from kcv.weights.torch7_modules import flatten
from kcv.weights.torch7_modules import integer
from kcv.weights.torch7_modules import is_batch_normalization
from kcv.weights.torch7_modules import is_convolution
from kcv.weights.torch7_modules import is_full_convolution
from kcv.weights.torch7_modules import transposed_convolution
from kcv.weights.torch7_normalization import batch_normalization
from kcv.weights.torch7_normalization import channel_scales

# Side, stride and padding of the convolutions of a painter.
_GEOMETRY = {
    "conv1": (9, 1, 4),
    "conv2": (3, 2, 1),
    "conv3": (3, 2, 1),
    **{f"res{block}_{n}": (3, 1, 0) for block in range(1, 6) for n in (1, 2)},
    "up1": (3, 2, 1),
    "up2": (3, 2, 1),
    "conv_last": (9, 1, 4),
}
_PADDING = 40  # by reflection, around the image
_RANGE = 150  # of tanh
_EPSILON = 1e-5


def is_fast_neural_style(content: object) -> TypeGuard[Mapping]:
    """Return whether an object of `read_torch7` is a painter's file.

    Args:
        content: Object that `read_torch7` returns.

    Returns:
        True if the object has the fields of a file of fast-neural-style.
    """
    if not isinstance(content, dict):
        return False
    net = content.get("model")
    if not isinstance(net, TorchObject) or net.type != "nn.Sequential":
        return False
    modules = net.get("modules")
    first = modules.get(1) if isinstance(modules, dict) else None
    return (
        isinstance(first, TorchObject)
        and first.type == "nn.SpatialReflectionPadding"
    )


def load_fast_neural_style(
    model: keras.Model,
    path: str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load a painter of fast-neural-style, a .t7 file.

    The ten published painters are `StyleTransformNet(padding="torch")`: those
    of the folder "eccv16" with `normalization="batch"`, the others, which have
    half the filters, with `widths=(16, 32, 64)`. The channels are turned
    round, so that the model takes and gives RGB. The authors' program filters
    what it paints with `kcv.style.median_filter`. Nothing is assigned if
    anything does not fit.

    Args:
        model: A `kcv.style.StyleTransformNet` of the file's widths,
            normalization and upsampling.
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
    painter = kcv.style.StyleTransformNet(
        padding="torch", widths=(16, 32, 64)
    )
    kcv.weights.load_fast_neural_style(painter, "candy.t7")
    image = painter.predict(photograph[None])
    ```
    """
    content = read_torch7(path)
    return assign_torch7(
        model,
        content,
        path,
        translate_fast_neural_style,
        strict,
        skip,
        skip_mismatch,
    )


def translate_fast_neural_style(
    model: keras.Model, content: object
) -> list[SourceWeight]:
    """List the weights of a painter under kcv's names.

    Args:
        model: Model that takes the weights.
        content: Object that `read_torch7` returns.

    Returns:
        The weights.

    Raises:
        ModuleError: If the object is another network, or is padded or enlarged
            otherwise than the model.
    """
    if not is_fast_neural_style(content):
        raise ModuleError(
            "has no Sequential that begins with a reflection as its 'model'"
        )
    modules = flatten(content["model"])
    layers = {layer.name: layer for layer in leaves(model)}
    upsampling = _require_painter(modules)
    if "conv2" in layers and "conv2_pad" not in layers:
        raise ModuleError(
            "is of Torch, which pads both sides of a strided convolution, the "
            f"model {model.name!r} does not: build it with "
            'padding="torch"'
        )
    if ("enlarge1" in layers) != (upsampling == "resize"):
        raise ModuleError(
            "is of a painter that enlarges maps otherwise than the model "
            f'{model.name!r}: build it with upsampling="{upsampling}"'
        )
    return _translate(modules, layers)


def _require_painter(modules):
    """Check what has no weights, and return how maps are enlarged."""
    sides = [integer(modules[0], f"pad_{side}") for side in "lrtb"]
    if sides != [_PADDING] * 4:
        raise ModuleError(f"reflects {sides} pixels, a painter {_PADDING}")
    ranges = [
        module.get("constant_scalar")
        for module in modules
        if module.type == "nn.MulConstant"
    ]
    if ranges != [_RANGE]:
        raise ModuleError(
            f"multiplies the image by {ranges}, a painter by {_RANGE}"
        )
    is_resized = any(
        module.type == "nn.SpatialUpSamplingNearest" for module in modules
    )
    return "resize" if is_resized else "transposed"


def _translate(modules, layers):
    convolutions = [m for m in modules if _has_kernel(m)]
    if len(convolutions) != len(_GEOMETRY):
        raise ModuleError(
            f"has {len(convolutions)} convolutions, a painter {len(_GEOMETRY)}"
        )
    names = dict(zip(map(id, convolutions), _GEOMETRY, strict=True))
    weights, name = [], ""
    for module in modules:
        if id(module) in names:
            name = names[id(module)]
            variables = _kernel(name, module)
            target = name
        elif is_batch_normalization(module):
            target = f"{name}_norm"
            own = layers.get(target)
            variables = batch_normalization(
                module, getattr(own, "epsilon", _EPSILON)
            )
        elif module.type == "nn.InstanceNormalization":
            target = f"{name}_norm"
            own = layers.get(target)
            epsilon = getattr(own, "epsilon", _EPSILON)
            if module.get("eps", _EPSILON) != epsilon:
                raise ModuleError(
                    f"normalizes with eps={module['eps']!r}, the model with "
                    f"{epsilon}"
                )
            variables = channel_scales(module)
        else:
            continue
        weights += [
            SourceWeight(
                f"{module.type} of {name}/{kind}", f"{target}/{kind}", value
            )
            for kind, value in variables.items()
        ]
    return weights


def _has_kernel(module):
    return is_convolution(module) or is_full_convolution(module)


def _kernel(name, module):
    side, stride, padding = _GEOMETRY[name]
    is_full = is_full_convolution(module)
    if name.startswith("up") and not is_full:
        stride = 1  # behind a nearest neighbor
    wanted = {"kW": side, "kH": side, "dW": stride, "dH": stride}
    wanted |= {"padW": padding, "padH": padding}
    if is_full:
        wanted |= {"adjW": 1, "adjH": 1}
    found = {field: integer(module, field, 0) for field in wanted}
    if found != wanted:
        raise ModuleError(
            f"has {module.type} with {found} as {name}, a painter has {wanted}"
        )
    if is_full:
        return transposed_convolution(module)
    # The file takes and gives BGR.
    variables = convolution(module, (2, 1, 0) if name == "conv1" else None)
    if name == "conv_last":
        variables = {
            kind: _reverse_last(value) for kind, value in variables.items()
        }
    return variables


def _reverse_last(array):
    return LazyArray(array.shape, lambda: np.asarray(array)[..., ::-1])
