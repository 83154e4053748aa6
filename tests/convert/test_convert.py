"""Conversion to LiteRT and ONNX, where the converters are installed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.commands import main
from kcv.convert import ConversionError
from kcv.convert import conversion
from kcv.convert import convert
from kcv.convert.conversion import compare
from kcv.convert.runs import run_file
from kcv.convert.tracing import parse_size
from kcv.convert.tracing import sample_inputs
from kcv.convert.tracing import trace
from kcv.layers import InstanceNormalization
from kcv.layers import MaxPoolWithSwitches
from kcv.layers import MaxUnpool
from tests.convert.table import BUILDERS
from tests.convert.table import FORMATS
from tests.convert.table import VARIANTS
from tests.convert.table import measure
from tests.convert.table import read_page
from tests.convert.table import read_record
from tests.convert.table import write_table
from tests.test_model_contract import IDS
from tests.test_model_contract import MODELS

SUFFIXES = [*FORMATS.values()]


@pytest.fixture(params=SUFFIXES)
def suffix(request):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    return request.param


def unpooling():
    """A convolution, switches and their way back, and one more convolution."""
    images = keras.Input((None, None, 3))
    x = InstanceNormalization()(keras.layers.Conv2D(4, 3)(images))
    pooled, switches = MaxPoolWithSwitches(2)(x)
    x = MaxUnpool(2)([pooled, switches, x])
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
    samples = [
        {"images": random.uniform(0, 255, shape).astype("float32")}
        for shape in ((3, 21, 30, 3), (1, 40, 33, 3))
    ]
    for x, answers in zip(samples, run_file(path, samples), strict=True):
        expected = {"output": np.asarray(model(x["images"]))}
        assert compare(expected, answers, 1e-4) < 1e-5
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_nothing_is_written_where_answers_differ(tmp_path, monkeypatch):
    def convert_nothing(traced):
        return b""

    def shift(file, samples):
        return [{"output": x["images"] + 0.1} for x in samples]

    monkeypatch.setitem(conversion.CONVERTERS, ".onnx", convert_nothing)
    monkeypatch.setattr(conversion, "run_file", shift)
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, keras.layers.ReLU()(images))
    path = tmp_path / "model.onnx"
    with pytest.raises(ConversionError, match="'output' .* differs .* by"):
        convert(model, path)
    assert not [*tmp_path.iterdir()]
    assert convert(model, path, tolerance=1e-3).read_bytes() == b""


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
    images = keras.Input((None, None, 3))
    model = keras.Model(images, keras.layers.Conv2D(2, 3)(images))
    model.save(run / "model.keras")
    path = run / f"model{suffix}"
    path.write_text("a file that was there before")
    kind = {".tflite": "litert", ".onnx": "onnx"}[suffix]
    words = ["convert", str(run), "--to", kind]
    assert main(words) == 2
    assert path.read_text() == "a file that was there before"
    error = capsys.readouterr().err
    assert "exists" in error
    assert error.count("\n") == 1
    assert main([*words, "--overwrite", "--image-size", "20x30"]) == 0
    assert str(path) in capsys.readouterr().out
    (answer,) = run_file(path, [{"images": np.zeros((1, 20, 30, 3), "f4")}])
    assert answer["output"].shape == (1, 18, 28, 2)


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
    subnormal, zero = {"a": np.float32([1e-40])}, {"a": np.float32([0])}
    assert compare(subnormal, zero, 1e-4) < 1e-30
    assert compare(zero, subnormal, 1e-4) < 1e-30
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


def test_every_variant_in_the_table_says_what_it_is():
    for name, case in zip(IDS, MODELS, strict=True):
        assert (name in VARIANTS) == (name != case.name)


def test_the_page_has_the_table_as_it_was_measured():
    assert read_record().keys() <= BUILDERS.keys()
    assert read_page() == write_table(read_record())


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILDERS)
def test_the_table_holds(name):
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("tf2onnx")
    stored = read_record()[name]
    for kind, found in measure(name).items():
        assert isinstance(found, str) == isinstance(stored[kind], str), found
