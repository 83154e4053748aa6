"""Load the DeepFace and DeepID of the library deepface into kcv's models."""

import math
import os
from collections.abc import Sequence

import keras
import numpy as np

from kcv.weights.assignment import LazyArray
from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import assign
from kcv.weights.hdf5 import Layers
from kcv.weights.hdf5 import open_layers
from kcv.weights.reference import name_variables

_DEEPFACE = ("C1", "C3", "L4", "L5", "L6", "F7")
_LOCAL = ("L4", "L5", "L6")
_DEEPID = {
    "Conv1": "conv1",
    "Conv2": "conv2",
    "Conv3": "conv3",
    "Conv4": "conv4",
}


def load_deepface(
    model: keras.Model,
    path: str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load the weights of a network of the library deepface.

    VGGFace2_DeepFace_weights_val-0.9034.h5 is for `kcv.faces.DeepFace`. It has
    137,774,071 parameters with the softmax layer of 8,631 people. Its locally
    connected layers are Keras 2's.

    deepid_keras_weights.h5 is for `kcv.faces.DeepID2(local_sharing=False)`: the
    library feeds its DeepID with images of 55 x 47 pixels in the order BGR, and
    the first convolution is turned round. Its feature is the sum of two dense
    layers, one on pool3 and one on conv4. This is one dense layer on the
    concatenation of both, whose bias is the sum.

    Both take images in 0..1, as the networks of kcv do behind their
    preprocessing. Nothing is assigned if anything does not fit.

    Args:
        model: Network that takes the weights.
        path: File with the extension .h5.
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error.
            Defaults to True.
        skip: Prefixes of the names of layers that are left out on both sides. A
            DeepFace without a softmax layer takes the file with "softmax".
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
    model = kcv.faces.DeepID2(local_sharing=False)
    report = kcv.weights.load_deepface(model, "deepid_keras_weights.h5")
    ```
    """
    with open_layers(path) as layers:
        if not is_deepface(layers):
            raise ValueError(
                f"{path} must be the DeepFace or the DeepID of the library "
                f"deepface. It has the layers {', '.join([*layers][:5])}, ..."
            )
        return assign_deepface(
            model, layers, str(path), strict, skip, skip_mismatch
        )


def is_deepface(layers: Layers) -> bool:
    """Return whether layers are those of a network of the library deepface.

    Args:
        layers: Arrays of each layer by the layer's name.

    Returns:
        True if they are. kcv's DeepFace has the same names, but kernels of
        another shape in its locally connected layers.
    """
    if {"Conv1", "fc11", "fc12"} <= set(layers):
        return True
    return set(_DEEPFACE) <= set(layers) and len(layers["L4"][0].shape) == 3


def assign_deepface(
    model: keras.Model,
    layers: Layers,
    source: str,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Assign the arrays of a network of the library deepface.

    Args:
        model: Network that takes the weights.
        layers: Arrays of each layer by the layer's name.
        source: Source of the weights, for errors and the report.
        strict: Whether variables without a weight and weights without a
            variable are errors. Defaults to True.
        skip: Prefixes of names of layers that are left out on both sides.
            Defaults to none.
        skip_mismatch: Prefixes of names of layers that are left out if the
            file has them in another shape. Defaults to none.

    Returns:
        The report.

    Raises:
        ValueError: If the weights do not fit.
    """
    if "fc11" in layers:
        weights = _deepid(layers, source)
    else:
        weights = _deepface(model, layers)
    return assign(model, weights, source, strict, skip, skip_mismatch)


def _deepface(model, layers):
    shapes = {
        "/".join(v.path.split("/")[-2:]): tuple(v.shape) for v in model.weights
    }
    weights = []
    for name, arrays in layers.items():
        target = "softmax" if name == "F8" else name
        for kind, value in name_variables(arrays).items():
            if name in _LOCAL and kind == "kernel":
                value = _local_kernel(value, shapes.get(f"{target}/kernel", ()))
            weights.append(
                SourceWeight(f"{name}/{kind}", f"{target}/{kind}", value)
            )
    return weights


def _local_kernel(value, shape):
    """Unfold (places, cells, out) to the shape of a variable, if it fits.

    Both have rows before columns, and channels last within a window.
    """
    if len(shape) != 6:
        return value
    folded = (math.prod(shape[:2]), math.prod(shape[2:5]), shape[5])
    if tuple(value.shape) != folded:
        return value
    return LazyArray(shape, lambda: np.asarray(value).reshape(shape))


def _deepid(layers, source):
    weights = []
    for name, arrays in layers.items():
        if name in ("fc11", "fc12"):
            continue
        target = _DEEPID.get(name)
        for kind, value in name_variables(arrays).items():
            if name == "Conv1" and kind == "kernel":
                value = _to_rgb(value)
            weights.append(
                SourceWeight(
                    f"{name}/{kind}", target and f"{target}/{kind}", value
                )
            )
    return weights + _joined(layers["fc11"], layers["fc12"], source)


def _to_rgb(kernel):
    return LazyArray(
        kernel.shape, lambda: np.asarray(kernel)[:, :, ::-1].copy()
    )


def _joined(first, second, source):
    """Make one dense layer of two whose outputs are added."""
    shapes = [tuple(array.shape) for array in (*first, *second)]
    if (
        len(shapes) != 4
        or len(shapes[0]) != 2
        or len(shapes[2]) != 2
        or not shapes[0][1:] == shapes[1] == shapes[2][1:] == shapes[3]
    ):
        raise ValueError(
            f"{source}: fc11 and fc12 must be dense layers of equal width. "
            f"Received: shapes={shapes}"
        )
    (kernel1, bias1), (kernel2, bias2) = first, second
    inputs = shapes[0][0] + shapes[2][0]
    kernel = LazyArray(
        (inputs, shapes[0][1]),
        lambda: np.concatenate([np.asarray(kernel1), np.asarray(kernel2)]),
    )
    bias = LazyArray(shapes[1], lambda: np.asarray(bias1) + np.asarray(bias2))
    return [
        SourceWeight("fc11 + fc12/kernel", "deepid/kernel", kernel),
        SourceWeight("fc11 + fc12/bias", "deepid/bias", bias),
    ]
