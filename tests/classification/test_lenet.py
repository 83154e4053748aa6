"""The three counts, the paper's table I and codes, and that it learns."""

import keras
import numpy as np
import pytest

from kcv.classification import LeNet5
from kcv.classification.lenet import C3_TABLE
from kcv.classification.lenet import digit_codes
from kcv.classification.lenet import scaled_tanh
from kcv.weights import load_weights


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_weights)


def test_the_modern_table():
    model = LeNet5()
    assert model.count_params() == 61_706
    table = {
        "C1": (156, (28, 28, 6)),
        "S2": (0, (14, 14, 6)),
        "C3": (2_416, (10, 10, 16)),
        "S4": (0, (5, 5, 16)),
        "C5": (48_120, (120,)),
        "F6": (10_164, (84,)),
        "output": (850, (10,)),
    }
    for name, (count, shape) in table.items():
        layer = model.get_layer(name)
        assert layer.count_params() == count
        assert layer.output.shape[1:] == shape


def test_the_table_of_1998():
    model = LeNet5(variant="1998")
    assert trainable(model) == 60_000
    assert model.count_params() == 60_000 + 84 * 10
    table = {
        "C1": (156, (28, 28, 6)),
        "S2": (12, (14, 14, 6)),
        "C3": (1_516, (10, 10, 16)),
        "S4": (32, (5, 5, 16)),
        "C5": (48_120, (120,)),
        "F6": (10_164, (84,)),
        "output": (840, (10,)),
    }
    for name, (count, shape) in table.items():
        layer = model.get_layer(name)
        assert layer.count_params() == count
        assert layer.output.shape[1:] == shape
    # 6 see three neighbors, 6 see four, 3 see two and two, 1 sees all.
    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    assert len({*C3_TABLE}) == 16
    # Every map of S2 is seen as often as any other.
    assert np.bincount(np.concatenate(C3_TABLE)).tolist() == [10] * 6


def test_the_table_of_caffe():
    model = LeNet5(variant="caffe")
    assert model.count_params() == 431_080
    assert model.get_layer("pool2").output.shape[1:] == (4, 4, 50)
    for name in ("conv1", "conv2"):
        assert model.get_layer(name).activation is keras.activations.linear
    assert model.get_layer("ip1").activation is keras.activations.relu
    kernel = model.get_layer("ip1").get_weights()[0]
    assert np.abs(kernel).max() <= np.sqrt(3 / 800)


def test_the_codes_are_ten_pictures():
    codes = digit_codes()
    assert codes.shape == (84, 10)
    assert set(codes.flat) == {-1, 1}
    distances = [
        np.sum((codes[:, i] - codes[:, j]) ** 2)
        for i in range(10)
        for j in range(i)
    ]
    assert min(distances) >= 4 * 5  # no two share all but a few pixels


def test_the_output_of_1998_knows_a_perfect_code():
    model = LeNet5(variant="1998", classifier_activation=None)
    output = model.get_layer("output")
    scores = np.asarray(output(digit_codes().T))
    np.testing.assert_array_equal(scores.argmax(-1), range(10))
    np.testing.assert_array_equal(np.diag(scores), 0)
    assert not output.trainable


def test_scaled_tanh_is_the_papers():
    x = np.linspace(-3, 3, 13).astype("float32")
    expected = 1.7159 * np.tanh(2 * x / 3)
    np.testing.assert_allclose(scaled_tanh(x), expected, rtol=1e-5)
    np.testing.assert_allclose(scaled_tanh(np.float32([-1, 1])), [-1, 1], 1e-4)


def test_the_switches():
    model = LeNet5(activation="relu", pooling="max")
    assert model.count_params() == 61_706
    for name in ("C1", "C3", "C5", "F6"):
        assert model.get_layer(name).activation is keras.activations.relu
    assert isinstance(model.get_layer("S2"), keras.layers.MaxPooling2D)
    assert isinstance(LeNet5().get_layer("S2"), keras.layers.AveragePooling2D)


@pytest.mark.parametrize("variant", ["modern", "1998", "caffe"])
def test_learns_by_heart_is_saved_and_loaded(variant, tmp_path):
    keras.utils.set_random_seed(0)
    model = LeNet5(variant=variant)
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (32, *model.input_shape[1:])).astype("float32")
    y = rng.integers(0, 10, 32)
    model.compile(
        keras.optimizers.Adam(2e-3),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    steps = 150
    many = (np.tile(x, (steps, 1, 1, 1)), np.tile(y, steps))
    model.fit(*many, batch_size=32, shuffle=False, verbose=0)
    assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] == 1

    path = tmp_path / "lenet.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded(x), model(x))
    other = LeNet5(variant=variant)
    load_weights(other, path)  # by the names of layers
    np.testing.assert_array_equal(other(x), model(x))
    trunk = LeNet5(include_top=False, variant=variant, weights=path)
    last = "pool2" if variant == "caffe" else "S4"
    assert trunk.layers[-1].name.startswith(last)


@pytest.mark.parametrize(
    ("variant", "side"), [("modern", 12), ("1998", 16), ("caffe", 13)]
)
def test_the_least_size_is_one_cell(variant, side):
    trunk = LeNet5(
        include_top=False, variant=variant, input_shape=(side, side, 1)
    )
    assert trunk.output_shape[1:3] == (1, 1)


def test_mixed_precision_answers_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        models = [LeNet5(variant=v) for v in ("modern", "1998", "caffe")]
    finally:
        keras.config.set_dtype_policy("float32")
    for model in models:
        assert model.layers[1].compute_dtype == "bfloat16"
        images = np.zeros((2, *model.input_shape[1:]))
        assert model(images).dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "1989"}, "variant .*'1989'"),
        ({"activation": "sigmoid"}, "activation .*'sigmoid'"),
        ({"pooling": "sum"}, "pooling .*'sum'"),
        ({"variant": "caffe", "pooling": "max"}, "fixed .*pooling='max'"),
        ({"variant": "1998", "classes": 26}, "codes .*received 26"),
        ({"input_shape": (None, None, 1)}, "C5 needs images of one size"),
        ({"input_shape": (11, 28, 1)}, "at least 12x12"),
        ({"input_shape": (12, 12, 1), "variant": "caffe"}, "at least 13x13"),
        ({"classes": 0}, "received 0"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        LeNet5(**arguments)
