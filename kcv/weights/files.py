"""Load weights of any known format."""

import os
from collections.abc import Sequence
from typing import Any

import keras

from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import assign
from kcv.weights.caffe import load_caffe
from kcv.weights.deepface import assign_deepface
from kcv.weights.deepface import is_deepface
from kcv.weights.deepmask import is_deepmask
from kcv.weights.deepmask import translate_deepmask
from kcv.weights.facenet import load_facenet
from kcv.weights.fast_neural_style import is_fast_neural_style
from kcv.weights.fast_neural_style import translate_fast_neural_style
from kcv.weights.hdf5 import open_layers
from kcv.weights.keras_applications import assign_keras_applications
from kcv.weights.keras_applications import is_keras_applications
from kcv.weights.keras_applications import load_keras_applications
from kcv.weights.openface import translate_openface
from kcv.weights.torch7 import read_torch7
from kcv.weights.torch7_assignment import assign_torch7
from kcv.weights.torchvision import load_torchvision
from kcv.weights.trained import address_layers
from kcv.weights.trained import find_weights
from kcv.weights.trained import variables_by_layer


def load_weights(
    model: keras.Model,
    source: str | os.PathLike,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Load published weights, or a file of weights.

    The format is detected from the file extension and the layer names. The
    layers behind the model's preprocessing see RGB in 0..255 less the mean,
    whatever the format: Caffe's and keras.applications' kernels are reversed
    from BGR to RGB, and torchvision's scaling is folded into the first
    convolution. Networks for faces see RGB in 0..1. Weights saved by kcv are
    matched by layer name, so a classifier's can initialize a detector.

    Args:
        model: Model whose layers have the names of the reference networks.
        source: "imagenet" for the weights of keras.applications, which are
            downloaded; the folder of a run, whose model.keras is meant; or a
            .keras, .weights.h5, .h5, .pth, .pt, .safetensors, .caffemodel, .t7
            (OpenFace, DeepMask, SharpMask, fast-neural-style) or .pb
            (davidsandberg/facenet) file.
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error.
            Defaults to True.
        skip: Prefix or prefixes of the names of layers to leave out on both
            sides. Defaults to none.
        skip_mismatch: Prefix or prefixes of the names of layers to leave out if
            the source has them in another shape, such as the classifier of
            another number of classes. Defaults to none.

    Returns:
        The report of what matched and what was skipped.

    Raises:
        FileNotFoundError: If the source is not "imagenet", a file or the
            folder of a run.
        ImportError: If the library that reads the file is not installed.
        ValueError: If the file cannot be read, the run has not finished, or
            the weights do not fit.

    Example:

    >>> import kcv
    >>> small = kcv.classification.ResNet18(classes=2)
    >>> small.save_weights("two.weights.h5")
    >>> trunk = kcv.classification.ResNet18(include_top=False)
    >>> report = load_weights(trunk, "two.weights.h5", skip="fc1000")
    >>> report.skipped
    ('fc1000/kernel', 'fc1000/bias')
    """
    options: dict[str, Any] = {
        "strict": strict,
        "skip": skip,
        "skip_mismatch": skip_mismatch,
    }
    if source == "imagenet":
        return load_keras_applications(model, source, **options)
    path = find_weights(source)
    if path.suffix.lower() in (".pth", ".pt", ".safetensors"):
        return load_torchvision(model, path, fold_scaling=True, **options)
    if path.suffix.lower() == ".caffemodel":
        return load_caffe(model, path, **options)
    if path.suffix.lower() == ".t7":
        content = read_torch7(path)
        translate = translate_openface
        if is_deepmask(content):
            translate = translate_deepmask
        elif is_fast_neural_style(content):
            translate = translate_fast_neural_style
        return assign_torch7(model, content, path, translate, **options)
    if path.suffix.lower() == ".pb":
        return load_facenet(model, path, **options)
    with open_layers(path) as layers:
        if is_keras_applications(layers):
            return assign_keras_applications(
                model, layers, str(path), **options
            )
        if is_deepface(layers):
            return assign_deepface(model, layers, str(path), **options)
        weights = address_layers(variables_by_layer(model), layers)
        return assign(model, weights, str(path), **options)
