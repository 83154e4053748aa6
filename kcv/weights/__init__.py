"""Importers of published weights."""

import kcv.backend  # noqa: F401

from kcv.weights.assignment import WeightReport
from kcv.weights.caffe import load_caffe
from kcv.weights.files import load_weights
from kcv.weights.keras_applications import load_keras_applications
from kcv.weights.torchvision import TORCHVISION_MEAN
from kcv.weights.torchvision import TORCHVISION_STD
from kcv.weights.torchvision import load_torchvision

__all__ = [
    "TORCHVISION_MEAN",
    "TORCHVISION_STD",
    "WeightReport",
    "load_caffe",
    "load_keras_applications",
    "load_torchvision",
    "load_weights",
]
