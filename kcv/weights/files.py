"""Load weights, whoever published them."""

import os
from collections.abc import Sequence
from pathlib import Path

import keras

from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import assign
from kcv.weights.caffe import load_caffe
from kcv.weights.hdf5 import read_layers
from kcv.weights.keras_applications import assign_keras_applications
from kcv.weights.keras_applications import is_keras_applications
from kcv.weights.keras_applications import load_keras_applications
from kcv.weights.reference import name_variables
from kcv.weights.torchvision import load_torchvision


def load_weights(
    model: keras.Model,
    source: str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
) -> WeightReport:
    """Load published weights or a file, whoever wrote it.

    A file of kcv's, of keras.applications', of torchvision's or of Caffe's
    tells which it is by its ending and by the names of the layers in it. The
    model takes RGB in 0..255 less the mean afterwards, whichever it is:
    torchvision's scaling is folded into the first convolution, and Caffe's
    BGR is turned round. Weights that kcv saved go from any
    model to any other by the names of the layers, a classifier's into a
    detector for instance.

    Args:
        model: A model whose layers have the reference networks' names.
        source: "imagenet" for the download of keras.applications; or a
            .keras, .weights.h5, .h5, .pth, .pt, .safetensors or .caffemodel
            file.
        strict: Whether variables without a weight and weights without a
            variable are errors; a weight of another shape always is one.
        skip: Beginnings of names of layers to leave out on both sides.

    Returns:
        What matched and what was skipped.

    Raises:
        FileNotFoundError: If the source is neither.
        ImportError: If the library that reads the file is not installed.
        ValueError: If the file cannot be read or the weights do not fit.

    Example:

    >>> import kcv
    >>> small = kcv.classification.ResNet18(classes=2)
    >>> small.save_weights("two.weights.h5")
    >>> trunk = kcv.classification.ResNet18(include_top=False)
    >>> report = load_weights(trunk, "two.weights.h5", skip="fc1000")
    >>> report.skipped
    ('fc1000/kernel', 'fc1000/bias')
    """
    if source == "imagenet":
        return load_keras_applications(model, source, strict, skip)
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f'Weights must be "imagenet" or a file, received {str(path)!r}, '
            "and there is no such file."
        )
    if path.suffix in (".pth", ".pt", ".safetensors"):
        return load_torchvision(model, path, strict, skip, fold_scaling=True)
    if path.suffix == ".caffemodel":
        return load_caffe(model, path, strict, skip)
    layers = read_layers(path)
    if is_keras_applications(layers):
        return assign_keras_applications(model, layers, str(path), strict, skip)
    weights = [
        SourceWeight(f"{layer}/{kind}", f"{layer}/{kind}", value)
        for layer, arrays in layers.items()
        for kind, value in name_variables(arrays).items()
    ]
    return assign(model, weights, str(path), strict, skip)
