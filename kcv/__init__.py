"""The classic line of CNN computer vision, in Keras.

Subpackages load on first use, so that `import kcv` is quick and a serving
client never pays for TensorFlow. Where Keras is loaded already, they are loaded
at once: `keras.saving.load_model` then knows kcv's classes.
"""

import importlib
import sys

__version__ = "0.2.0"

__all__ = [
    "boxes",
    "classification",
    "constraints",
    "data",
    "detection",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "proposals",
    "segmentation",
    "serving",
    "style",
    "visualize",
    "weights",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"kcv.{name}")
    raise AttributeError(f"module 'kcv' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])


if "keras" in sys.modules:
    for _name in ("classification", "detection", "segmentation", "style"):
        importlib.import_module(f"kcv.{_name}")
