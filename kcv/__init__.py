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
    "trained",
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
    path: str | os.PathLike,
    compile: bool = True,
    *,
    sha256: str | None = None,
    **options,
) -> "keras.Model":
    """Load a model: a file, one that comes with kcv, or one of the web.

    A file is loaded as by `keras.saving.load_model`, which knows kcv's classes
    only where kcv's chapters have been imported before. `kcv.trained` lists the
    models that come with kcv. A file of the web is downloaded once and kept.

    Args:
        path: Path of a `.keras` file, name of a model that comes with kcv, such
            as "faster_rcnn/digit_scenes", or address of a `.keras` file, which
            begins with https://.
        compile: Whether to compile the model as it was when it was saved.
            Defaults to True.
        sha256: SHA-256 checksum of a file of the web, 64 hexadecimal digits.
            http:// needs it. If None, the file is not checked. Defaults to
            None.
        **options: Further options of `keras.saving.load_model`. A file of the
            web is never loaded with `safe_mode=False`, which would run its
            code.

    Returns:
        The model.

    Raises:
        ImportError: If Keras does not run on TensorFlow.
        OSError: If the file cannot be downloaded.
        ValueError: If the file does not exist or does not hold a model, or
            has another checksum.

    Example:

    >>> import kcv
    >>> kcv.classification.LeNet5().save("lenet.keras")
    >>> kcv.load_model("lenet.keras").output_shape
    (None, 10)
    """
    _import_classes()
    import keras

    from kcv.trained import catalog
    from kcv.trained import downloads

    if downloads.is_address(path):
        if not options.get("safe_mode", True):
            raise ValueError(
                "`safe_mode` must be True for a file of the web, whose code "
                f"would run otherwise. Received: safe_mode=False, path={path!r}"
            )
        path = downloads.download_model(os.fspath(path), sha256)
    elif sha256 is not None:
        raise ValueError(
            "`sha256` must be left out, except for an address. Received: "
            f"sha256={sha256!r}, path={str(path)!r}"
        )
    elif "://" not in str(path):
        path = catalog.find_model(path)
    return keras.saving.load_model(path, compile=compile, **options)


def _import_classes():
    for name in _HOMES_OF_CLASSES:
        importlib.import_module(f"kcv.{name}")


if "keras" in sys.modules and sys.modules["keras"].config.backend() == (
    "tensorflow"
):
    _import_classes()
