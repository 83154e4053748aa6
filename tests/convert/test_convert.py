"""Conversion to LiteRT and ONNX, where the converters are installed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification import LeNet5
from kcv.commands import main
from kcv.convert import ConversionError
from kcv.convert import convert
from kcv.convert.conversion import compare
from kcv.convert.runs import run_file
from kcv.convert.tracing import parse_size
from kcv.convert.tracing import sample_inputs
from kcv.convert.tracing import trace
from kcv.layers import InstanceNormalization
from kcv.layers import MaxPoolWithSwitches
from kcv.layers import MaxUnpool
from tests.convert.table import CASES
from tests.convert.table import FORMATS
from tests.convert.table import measure
from tests.convert.table import read_page

SUFFIXES = [*FORMATS.values()]


@pytest.fixture(params=SUFFIXES)
def suffix(request):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    return request.param


def unpooling(size=(None, None)):
    """A convolution, switches and their way back, and one more convolution."""
    images = keras.Input((*size, 3))
    x = InstanceNormalization()(keras.layers.Conv2D(4, 3)(images))
    pooled, switches = MaxPoolWithSwitches(3, 2)(x)
    x = MaxUnpool(3, 2)([pooled, switches, x])
    return keras.Model(images, keras.layers.Conv2D(2, 1)(x))


class IncompleteGamma(keras.layers.Layer):
    """A function that neither format has."""

    def call(self, x):
        return tf.math.igamma(1 + x, x)

    def compute_output_shape(self, input_shape):
        return input_shape


def test_a_file_gives_what_the_model_predicts(suffix, tmp_path):
    model = unpooling()
    path = convert(model, tmp_path / f"model{suffix}")
    random = np.random.default_rng(1)
    for shape in ((3, 21, 30, 3), (1, 40, 33, 3)):
        x = random.uniform(0, 255, shape).astype("float32")
        answers = run_file(path, {"images": x})
        expected = {"output": model.predict(x, verbose=0)}
        assert compare(expected, answers, 1e-4) < 1e-5
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_fixed_size(suffix, tmp_path):
    path = convert(
        unpooling(), tmp_path / f"model{suffix}", image_size=(20, 30)
    )
    x = np.zeros((1, 20, 30, 3), "float32")
    assert run_file(path, {"images": x})["output"].shape == (1, 18, 28, 2)


def test_nothing_is_written_where_answers_differ(suffix, tmp_path):
    # Rounding of another runtime, enlarged.
    images = keras.Input((8, 8, 3))
    x = keras.layers.Dense(3)(images) / 255
    model = keras.Model(images, keras.layers.Dense(3)(keras.ops.exp(x)))
    with pytest.raises(ConversionError, match="'output' .* differs .* by"):
        convert(model, tmp_path / f"model{suffix}", tolerance=0)
    assert not [*tmp_path.iterdir()]


def test_an_operation_that_no_converter_has(suffix, tmp_path):
    images = keras.Input((None, None, 3))
    model = keras.Model(images, IncompleteGamma()(images))
    with pytest.raises(ConversionError) as caught:
        convert(model, tmp_path / f"model{suffix}")
    assert "Igamma" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [*tmp_path.iterdir()]


def test_the_command(suffix, tmp_path, capsys):
    run = tmp_path / "run"
    run.mkdir()
    LeNet5().save(run / "model.keras")
    kind = {".tflite": "litert", ".onnx": "onnx"}[suffix]
    words = ["convert", str(run), "--to", kind]
    assert main(words) == 0
    path = run / f"model{suffix}"
    assert str(path) in capsys.readouterr().out
    before = path.read_bytes()
    assert main(words) == 2
    assert path.read_bytes() == before
    error = capsys.readouterr().err
    assert "exists" in error
    assert error.count("\n") == 1
    assert main([*words, "--overwrite"]) == 0
    assert main([*words, "--overwrite", "--image-size", "9x9"]) == 2
    assert "image_size=(9, 9)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "--to", "onnx"], "nowhere does not exist"),
        (["nowhere", "--to", "pdf"], "invalid choice: 'pdf'"),
        (["nowhere"], "--to"),
    ],
)
def test_mistakes_in_the_command_line(words, message, capsys):
    assert main(["convert", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_mistakes_in_python(tmp_path):
    model = unpooling()
    with pytest.raises(ValueError, match="`path` must end in .tflite or .onnx"):
        convert(model, tmp_path / "model.pb")
    with pytest.raises(ValueError, match="`tolerance` must be at least 0"):
        convert(model, tmp_path / "model.onnx", tolerance=-1)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        convert(model, tmp_path / "nowhere" / "model.onnx")
    with pytest.raises(ValueError, match=r"`image_size` .*\(9, 0\)"):
        convert(model, tmp_path / "model.onnx", image_size=(9, 0))

    class Subclass(keras.Model):
        pass

    with pytest.raises(ValueError, match="must be a functional Keras model"):
        trace(Subclass())


@pytest.mark.parametrize("text", ["480", "480x", "0x9", "9x9x3", "a x b"])
def test_sizes_that_are_none(text):
    with pytest.raises(ValueError, match="`image_size` must be"):
        parse_size(text)


def test_comparison():
    expected = {"a": np.float32([0, -100]), "b": np.int32([1, 2])}
    near = {"a": np.float32([0.005, -100]), "b": np.int32([1, 2])}
    assert compare(expected, near, 1e-4) == pytest.approx(5e-5, rel=1e-4)
    for wrong, message in (
        ({**near, "a": np.float32([0.1, -100])}, "differs"),
        ({**near, "a": np.float32([np.nan, -100])}, "differs"),
        ({**near, "b": np.int32([1, 3])}, "differs"),
        ({**near, "b": np.int32([1])}, "another shape"),
        ({"a": near["a"]}, "it is missing"),
    ):
        with pytest.raises(ConversionError, match=message):
            compare(expected, wrong, 1e-4)


def test_samples_of_a_detector():
    images = keras.Input((None, None, 3), name="images")
    sizes = keras.Input((2,), dtype="int32", name="image_sizes")
    boxes = keras.Input((None, 4), name="proposals")
    inputs = {"images": images, "image_sizes": sizes, "proposals": boxes}
    traced = trace(keras.Model(inputs, inputs), (30, 50))
    given = sample_inputs(traced, 0)
    np.testing.assert_array_equal(given["image_sizes"], [[30, 50]] * 2)
    assert given["images"].shape == (2, 30, 50, 3)
    corners = given["proposals"].reshape(-1, 2, 2)
    assert (corners[:, 0] <= corners[:, 1]).all()
    assert (corners <= [50, 30]).all()


def test_the_table_has_every_system():
    assert [*read_page()] == [*CASES]


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", CASES)
def test_the_table_holds(name, kind):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("tf2onnx")
    error = measure(name, kind)
    assert read_page()[name][kind] == ("no" if error else "yes"), error
