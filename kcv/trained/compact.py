"""Small `.keras` files, which Keras reads as it reads any other.

Three things make them small. The state of the optimizer is left out. The values
of kernels, which are the arrays of two or more dimensions, are rounded to few
binary digits and stored as float16, which Keras converts to the type of the
variable when it loads them. Rounded values repeat, so that the compression of
HDF5 shortens them. Vectors, such as biases and statistics, keep every bit.

Figures of such a model must be measured after it was rounded.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from kcv.storage import NamedBuffer

_CONFIG = "config.json"
_METADATA = "metadata.json"
_WEIGHTS = "model.weights.h5"
# Digits of float16 behind the binary point.
_DIGITS = 10
_POLICIES = ("mixed_bfloat16", "mixed_float16")


def round_digits(values: np.ndarray, digits: int) -> np.ndarray:
    """Round floats to a number of binary digits behind the leading one.

    Args:
        values: Finite floats below 65,520 in magnitude. Array of any shape.
        digits: Number of binary digits in [1, 10]. The relative error is at
            most 2 to the power of -(digits + 1), except below 6e-5, where
            float16 has an absolute error of at most 3e-8.

    Returns:
        Rounded values of the same shape. Float16 array.

    Raises:
        ValueError: If `digits` is not in [1, 10], or a value does not fit into
            float16.

    Example:

    >>> round_digits(np.array([1.0, 1.1, 1.2, 1.3]), 2).tolist()
    [1.0, 1.0, 1.25, 1.25]
    """
    if not 1 <= digits <= _DIGITS:
        raise ValueError(
            f"`digits` must be in [1, {_DIGITS}]. Received: digits={digits}"
        )
    mantissa, exponent = np.frexp(np.asarray(values, np.float64))
    steps = 2.0 ** (digits + 1)
    rounded = np.ldexp(np.rint(mantissa * steps) / steps, exponent)
    with np.errstate(over="ignore"):
        stored = rounded.astype(np.float16)
    if not np.isfinite(stored).all():
        raise ValueError(
            "`values` must be finite and fit into float16. Received: values of "
            f"magnitude {np.abs(values).max()}"
        )
    return stored


def shrink(
    content: bytes, digits: int | None, notes: Mapping[str, Any]
) -> bytes:
    """Make a smaller `.keras` file of one that Keras has written.

    Layers of a mixed precision get float32, so that the file runs on any
    machine.

    Args:
        content: Content of the `.keras` file.
        digits: Binary digits of the kernels, see `round_digits`. If None, every
            value is kept, and only the optimizer is left out.
        notes: Entries for the key "kcv" of its metadata.json, as JSON has them.

    Returns:
        Content of the smaller file. The same arguments give the same bytes.

    Example:

    ```python
    packed = shrink(content, digits=3, notes={})
    ```
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        config = json.loads(archive.read(_CONFIG))
        metadata = json.loads(archive.read(_METADATA))
        weights = archive.read(_WEIGHTS)
    config.pop("compile_config", None)
    members: dict[str, str | bytes] = {
        _METADATA: json.dumps({**metadata, "kcv": notes}, indent=1),
        _CONFIG: json.dumps(_in_float32(config)),
        _WEIGHTS: _shrink_weights(weights, digits),
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            # An entry without a time of its own: the same bytes every time.
            archive.writestr(
                zipfile.ZipInfo(name), member, zipfile.ZIP_DEFLATED, 9
            )
    return buffer.getvalue()


def _in_float32(node):
    """Return a configuration whose layers compute in float32."""
    if isinstance(node, list):
        return [_in_float32(child) for child in node]
    if not isinstance(node, dict):
        return node
    if node.get("class_name") == "DTypePolicy":
        name = node.get("config", {}).get("name")
        if name in _POLICIES:
            return {**node, "config": {**node["config"], "name": "float32"}}
    return {key: _in_float32(child) for key, child in node.items()}


def _shrink_weights(content: bytes, digits: int | None) -> bytes:
    buffer = NamedBuffer(_WEIGHTS)
    with (
        h5py.File(io.BytesIO(content), "r") as source,
        # The newest layout has no tree of chunks, which would take more bytes
        # than a small kernel.
        h5py.File(buffer, "w", libver="latest", track_order=False) as target,
    ):

        def copy(name, node):
            if name.startswith("optimizer"):
                return
            if isinstance(node, h5py.Group):
                made = target.require_group(name)
            else:
                made = _write(target, name, node[()], digits)
            for key, value in node.attrs.items():
                made.attrs[key] = value

        source.visititems(copy)
    return buffer.getvalue()


def _write(target, name: str, values: np.ndarray, digits: int | None):
    if values.ndim < 2 or digits is None or values.dtype.kind != "f":
        return target.create_dataset(name, data=values)
    return target.create_dataset(
        name,
        data=round_digits(values, digits),
        chunks=values.shape,
        compression="gzip",
        compression_opts=9,
        shuffle=True,
    )
