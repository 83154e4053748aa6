"""Trained models: those that come with kcv, and those at an address.

`kcv.load_model` loads them. A file of a trained model holds the model, its
preparation, the names of its classes, and its card, which says what it was
trained on, what it reached, and what it cannot do.
"""

from kcv.trained.catalog import ModelFile
from kcv.trained.catalog import find_model
from kcv.trained.catalog import list_models
from kcv.trained.downloads import download_model
from kcv.trained.notes import read_card

__all__ = [
    "ModelFile",
    "download_model",
    "find_model",
    "list_models",
    "read_card",
]
