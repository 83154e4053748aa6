"""Load frozen graphs of davidsandberg/facenet into kcv's FaceNet networks."""

import os
import re
from collections.abc import Mapping
from collections.abc import Sequence

import keras
import numpy as np

from kcv.weights.assignment import LazyArray
from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import assign
from kcv.weights.graph_def import read_constants
from kcv.weights.layers import leaves

_STEM = {"conv1_7x7": "conv1", "conv2_1x1": "conv2a", "conv3_3x3": "conv2"}
_INCEPTION = re.compile(r"incept(\d\w)/(branch\d_\w+/conv\dx\d)$")
_BRANCHES = {
    "branch1_1x1/conv1x1": "1x1",
    "branch2_3x3/conv1x1": "3x3_reduce",
    "branch2_3x3/conv3x3": "3x3",
    "branch3_5x5/conv1x1": "5x5_reduce",
    "branch3_5x5/conv5x5": "5x5",
    "branch4_pool/conv1x1": "pool_proj",
}
_NORMALIZATION = re.compile(r"(.+?)/batch_norm/(.+)$")
# Names of moments differ between versions of TensorFlow.
_MEAN = re.compile(r"moments.*/(mean|Squeeze)/ExponentialMovingAverage$")
_VARIANCE = re.compile(
    r"moments.*/(variance|Squeeze_1)/ExponentialMovingAverage$"
)
_DENSE = {"Bottleneck": "fc", "Logits": "softmax"}
_EPSILON = 1e-3  # of the repository's batch normalization


def load_facenet(
    model: keras.Model,
    path: str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load the weights of an NN2, NN3 or NN4 of davidsandberg/facenet.

    The repository's definitions of these networks (`nn2.py`, `nn3.py`,
    `nn4.py`, `nn4_small2_v1.py`) differ from the paper: all poolings are max
    poolings, padding is TensorFlow's SAME, and there is no local response
    normalization. `padding="facenet"` builds them. Batch normalization and a
    bias follow each convolution. The bias is added to the shift of the
    normalization. Images are standardized one by one, as
    `tf.image.per_image_standardization` does, before they enter the network.
    The repository's later graphs are Inception-ResNets, which kcv does not
    have. Nothing is assigned if anything does not fit.

    Args:
        model: Network with the names of `kcv.faces.FaceNetNN2`, without
            preprocessing of its own.
        path: File with the extension .pb, the result of the repository's
            `freeze_graph.py`.
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
            or if the weights, the pooling or the preprocessing do not fit.

    Example:

    ```python
    model = kcv.faces.FaceNetNN4(
        padding="facenet", batch_norm=True, include_preprocessing=False
    )
    report = kcv.weights.load_facenet(model, "frozen.pb")
    ```
    """
    constants = read_constants(path)
    if any(name.startswith("InceptionResnetV") for name in constants):
        raise ValueError(
            f"{path} is an Inception-ResNet. Of the repository's networks kcv "
            "has NN2, NN3 and NN4."
        )
    if not any(_INCEPTION.match(name.rpartition("/")[0]) for name in constants):
        raise ValueError(
            f"{path} is not of davidsandberg/facenet: it has no constants "
            "'incept3a/...', but "
            f"{', '.join(repr(name) for name in [*constants][:3])}, ..."
        )
    _require_same_network(model, str(path))
    weights = _translate(model, constants)
    return assign(model, weights, str(path), strict, skip, skip_mismatch)


def _require_same_network(model, source):
    """Raise an error if layers without weights differ from the file's."""
    for layer in leaves(model):
        if type(layer).__name__ == "L2Pooling2D" or hasattr(
            layer, "convention"
        ):
            raise ValueError(
                f"{source} is of a network that pools maxima and has no local "
                f"response normalization, and the model {model.name!r} has "
                f'{layer.name}: build it with padding="facenet".'
            )
        if layer.name == "preprocessing":
            raise ValueError(
                f"{source} is of a network for images that were standardized "
                f"one by one, and the model {model.name!r} scales them itself: "
                "build it with include_preprocessing=False and apply "
                "tf.image.per_image_standardization to the images."
            )


def _translate(model, constants):
    layers = {layer.name: layer for layer in leaves(model)}
    weights = []
    shifts: dict[str, LazyArray] = {}  # biases behind the normalization
    for name, value in constants.items():
        scope, _, kind = name.rpartition("/")
        layer = _layer(scope)
        if layer and kind == "biases" and f"{layer}_bn" in layers:
            shifts[layer] = value
    for name, value in constants.items():
        scope, _, kind = name.rpartition("/")
        layer = _layer(scope)
        if kind in ("weights", "biases") and not layer:
            weights.append(SourceWeight(name, None, value))
        elif kind == "weights":
            weights.append(SourceWeight(name, f"{layer}/kernel", value))
            bias = getattr(layers.get(layer), "bias", None)
            if layer in shifts and bias is not None:
                zeros = LazyArray(bias.shape, _Zeros(bias.shape))
                weights.append(SourceWeight(name, f"{layer}/bias", zeros))
        elif kind == "biases":
            if layer not in shifts:
                weights.append(SourceWeight(name, f"{layer}/bias", value))
        elif match := _NORMALIZATION.match(name):
            layer = _layer(match[1])
            variable, value = _statistic(match[2], value, layers, layer, shifts)
            if layer and variable:
                target = f"{layer}_bn/{variable}"
                weights.append(SourceWeight(name, target, value))
    return weights


def _statistic(name, value, layers, layer, shifts: Mapping[str, LazyArray]):
    if name.endswith("gamma"):
        return "gamma", value
    if name.endswith("beta"):
        if layer not in shifts:
            return "beta", value
        shift = shifts[layer]
        if shift.shape != value.shape:
            raise ValueError(
                f"{name}: a bias {shift.shape} stands behind a normalization "
                f"of {value.shape}: the weights are damaged."
            )
        return "beta", LazyArray(
            value.shape, lambda: np.asarray(value) + np.asarray(shift)
        )
    if _MEAN.search(name):
        return "moving_mean", value
    if _VARIANCE.search(name):
        own = getattr(layers.get(f"{layer}_bn"), "epsilon", _EPSILON)
        excess = np.float32(_EPSILON - own)
        return "moving_variance", LazyArray(
            value.shape, lambda: np.asarray(value) + excess
        )
    return None, value


def _layer(scope):
    if scope in _STEM:
        return _STEM[scope]
    if match := _INCEPTION.match(scope):
        module, branch = match.groups()
        return f"inception_{module}_{_BRANCHES.get(branch)}"
    return _DENSE.get(scope)


class _Zeros:
    """Makes zeros of a shape."""

    def __init__(self, shape):
        self._shape = shape

    def __call__(self):
        return np.zeros(self._shape, "float32")
