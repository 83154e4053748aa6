"""The converters of LiteRT and ONNX."""

import contextlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec

import tensorflow as tf

from kcv.convert.runs import ConversionError
from kcv.convert.tracing import Traced
from kcv.extras import describe_installation

# 2023's, which runtimes of today and of some years ago have.
_OPSET = 18


def to_litert(traced: Traced) -> bytes:
    """Convert a traced model to the content of a `.tflite` file.

    Args:
        traced: Model that `kcv.convert.tracing.trace` has traced.

    Returns:
        Content of the file.

    Raises:
        ConversionError: If LiteRT does not have an operation of the model.
        ImportError: If LiteRT is not installed.
    """
    _require("ai_edge_litert")
    # The variables of a Keras model are not found by the converter, which then
    # writes numbers that nobody has set.
    module = tf.Module()
    module.network_variables = [v.value for v in traced.model.variables]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [traced.function.get_concrete_function(*traced.specs)], module
    )
    try:
        with _quiet():
            return converter.convert()
    except Exception as error:
        raise ConversionError(
            f"LiteRT does not have all operations of {traced.model.name!r}: "
            f"{_reasons(str(error))}"
        ) from error


def to_onnx(traced: Traced) -> bytes:
    """Convert a traced model to the content of an `.onnx` file.

    Args:
        traced: Model that `kcv.convert.tracing.trace` has traced.

    Returns:
        Content of the file.

    Raises:
        ConversionError: If ONNX does not have an operation of the model, or the
            file would have more than 2 GB.
        ImportError: If tf2onnx or ONNX Runtime is not installed.
    """
    _require("tf2onnx", "onnxruntime")
    import tf2onnx

    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with _quiet():
            proto, _ = tf2onnx.convert.from_function(
                traced.function, traced.specs, opset=_OPSET
            )
            return proto.SerializeToString()
    except Exception as error:
        raise ConversionError(
            f"tf2onnx does not convert {traced.model.name!r}: "
            f"{_reasons(str(error))}"
        ) from error
    finally:
        logger.setLevel(level)


def _require(*packages: str) -> None:
    """Raise ImportError where a package is not installed."""
    for package in packages:
        if find_spec(package) is None:
            raise ImportError(
                f"{package} is missing. {describe_installation('convert')}",
                name=package,
            )


def _reasons(text: str) -> str:
    """Shorten the message of a converter, which may have hundreds of lines."""
    operations = re.findall(r"'(tf\.\w+)' op ", text)
    if operations:
        return ", ".join(dict.fromkeys(operations))
    found = (
        re.findall(r"error: (.+)", text) or text.strip().splitlines() or [""]
    )
    return found[0][:300]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop what libraries in C++ print, which is the graph of the model."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as hidden:
            os.dup2(hidden.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
