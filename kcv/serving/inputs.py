"""What a client sends: numbers, or encoded images as bytes. NumPy alone."""

from typing import Any

import numpy as np

#: Types of numbers that a tensor can have on its way to a server.
NUMBERS = tuple(
    np.dtype(name)
    for name in (
        *("float32", "float64", "float16", "bool"),
        *("int8", "int16", "int32", "int64"),
        *("uint8", "uint16", "uint32", "uint64"),
    )
)


def read_batch(name: str, value: Any) -> np.ndarray:
    """Convert an input of a signature to an array.

    Args:
        name: Name of the input.
        value: Numbers (NumPy array or nested lists), of which Python floats
            become float32, the dtype of every float that kcv serves. Or byte
            strings (bytes, bytearray, memoryview) in a list or in an array of
            objects.

    Returns:
        Array of numbers, or array of objects, each of which is bytes.

    Raises:
        TypeError: If the value is a single image, text, or neither numbers nor
            byte strings.

    Example:

    >>> read_batch("image_bytes", [b"JPEG", bytearray(b"PNG")])
    array([b'JPEG', b'PNG'], dtype=object)
    """
    if isinstance(value, (bytes, bytearray, memoryview, str)):
        raise TypeError(
            f"`{name}` takes a batch. Received one {type(value).__name__} of "
            f"length {len(value)}; pass a list of bytes: {name}=[...]"
        )
    return as_array(value)


def as_array(value: Any) -> np.ndarray:
    """Convert numbers or byte strings to an array.

    Args:
        value: Array or nested lists of numbers, or byte strings (bytes,
            bytearray, memoryview) in nested lists or in an array of objects.
            Python floats become float32.

    Returns:
        Array of numbers, or array of objects, each of which is bytes, in the
        shape of the value.

    Raises:
        TypeError: If the value is neither numbers nor byte strings, or its
            lists have different lengths.
    """
    if isinstance(value, np.ndarray):
        array = value
    elif _has_bytes(value):
        # NumPy's own byte strings drop trailing zero bytes.
        array = np.array(_to_bytes(value), dtype=object)
    else:
        try:
            array = np.asarray(value)
        except ValueError as error:  # lists of different lengths
            raise TypeError(
                "A tensor to send must hold numbers or byte strings. "
                f"Received: {error}"
            ) from None
        if array.dtype == np.float64:
            array = array.astype(np.float32)
    if array.dtype == object and all(
        isinstance(item, bytes) for item in array.ravel()
    ):
        return array
    if array.dtype not in NUMBERS:
        raise TypeError(
            "A tensor to send must hold numbers or byte strings. Received: "
            f"{type(value).__name__} of dtype {array.dtype}"
        )
    return array


def _has_bytes(value):
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bytes, bytearray, memoryview))


def _to_bytes(value):
    if isinstance(value, (list, tuple)):
        return [_to_bytes(item) for item in value]
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return value
