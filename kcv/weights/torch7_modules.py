"""The weights in the modules of Torch7's package nn, in the order of Keras.

A file is not trusted: a field may be missing, of another type, or of a shape
that disagrees with the others. No values are read before their shape has been
compared with a model's.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kcv.weights.assignment import LazyArray
from kcv.weights.torch7 import TorchObject
from kcv.weights.torch7 import entries

_MAX_SIZE = 2**20
_MAX_MODULES = 10_000


class ModuleError(ValueError):
    """A module of a file is not what its class says; the file is not named."""


def children(module: Any) -> list[TorchObject]:
    """List the modules in a container.

    Args:
        module: Object of a class of nn.

    Returns:
        Its modules in order. The list is empty if it is not a container.

    Raises:
        ModuleError: If the modules are not a table, or something in it is not
            a module.
    """
    modules = module.get("modules")
    if modules is not None and type(modules) is not dict:
        raise ModuleError(
            f"has {type(modules).__name__} as the modules of a {module.type}, "
            "not a table"
        )
    inside = entries(modules or {})
    for child in inside:
        if not isinstance(child, TorchObject):
            raise ModuleError(
                f"has {type(child).__name__} among the modules of a "
                f"{module.type}"
            )
    return inside


def flatten(module: TorchObject) -> list[TorchObject]:
    """List the modules inside a module that are not containers.

    Args:
        module: Object of a class of nn.

    Returns:
        Modules in the order of a depth-first walk, `module` alone if it is not
        a container. A module that stands at two places is listed twice.

    Raises:
        ModuleError: If there are more modules than a network has, as in a
            container that contains itself.
    """
    found, todo = [], [module]
    for _ in range(_MAX_MODULES):
        if not todo:
            return found
        current = todo.pop()
        inside = children(current)
        if not inside:
            found.append(current)
        todo += reversed(inside[:_MAX_MODULES])
    raise ModuleError(f"contains more than {_MAX_MODULES} modules")


def is_convolution(module: TorchObject) -> bool:
    """Return whether a module is a convolution of nn or cudnn.

    Args:
        module: Object of any class.

    Returns:
        True if the class of the module is one of these.
    """
    name = module.type.partition(".")[2]
    return name in ("SpatialConvolution", "SpatialConvolutionMM")


def is_full_convolution(module: TorchObject) -> bool:
    """Return whether a module is a transposed convolution of nn or cudnn.

    Args:
        module: Object of any class.

    Returns:
        True if the class of the module is one of these.
    """
    return module.type.partition(".")[2] == "SpatialFullConvolution"


def is_batch_normalization(module: TorchObject) -> bool:
    """Return whether a module is a batch normalization of maps.

    Args:
        module: Object of any class.

    Returns:
        True if the class of the module is one of these.
    """
    return module.type.endswith(".SpatialBatchNormalization")


def integer(module: TorchObject, field: str, default: int | None = None) -> int:
    """Get a field that is a size, a stride or a number of channels.

    Args:
        module: Object of a class of nn.
        field: Name of the field.
        default: Value if the module lacks the field. If None, the field must
            be there. Defaults to None.

    Returns:
        The number, which no network has much larger.

    Raises:
        ModuleError: If the field is not such a number.
    """
    value = module.get(field, default)
    if type(value) is not int or not 0 <= value <= _MAX_SIZE:
        raise ModuleError(
            f"contains {module.type} whose {field!r} is {value!r}, not a size"
        )
    return value


def convolution(
    module: TorchObject, order: Sequence[int] | None = None, scale: float = 1.0
) -> dict[str, LazyArray]:
    """Translate the weights of a convolution.

    Args:
        module: SpatialConvolution or SpatialConvolutionMM.
        order: For each input channel of the model, the channel of the file
            that it is. If None, the channels have the same order. Defaults to
            None.
        scale: Factor of the kernel. Defaults to 1.0.

    Returns:
        `kernel` (height, width, in, out), and `bias` (out,) if there is one.

    Raises:
        ModuleError: If fields are missing or disagree.
    """
    height, width = integer(module, "kH"), integer(module, "kW")
    inputs = integer(module, "nInputPlane")
    outputs = integer(module, "nOutputPlane")
    shape = (outputs, inputs, height, width)
    weight = get_array(module, "weight")
    # MM stores (out, in * height * width).
    if weight.shape not in (shape, (outputs, math.prod(shape[1:]))):
        raise ModuleError(
            f"contains {module.type} of {inputs} to {outputs} channels and "
            f"{height} x {width} cells, whose weight has the shape "
            f"{weight.shape}"
        )
    if order is not None and len(order) != inputs:
        raise ModuleError(
            f"contains {module.type} of {inputs} channels behind maps of "
            f"{len(order)} channels"
        )

    def read():
        kernel = np.asarray(weight, "float32").reshape(shape)
        kernel = kernel.transpose(2, 3, 1, 0) * np.float32(scale)
        return kernel if order is None else kernel[:, :, order]

    variables = {"kernel": LazyArray((height, width, inputs, outputs), read)}
    return variables | _bias(module, outputs)


def transposed_convolution(module: TorchObject) -> dict[str, LazyArray]:
    """Translate the weights of a transposed convolution.

    Args:
        module: SpatialFullConvolution.

    Returns:
        `kernel` (height, width, out, in), as Keras has it, and `bias` (out,) if
        there is one.

    Raises:
        ModuleError: If fields are missing or disagree.
    """
    height, width = integer(module, "kH"), integer(module, "kW")
    inputs = integer(module, "nInputPlane")
    outputs = integer(module, "nOutputPlane")
    weight = get_array(module, "weight")
    if weight.shape != (inputs, outputs, height, width):
        raise ModuleError(
            f"contains {module.type} of {inputs} to {outputs} channels and "
            f"{height} x {width} cells, whose weight has the shape "
            f"{weight.shape}"
        )
    kernel = LazyArray(
        (height, width, outputs, inputs),
        lambda: np.asarray(weight, "float32").transpose(2, 3, 1, 0),
    )
    return {"kernel": kernel} | _bias(module, outputs)


def linear(
    module: TorchObject, order: Sequence[int] | None = None
) -> dict[str, LazyArray]:
    """Translate the weights of a Linear.

    Args:
        module: Linear.
        order: For each input of the model, the input of the file that it is.
            If None, the inputs have the same order. Defaults to None.

    Returns:
        `kernel` (in, out), and `bias` (out,) if there is one.

    Raises:
        ModuleError: If fields are missing or disagree.
    """
    weight = get_array(module, "weight")
    if weight.ndim != 2 or (
        order is not None and len(order) != weight.shape[1]
    ):
        behind = "" if order is None else f" behind {len(order)} features"
        raise ModuleError(
            f"contains {module.type}{behind} whose weight has the shape "
            f"{weight.shape}"
        )

    def read():
        kernel = np.asarray(weight, "float32").T
        return kernel if order is None else kernel[order]

    kernel = LazyArray(weight.shape[::-1], read)
    return {"kernel": kernel} | _bias(module, weight.shape[0])


def _bias(module, outputs):
    if module.get("bias") is None or module["bias"] is False:
        return {}
    bias = get_array(module, "bias")
    if bias.shape != (outputs,):
        raise ModuleError(
            f"contains {module.type} of {outputs} outputs, whose bias has the "
            f"shape {bias.shape}"
        )
    return {"bias": LazyArray(bias.shape, lambda: np.asarray(bias, "float32"))}


def get_array(module: TorchObject, field: str) -> np.ndarray:
    """Get a field that is a tensor of floating-point numbers.

    Args:
        module: Object of a class of nn.
        field: Name of the field.

    Returns:
        The tensor.

    Raises:
        ModuleError: If the field is not such a tensor.
    """
    value = module.get(field)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise ModuleError(
            f"contains {module.type} without a tensor of numbers {field!r}"
        )
    return value
