"""Weights of the normalization layers of Torch7's package nn.

A file is not trusted: a field may be missing, of another type, or of a shape
that disagrees with the others. No values are read before their shape has been
compared with a model's.
"""

import numpy as np

from kcv.weights.assignment import LazyArray
from kcv.weights.torch7 import TorchObject
from kcv.weights.torch7_modules import ModuleError
from kcv.weights.torch7_modules import get_array

_EPSILON = 1e-5  # of nn's batch normalization


def batch_normalization(
    module: TorchObject, epsilon: float
) -> dict[str, LazyArray]:
    """Translate the weights of a batch normalization.

    Args:
        module: SpatialBatchNormalization of any version.
        epsilon: Number that the model's layer adds to the variance. If the
            layer of the file adds another number, the difference is added to
            the variance.

    Returns:
        Dict of `gamma`, `beta`, `moving_mean` and `moving_variance`, each
        (channels,).

    Raises:
        ModuleError: If fields are missing or disagree.
    """
    own = module.get("eps", _EPSILON)
    if type(own) not in (int, float):
        raise ModuleError(f"contains {module.type} whose 'eps' is not a number")
    mean = get_array(module, "running_mean")
    shape = mean.shape
    # The first version stores 1 / sqrt(variance + epsilon) and no variance.
    is_old = "running_var" not in module and "running_std" in module
    variance = get_array(module, "running_std" if is_old else "running_var")
    arrays = {"mean": mean, "variance": variance}
    for field in ("weight", "bias"):
        if field in module:
            arrays[field] = get_array(module, field)
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


def channel_scales(module: TorchObject) -> dict[str, LazyArray]:
    """Translate the scale and shift of an instance normalization.

    Args:
        module: InstanceNormalization of jcjohnson/fast-neural-style.

    Returns:
        Dict of `gamma` and `beta`, each (channels,).

    Raises:
        ModuleError: If fields are missing or disagree.
    """
    scale, shift = get_array(module, "weight"), get_array(module, "bias")
    if scale.ndim != 1 or scale.shape != shift.shape:
        raise ModuleError(
            f"contains {module.type} whose weights have the shapes "
            f"{scale.shape} and {shift.shape}"
        )

    def lazy(array):
        return LazyArray(array.shape, lambda: np.asarray(array, "float32"))

    return {"gamma": lazy(scale), "beta": lazy(shift)}


def affine(module: TorchObject, epsilon: float) -> dict[str, LazyArray]:
    """Translate a constant affine layer, y = a x + b, to batch normalization.

    Args:
        module: SpatialConstDiagonal of facebookresearch/deepmask, or any module
            with tensors `a` and `b` of one number for each channel.
        epsilon: Number that the model's layer adds to the variance.

    Returns:
        Dict of `gamma`, `beta`, `moving_mean` and `moving_variance`, each
        (channels,).

    Raises:
        ModuleError: If fields are missing or disagree.
    """
    a, b = get_array(module, "a"), get_array(module, "b")
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
