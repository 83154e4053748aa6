"""NumPy arrays to TensorProto and back, without TensorFlow."""

import math
from typing import Any

import numpy as np

from kcv.serving.inputs import as_array
from kcv.serving.messages import TensorProto

# DataType numbers of tensorflow/core/framework/types.proto, and the field that
# holds the values where a sender does not use `tensor_content`.
_DTYPES = {
    1: (np.float32, "float_val"),
    2: (np.float64, "double_val"),
    3: (np.int32, "int_val"),
    4: (np.uint8, "int_val"),
    5: (np.int16, "int_val"),
    6: (np.int8, "int_val"),
    9: (np.int64, "int64_val"),
    10: (np.bool_, "bool_val"),
    17: (np.uint16, "int_val"),
    19: (np.float16, "half_val"),
    22: (np.uint32, "uint32_val"),
    23: (np.uint64, "uint64_val"),
}
_NUMBERS = {np.dtype(dtype): n for n, (dtype, _) in _DTYPES.items()}
_STRING = 7
_BFLOAT16 = 14


def to_tensor_proto(value: Any) -> TensorProto:
    """Encode an array, or a list of byte strings, as a TensorProto.

    Args:
        value: Numbers in a NumPy array or nested lists, or byte strings in a
            list or an object array. Python floats become float32, the dtype of
            every float that kcv serves.

    Returns:
        A `tensorflow.TensorProto`.

    Raises:
        TypeError: Neither numbers nor byte strings.
    """
    array = as_array(value)
    proto = TensorProto()
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if array.dtype == object:
        proto.dtype = _STRING
        proto.string_val.extend(array.ravel().tolist())
    else:
        proto.dtype = _NUMBERS[array.dtype]
        # The wire is little-endian, like every machine that NumPy runs on
        # today; ascontiguousarray would add an axis to a scalar.
        proto.tensor_content = array.tobytes()
    return proto


def to_array(proto: TensorProto, max_bytes: int = 2**31 - 1) -> np.ndarray:
    """Decode a TensorProto, whichever of its two encodings it uses.

    A server answers in `*_val` fields by default and in `tensor_content` when
    told to. In the former a missing tail repeats the last value, and no value
    at all means zeros.

    Args:
        proto: A `tensorflow.TensorProto`, kcv's or the official one.
        max_bytes: Number of bytes that the array may have. A proto of a few
            bytes can declare a shape of any size. Defaults to 2^31 - 1.

    Returns:
        A writable array; strings are `bytes` in an object array, bfloat16
        becomes float32.

    Raises:
        ValueError: A dtype that has no NumPy counterpart, a shape that does
            not belong to the values, or more than `max_bytes`.
    """
    shape = tuple(d.size for d in proto.tensor_shape.dim)
    count = math.prod(shape)  # Python's integers do not overflow.
    size = np.dtype(_DTYPES.get(proto.dtype, (object, ""))[0]).itemsize
    if min(shape, default=1) < 0 or count * size > max_bytes:
        raise ValueError(
            f"TensorProto of shape {shape}, which is negative or of more than "
            f"{max_bytes} bytes"
        )
    if proto.dtype == _STRING:
        strings = np.array([*proto.string_val, None], dtype=object)[:-1]
        return _fill(strings, shape, b"")
    if proto.dtype == _BFLOAT16:
        return _bfloat16(proto, shape)
    if proto.dtype not in _DTYPES:
        raise ValueError(
            f"TensorProto of data type number {proto.dtype}, which this "
            "client cannot decode"
        )
    dtype, field = _DTYPES[proto.dtype]
    if proto.tensor_content:
        flat = np.frombuffer(proto.tensor_content, dtype)
        return flat.reshape(shape).copy()
    if dtype is np.float16:  # 16-bit patterns in 32-bit integers
        bits = np.array(proto.half_val, np.uint16)
        return _fill(bits.view(np.float16), shape, 0)
    return _fill(np.array(getattr(proto, field), dtype), shape, 0)


def _bfloat16(proto, shape):
    """bfloat16 is the upper half of a float32."""
    if proto.tensor_content:
        bits = np.frombuffer(proto.tensor_content, np.uint16).reshape(shape)
    else:
        bits = _fill(np.array(proto.half_val, np.uint16), shape, 0)
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _fill(values, shape, empty):
    """Reshape; repeat the last value where fewer are given than the shape."""
    missing = int(np.prod(shape, dtype=np.int64)) - len(values)
    if missing > 0:
        tail = values[-1] if len(values) else empty
        values = np.concatenate(
            [values, np.full(missing, tail, dtype=values.dtype)]
        )
    return values.reshape(shape)
