"""The native loader by itself; kcv's exports go through it in tests/serving."""

import numpy as np
import pytest
import tensorflow as tf

from export import native


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """A SavedModel that gives back what it gets, and fails when told to."""
    module = tf.Module()

    @tf.function(autograph=False)
    def same(floats, ints, bytes_, texts):
        lengths = tf.strings.length(texts)
        return {"f": floats, "i": ints, "u": bytes_, "lengths": lengths}

    @tf.function(autograph=False)
    def python(floats):
        doubled = tf.numpy_function(lambda x: 2 * x, [floats], tf.float32)
        return {"doubled": doubled}

    @tf.function(jit_compile=True, autograph=False)
    def jit(floats):
        return floats * 2

    @tf.function(autograph=False)
    def compiled(floats):
        return {"doubled": jit(floats)}

    @tf.function(autograph=False)
    def names(floats):
        return {"names": tf.constant([["one", ""], ["three", "\u00e9"]])}

    any_shape = tf.TensorSpec(None, name="floats")
    folder = str(tmp_path_factory.mktemp("echo"))
    tf.saved_model.save(
        module,
        folder,
        {
            "same": same.get_concrete_function(
                any_shape,
                tf.TensorSpec(None, tf.int32, name="ints"),
                tf.TensorSpec(None, tf.uint8, name="bytes_"),
                tf.TensorSpec([None], tf.string, name="texts"),
            ),
            "names": names.get_concrete_function(any_shape),
            "python": python.get_concrete_function(any_shape),
            "compiled": compiled.get_concrete_function(any_shape),
        },
    )
    return folder


@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (2, 3, 1, 5)])
def test_tensors_go_in_and_out(program, echo, shape):
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    inputs = {
        "floats": (values / 7).astype(np.float32),
        "ints": (values - 3).astype(np.int32),
        "bytes_": values.astype(np.uint8),
    }
    texts = [b"", b"a,b=\0", bytes(1000)]
    answer = native.run(program, echo, "same", {**inputs, "texts": texts})
    assert answer["lengths"].tolist() == [0, 5, 1000]
    for name, key in zip("fiu", inputs, strict=True):
        assert answer[name].dtype == inputs[key].dtype
        np.testing.assert_array_equal(answer[name], inputs[key])


def test_strings_come_out(program, echo):
    inputs = {"floats": np.ones(1, np.float32)}
    answer = native.run(program, echo, "names", inputs)["names"]
    assert answer.tolist() == [[b"one", b""], [b"three", "\u00e9".encode()]]


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("python", {"floats": np.ones(2, "f4")}, "OpKernel .* 'PyFunc'"),
        ("compiled", {"floats": np.ones(2, "f4")}, "XLA compilation disabled"),
        ("other", {"floats": np.ones(2, "f4")}, "no signature other; .* same"),
        ("python", {"other": np.ones(2, "f4")}, "has no input other"),
        ("python", {"floats": np.ones(2, "f8")}, "dtype <f8, not float32"),
    ],
)
def test_finds_what_loading_in_python_hides(
    program, echo, signature, inputs, message
):
    with pytest.raises(native.NativeError, match=message):
        native.run(program, echo, signature, inputs)


def test_no_model(program, tmp_path):
    with pytest.raises(native.NativeError, match="loading .*NOT_FOUND"):
        native.run(program, tmp_path, "any", {"a": np.ones(1, "f4")})


def test_no_compiler(tmp_path):
    with pytest.raises(FileNotFoundError, match="compiler='no-such-g"):
        native.build(tmp_path / "program", "no-such-g++")


def test_a_compiler_that_fails(tmp_path):
    with pytest.raises(native.NativeError, match="false failed"):
        native.build(tmp_path / "program", "false")
    assert list(tmp_path.iterdir()) == []
