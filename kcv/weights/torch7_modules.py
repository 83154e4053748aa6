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

_EPSILON = 1e-5  # of nn's batch normalization
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
    """
    name = module.type.partition(".")[2]
    return name in ("SpatialConvolution", "SpatialConvolutionMM")


def is_batch_normalization(module: TorchObject) -> bool:
    """Return whether a module is a batch normalization of maps.

    Args:
        module: Object of any class.
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
    weight = _array(module, "weight")
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
    weight = _array(module, "weight")
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


def batch_normalization(
    module: TorchObject, epsilon: float
) -> dict[str, LazyArray]:
    """Translate the weights of a batch normalization.

    Args:
        module: SpatialBatchNormalization of any version.
        epsilon: Number that the model's layer adds to the variance. What the
            file's layer adds beyond it goes into the variance.

    Returns:
        `gamma`, `beta`, `moving_mean` and `moving_variance`, all (channels,).

    Raises:
        ModuleError: If fields are missing or disagree.
    """
    own = module.get("eps", _EPSILON)
    if type(own) not in (int, float):
        raise ModuleError(f"contains {module.type} whose 'eps' is not a number")
    mean = _array(module, "running_mean")
    shape = mean.shape
    # The first version stores 1 / sqrt(variance + epsilon) and no variance.
    is_old = "running_var" not in module and "running_std" in module
    variance = _array(module, "running_std" if is_old else "running_var")
    arrays = {"mean": mean, "variance": variance}
    for field in ("weight", "bias"):
        if field in module:
            arrays[field] = _array(module, field)
    if any(
        array.shape != shape or array.ndim != 1 for array in arrays.values()
    ):
        raise ModuleError(
            f"contains {module.type} whose weights have the shapes "
            f"{', '.join(str(array.shape) for array in arrays.values())}"
        )

    def read_variance():
        values = np.asarray(variance, "float64")
        values = values**-2 if is_old else values + own
        return (values - epsilon).astype("float32")

    def lazy(field, default):
        array = arrays.get(field)
        if array is None:
            return LazyArray(shape, lambda: np.full(shape, default, "float32"))
        return LazyArray(shape, lambda: np.asarray(array, "float32"))

    return {
        "gamma": lazy("weight", 1.0),
        "beta": lazy("bias", 0.0),
        "moving_mean": lazy("mean", 0.0),
        "moving_variance": LazyArray(shape, read_variance),
    }


def affine(module: TorchObject, epsilon: float) -> dict[str, LazyArray]:
    """Translate a constant affine layer, y = a x + b, to batch normalization.

    Args:
        module: SpatialConstDiagonal of facebookresearch/deepmask, or any module
            with tensors `a` and `b` of one number for each channel.
        epsilon: Number that the model's layer adds to the variance.

    Returns:
        `gamma`, `beta`, `moving_mean` and `moving_variance`, all (channels,).

    Raises:
        ModuleError: If fields are missing or disagree.
    """
    a, b = _array(module, "a"), _array(module, "b")
    channels = max(a.shape)
    if any(x.shape not in ((channels,), (1, channels, 1, 1)) for x in (a, b)):
        raise ModuleError(
            f"contains {module.type} whose tensors have the shapes {a.shape} "
            f"and {b.shape}"
        )
    shape = (channels,)

    def lazy(read):
        return LazyArray(shape, lambda: np.asarray(read(), "float32").ravel())

    return {
        "gamma": lazy(lambda: a),
        "beta": lazy(lambda: b),
        "moving_mean": lazy(lambda: np.zeros(shape)),
        "moving_variance": lazy(lambda: np.full(shape, 1 - epsilon)),
    }


def _bias(module, outputs):
    if module.get("bias") is None or module["bias"] is False:
        return {}
    bias = _array(module, "bias")
    if bias.shape != (outputs,):
        raise ModuleError(
            f"contains {module.type} of {outputs} outputs, whose bias has the "
            f"shape {bias.shape}"
        )
    return {"bias": LazyArray(bias.shape, lambda: np.asarray(bias, "float32"))}


def _array(module: TorchObject, field: str) -> np.ndarray:
    value = module.get(field)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        raise ModuleError(
            f"contains {module.type} without a tensor of numbers {field!r}"
        )
    return value
