"""Tensors on the wire against TensorFlow's own coding of them."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.serving.messages import TensorProto
from kcv.serving.tensors import to_array
from kcv.serving.tensors import to_tensor_proto

_DTYPES = [
    *("float16", "float32", "float64", "bool"),
    *("int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
]


def _values(dtype):
    values = np.array([[0, 1, 2], [100, 3, 1]])
    return (values if dtype[0] in "bu" else values - 2).astype(dtype)


@pytest.mark.parametrize("dtype", _DTYPES)
def test_tensorflow_reads_what_is_encoded(dtype):
    values = _values(dtype)
    proto = tf.make_tensor_proto(0)
    proto.ParseFromString(to_tensor_proto(values).SerializeToString())
    read = tf.make_ndarray(proto)
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("dtype", [*_DTYPES, "bfloat16"])
@pytest.mark.parametrize("as_values", [False, True])
def test_decodes_what_tensorflow_writes(dtype, as_values):
    numpy_dtype = tf.as_dtype(dtype).as_numpy_dtype
    true = _values("float32" if dtype == "bfloat16" else dtype)
    true = true.astype(numpy_dtype)
    # Single values stand in a *_val field; one shorter than the shape repeats
    # its last value.
    if as_values:
        true = np.full((2, 3), true[0, 2])
        proto = tf.make_tensor_proto(true[0, 0])
        for size in (2, 3):
            proto.tensor_shape.dim.add(size=size)
        assert not proto.tensor_content
    else:
        # In tensor_content, except bool and uint16.
        proto = tf.make_tensor_proto(true)
    read = to_array(TensorProto.FromString(proto.SerializeToString()))
    if dtype == "bfloat16":
        true = true.astype(np.float32)
    assert read.dtype == true.dtype
    np.testing.assert_array_equal(read, true)


def test_strings_keep_every_byte():
    values = [b"a\0", b"", b"\xff\0\0"]
    proto = tf.make_tensor_proto(0)
    proto.ParseFromString(to_tensor_proto(values).SerializeToString())
    assert tf.make_ndarray(proto).tolist() == values
    assert to_array(to_tensor_proto(values)).tolist() == values
    nested = to_array(to_tensor_proto([[b"a"], [b"b"]]))
    assert nested.shape == (2, 1)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1, 1)])
def test_shapes_without_values(shape):
    """A scalar stays one, and nothing stays nothing."""
    read = to_array(to_tensor_proto(np.ones(shape, np.float32)))
    np.testing.assert_array_equal(read, np.ones(shape))
    empty = TensorProto(dtype=1)
    for size in shape:
        empty.tensor_shape.dim.add(size=size)
    np.testing.assert_array_equal(to_array(empty), np.zeros(shape))


def test_decoded_arrays_are_writable():
    read = to_array(to_tensor_proto(np.ones(3, np.float32)))
    read += 1
    assert read.tolist() == [2, 2, 2]


def test_python_floats_are_sent_as_float32():
    assert to_array(to_tensor_proto([[1.5, 2.5]])).dtype == np.float32


def test_errors_name_what_was_received():
    with pytest.raises(TypeError, match="list of dtype object"):
        to_tensor_proto([b"bytes", "text"])
    with pytest.raises(TypeError, match="dtype complex128"):
        to_tensor_proto(np.zeros(2, complex))
    with pytest.raises(ValueError, match="number 20"):
        to_array(TensorProto(dtype=20))
