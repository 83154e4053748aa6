"""Load the weights in Caffe's .caffemodel files into kcv's models."""

import math
import os
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from kcv.extras import describe_installation
from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import as_prefixes
from kcv.weights.assignment import assign
from kcv.weights.caffe_names import rename_layers
from kcv.weights.caffe_scales import convert_scale_and_shift
from kcv.weights.caffe_scales import convert_statistics
from kcv.weights.caffe_scales import require_scale
from kcv.weights.layers import channels_last
from kcv.weights.layers import flattened_maps
from kcv.weights.layers import leaves
from kcv.weights.pool1 import require_pool1
from kcv.weights.stride import require_stride_in
from kcv.weights.vgg_face import PEOPLE
from kcv.weights.vgg_face import require_vgg_face_mean

_CONVOLUTIONS = ("Convolution", "Deconvolution")
_KERNELS = (*_CONVOLUTIONS, "InnerProduct")
# Of the numbers that stood for types before types had names, these have
# weights. BN is a type of DeconvNet's and SegNet's branches of Caffe alone.
_V1_TYPES = {
    4: "Convolution",
    14: "InnerProduct",
    39: "Deconvolution",
    43: "BN",
}
_EPSILON = 1e-5  # of BatchNorm, where a file names none


class _Layer(NamedTuple):
    """A layer of a file, whatever its version."""

    name: str
    type: str
    bottom: str | None  # the first blob that it reads
    tops: tuple[str, ...]  # those that it writes
    blobs: list[np.ndarray]
    transposed: bool  # InnerProduct whose kernel is (in, out)
    epsilon: float  # of BatchNorm


def load_caffe(
    model: keras.Model,
    path: str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    bgr: bool = True,
    names: Mapping[str, str] | None = None,
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load the weights of a .caffemodel file, of any version since 2014.

    Layers are matched by name, and "/", which Keras forbids, becomes "_":
    "inception_3a/1x1" is for "inception_3a_1x1". BatchNorm and the Scale
    behind it become one batch normalization, which also takes up the bias of
    the convolution before it where the model's has none, as in He's
    ResNet-50. A BN layer of SegNet and DeconvNet stores a scale and a shift,
    into which their authors' scripts put the statistics of the training set.
    It becomes a batch normalization of mean 0 and variance 1. A snapshot from
    before these scripts needs `kcv.segmentation.recompute_batch_norm`. Names
    of these networks that differ from kcv's are translated. He's ResNets have
    stride 2 in the 1x1 convolution (`stride_in="1x1"`) and a pooling without a
    border (`pool1="ceil"`). A file has no mean: subtract that of its authors.
    For VGG-Face, a VGG-16 of 2,622 people, it is `VGG_FACE_MEAN`. Nothing is
    assigned if anything does not fit.

    Args:
        model: A model whose layers have Caffe's names, at any depth. A dense
            layer may stand where Caffe has a convolution and the reverse, if
            the sizes agree. A dense layer behind a Flatten must be called on
            symbolic tensors, as in a functional model: the map below it
            tells the order of its inputs.
        path: Path of the .caffemodel file.
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error.
            Defaults to True.
        skip: Prefix or prefixes of the names of layers to leave out on both
            sides, as the model names them. GoogLeNet without its auxiliary
            heads needs `("loss1", "loss2")`. Defaults to none.
        bgr: Whether the network was trained on BGR, as Caffe's are. If so, a
            first convolution of three channels is reversed, and the model takes
            RGB. Defaults to True.
        names: Mapping from the names of layers in the file to those in the
            model, where they differ. If None, all layers have the same names.
            Defaults to None.
        skip_mismatch: Prefix or prefixes of the names of layers to leave out if
            the file has them in another shape. Defaults to none.

    Returns:
        The report of what matched and what was skipped.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If protobuf is not installed.
        ValueError: If the file cannot be read or the weights do not fit.

    Example:

    ```python
    model = kcv.classification.VGG16()
    report = kcv.weights.load_caffe(model, "VGG_ILSVRC_16_layers.caffemodel")
    ```
    """
    path = Path(path)
    layers = _read(path)
    names = names or {}
    skip = as_prefixes(skip)
    unknown = sorted(set(names) - {layer.name for layer in layers})
    if unknown:
        raise ValueError(
            f"names: {path} has no layers {', '.join(unknown)}; it has "
            f"{', '.join(layer.name for layer in layers if layer.blobs)}."
        )
    for layer in leaves(model):
        if getattr(layer, "convention", "caffe") != "caffe":
            raise ValueError(
                f"{path} is of Caffe, whose normalization has other numbers "
                f"than {layer.name!r} of the model {model.name!r}: build it "
                'with variant="caffe", or ZFNet with lrn="caffe".'
            )
    with_weights = [layer.name for layer in layers if layer.blobs]
    names = {**rename_layers(with_weights), **names}
    if any(layer.name == "res3a_branch2c" for layer in layers):
        require_stride_in(model, "1x1", str(path))
        require_pool1(model, "ceil", str(path))
    if any(_is_classifier(layer, "fc8", PEOPLE) for layer in layers):
        require_vgg_face_mean(model, str(path))
    try:
        if bgr:
            _turn_to_rgb(layers)
        weights = _translate(model, layers, names, skip, path)
    except (IndexError, ValueError) as error:
        if str(error).startswith(str(path)):
            raise
        # Arrays of a rank or size that such layers do not have.
        raise ValueError(
            f"{path} has a layer whose blobs do not fit its type: {error}"
        ) from error
    return assign(model, weights, str(path), strict, skip, skip_mismatch)


def _read(path: Path) -> list[_Layer]:
    try:
        from google.protobuf.message import DecodeError

        from kcv.weights.caffe_messages import NetParameter
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs protobuf. {describe_installation('weights')}"
        ) from error
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of weights at {path}.")
    try:
        net = NetParameter.FromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(
            f"{path} cannot be read as a .caffemodel: it is truncated or of "
            f"another kind ({error})."
        ) from error
    layers = [
        _layer(
            message,
            message.type,
            path,
            message.inner_product_param.transpose,
            message.batch_norm_param.eps or _EPSILON,
        )
        for message in net.layer
    ]
    layers += [
        _layer(message, _V1_TYPES.get(message.type, "other"), path)
        for message in net.layers
    ]
    if not any(layer.blobs for layer in layers):
        raise ValueError(
            f"{path} holds no weights: it is not a .caffemodel, or of a Caffe "
            "before 2014, whose upgrade_net_proto_binary brings it up to date."
        )
    return layers


def _layer(message, kind, path, transposed=False, epsilon=_EPSILON):
    arrays = []
    for number, blob in enumerate(message.blobs):
        if blob.HasField("shape"):
            shape = tuple(blob.shape.dim)
        else:
            shape = (blob.num, blob.channels, blob.height, blob.width)
        values = blob.data if len(blob.data) else blob.double_data
        array = np.array(values, np.float32)
        # Python's integers do not overflow, unlike NumPy's.
        if min(shape, default=0) < 0 or array.size != math.prod(shape):
            raise ValueError(
                f"{path}: blob {number} of the layer {message.name!r} has "
                f"{array.size} values, and its shape {shape} takes "
                f"{math.prod(shape)}: the file is damaged."
            )
        arrays.append(array.reshape(shape))
    return _Layer(
        name=message.name,
        type=kind,
        bottom=next(iter(message.bottom), None),
        tops=tuple(message.top),
        blobs=arrays,
        transposed=transposed,
        epsilon=epsilon,
    )


def _is_classifier(layer, name, classes):
    # The bias has one number for each class in every version of the format.
    return layer.name == name and [b.size for b in layer.blobs[1:]] == [classes]


def _turn_to_rgb(layers):
    first = next((x for x in layers if x.blobs and x.type in _KERNELS), None)
    if first and first.type == "Convolution" and first.blobs[0].shape[1] == 3:
        first.blobs[0] = first.blobs[0][:, ::-1]


def _translate(model, layers, names, skip, path):
    shapes = {
        "/".join(v.path.split("/")[-2:]): tuple(v.shape) for v in model.weights
    }
    own_layers = {layer.name: layer for layer in leaves(model)}
    maps = flattened_maps(model)
    weights = []  # of each layer, by the names of Keras
    last = {}  # the layer that wrote a blob last: layers may work in place
    previous = None  # the last layer with weights
    for layer in layers:
        target = names.get(layer.name, layer.name.replace("/", "_"))
        below = last.get(layer.bottom)
        if layer.type in _KERNELS and layer.blobs:
            shape = shapes.get(f"{target}/kernel", ())
            if (
                layer.type == "InnerProduct"
                and len(shape) == 2
                and target not in maps
                and not target.startswith(skip)
                and previous in _CONVOLUTIONS
            ):
                raise ValueError(
                    f"{path}: the order of the inputs of {layer.name!r} "
                    f"follows from the map below {target!r}, and the model "
                    f"{model.name!r} does not tell which that is: make it a "
                    "functional model, or skip the layer."
                )
            variables = _kernel_and_bias(layer, shape, maps.get(target))
        elif layer.type == "BatchNorm" and len(layer.blobs) == 3:
            variables = convert_statistics(
                layer.blobs, layer.epsilon, own_layers.get(target)
            )
            if below and f"{below[0]}/bias" not in shapes:
                # (x + bias) - mean = x - (mean - bias)
                variables["moving_mean"] -= below[1].pop("bias", 0)
        elif layer.type == "BN" and len(layer.blobs) == 2:
            variables = convert_scale_and_shift(
                layer.blobs, own_layers.get(target)
            )
        elif layer.type == "Scale" and isinstance(
            own_layers.get(target), keras.layers.Rescaling
        ):
            require_scale(layer.blobs, own_layers[target], str(path))
            variables = {}
        elif layer.type == "Scale" and below and "moving_mean" in below[1]:
            target = below[0]
            values = map(np.ravel, layer.blobs)  # beta is not in every file
            variables = dict(zip(("gamma", "beta"), values, strict=False))
        else:
            variables = {str(i): value for i, value in enumerate(layer.blobs)}
        weights.append((layer, target, variables))
        for top in layer.tops:
            last[top] = (target, variables)
        previous = layer.type if layer.blobs else previous
    return [
        SourceWeight(f"{layer.name}/{kind}", f"{target}/{kind}", value)
        for layer, target, variables in weights
        for kind, value in variables.items()
    ]


def _kernel_and_bias(layer, shape, flattened):
    """Translate for a variable `shape`, () if the model has none."""
    kernel, *bias = layer.blobs
    if layer.type == "InnerProduct":
        # Without a `shape` of its own it has four sizes: 1, 1, out, in.
        units = kernel.shape[-2 if kernel.shape[:2] == (1, 1) else 0]
        kernel = kernel.reshape(units, -1)
        if layer.transposed:
            kernel = kernel.T
        if len(shape) == 4 and kernel.shape[1] == np.prod(shape[:3]):
            height, width, channels, _ = shape  # a fully convolutional form
            kernel = kernel.reshape(-1, channels, height, width)
    kernel = channels_last(kernel, flattened)
    if len(shape) == 2 and kernel.ndim == 4:
        kernel = kernel.reshape(-1, kernel.shape[-1])
    variables = {"kernel": kernel}
    if bias:
        variables["bias"] = bias[0].ravel()
    return variables
