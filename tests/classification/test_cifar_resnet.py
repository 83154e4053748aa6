"""The paper's counts and sizes, and a short way from chance."""

import keras
import numpy as np
import pytest

from kcv.classification import CIFARResNet


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_weights)


@pytest.mark.parametrize(
    ("depth", "option_a", "option_b", "hundred_classes"),
    [
        (20, 269_722, 272_474, 275_572),
        (32, 464_154, 466_906, 470_004),
        (44, 658_586, 661_338, 664_436),
        (56, 853_018, 855_770, 858_868),
        (110, 1_727_962, 1_730_714, 1_733_812),
    ],
)
def test_published_parameter_counts(depth, option_a, option_b, hundred_classes):
    assert trainable(CIFARResNet(depth)) == option_a
    assert trainable(CIFARResNet(depth, shortcut="B")) == option_b
    assert trainable(CIFARResNet(depth, classes=100)) == hundred_classes


def test_sizes_and_names():
    model = CIFARResNet(32)
    assert model.name == "cifar_resnet32"
    for stage, side, filters in ((2, 32, 16), (3, 16, 32), (4, 8, 64)):
        layer = model.get_layer(f"res{stage}b4_relu")
        assert layer.output.shape[1:] == (side, side, filters)
    convolutions = [
        x for x in model.layers if isinstance(x, keras.layers.Conv2D)
    ]
    assert len(convolutions) == 31  # and the dense layer


def test_learns_by_heart_is_saved_and_loaded(tmp_path):
    keras.utils.set_random_seed(0)
    model = CIFARResNet(
        8, input_shape=(16, 16, 3), classes=4, include_preprocessing=False
    )
    rng = np.random.default_rng(0)
    x = rng.standard_normal((32, 16, 16, 3)).astype("float32")
    y = rng.integers(0, 4, 32)
    model.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    steps = 60
    many = (np.tile(x, (steps, 1, 1, 1)), np.tile(y, steps))
    model.fit(*many, batch_size=32, shuffle=False, verbose=0)
    assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] == 1

    path = tmp_path / "cifar.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_array_equal(loaded(x), model(x))
    trunk = CIFARResNet(8, include_top=False, weights=path)
    assert trunk(x).shape == (32, 4, 4, 64)


def test_mixed_precision_answers_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = CIFARResNet(8)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("res3a_branch1").compute_dtype == "bfloat16"
    assert model(np.zeros((1, 32, 32, 3))).dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 18}, "received 18"),
        ({"depth": 2}, "received 2"),
        ({"depth": 8, "shortcut": "D"}, "shortcut='D'"),
        ({"depth": 8, "classes": 0}, "received 0"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        CIFARResNet(**arguments)
