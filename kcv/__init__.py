"""The classic line of CNN computer vision, in Keras.

Subpackages load on first use, so that `import kcv` is quick and a serving
client never pays for TensorFlow. Where Keras is loaded already, they are loaded
at once: `keras.saving.load_model` then knows kcv's classes. `kcv.load_model`
does not depend on the order of imports.
"""

import importlib
import os
import sys
import typing

if typing.TYPE_CHECKING:
    import keras

__version__ = "0.2.0"

__all__ = [
    "boxes",
    "classification",
    "constraints",
    "convert",
    "data",
    "detection",
    "faces",
    "initializers",
    "layers",
    "load_model",
    "losses",
    "masks",
    "metrics",
    "optimizers",
    "proposals",
    "segmentation",
    "serving",
    "style",
    "training",
    "visualize",
    "weights",
]


# What Keras must know of, to load any model of kcv.
_HOMES_OF_CLASSES = (
    "classification",
    "detection",
    "faces",
    "masks",
    "segmentation",
    "style",
)


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"kcv.{name}")
    raise AttributeError(f"module 'kcv' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])


def load_model(
    path: str | os.PathLike, compile: bool = True, **options
) -> "keras.Model":
    """Load a model that `model.save` has written.

    The same as `keras.saving.load_model`, which knows kcv's classes only where
    kcv's chapters have been imported before.

    Args:
        path: Path of the `.keras` file.
        compile: Whether to compile the model as it was when it was saved.
            Defaults to True.
        **options: Further options of `keras.saving.load_model`.

    Returns:
        The model.

    Raises:
        ImportError: If Keras does not run on TensorFlow.
        ValueError: If the file does not exist or does not hold a model.

    Example:

    >>> import kcv
    >>> kcv.classification.LeNet5().save("lenet.keras")
    >>> kcv.load_model("lenet.keras").output_shape
    (None, 10)
    """
    _import_classes()
    import keras

    return keras.saving.load_model(path, compile=compile, **options)


def _import_classes():
    for name in _HOMES_OF_CLASSES:
        importlib.import_module(f"kcv.{name}")


if "keras" in sys.modules and sys.modules["keras"].config.backend() == (
    "tensorflow"
):
    _import_classes()
