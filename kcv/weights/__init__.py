"""Importers of published weights."""

import kcv.backend  # noqa: F401

from kcv.weights.assignment import WeightReport
from kcv.weights.caffe import load_caffe
from kcv.weights.deepface import load_deepface
from kcv.weights.deepmask import load_deepmask
from kcv.weights.facenet import load_facenet
from kcv.weights.fast_neural_style import load_fast_neural_style
from kcv.weights.files import load_weights
from kcv.weights.keras_applications import load_keras_applications
from kcv.weights.openface import load_openface
from kcv.weights.torch7 import TorchObject
from kcv.weights.torch7 import read_torch7
from kcv.weights.torchvision import TORCHVISION_MEAN
from kcv.weights.torchvision import TORCHVISION_STD
from kcv.weights.torchvision import load_torchvision
from kcv.weights.trained import TrainedWeights
from kcv.weights.trained import load_trained
from kcv.weights.vgg_face import VGG_FACE_MEAN

__all__ = [
    "TORCHVISION_MEAN",
    "TORCHVISION_STD",
    "VGG_FACE_MEAN",
    "TorchObject",
    "TrainedWeights",
    "WeightReport",
    "load_caffe",
    "load_deepface",
    "load_deepmask",
    "load_facenet",
    "load_fast_neural_style",
    "load_keras_applications",
    "load_openface",
    "load_torchvision",
    "load_trained",
    "load_weights",
    "read_torch7",
]
