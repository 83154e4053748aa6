import keras
import numpy as np
import pytest

from kcv.faces import FaceNetNN1
from kcv.faces.facenet_nn1 import nn1_trunk
from kcv.faces.inception import PADDINGS
from kcv.layers import Maxout
from tests.faces.conftest import assert_agree
from tests.faces.conftest import golden_input
from tests.weights.conftest import golden_value


@pytest.fixture
def expected(golden):
    with np.load(golden / "networks" / "facenet_nn1.npz") as file:
        return dict(file)


@pytest.mark.parametrize("padding", ["symmetric", "same"])
def test_convolutions_agree_with_torch(padding, expected, set_golden):
    images = keras.Input((220, 220, 3))
    trunk = keras.Model(images, nn1_trunk(images, PADDINGS[padding]))
    for layer in trunk.layers:
        if layer.weights:
            set_golden(layer, f"nn1.{layer.name}.conv")
    x = golden_input("facenet_nn1/input", (1, 220, 220, 3))
    key = "sym" if padding == "symmetric" else padding
    assert_agree(trunk(x), expected[f"{key}_pool4"])
    assert trunk.count_params() == expected["params_conv_with_bias"]


@pytest.mark.parametrize("pairing", ["adjacent", "halves"])
def test_maxout_agrees_with_torch(pairing, expected):
    weight = golden_value("nn1.fc1.weight_small", (20, 24))
    bias = golden_value("nn1.fc1.bias_small", (20,))
    units = golden_input("facenet_nn1/maxout_input", (3, 24)) @ weight.T + bias
    found = Maxout(2, pairing)(units)
    assert_agree(found, expected[f"maxout_{pairing}"])


def test_published_parameter_counts(expected, shapes_only):
    model = FaceNetNN1()
    assert model.count_params() == expected["params_total"] == 140_025_664
    weights = [v for v in model.weights if v.name != "bias"]
    total = sum(np.prod(v.shape) for v in weights)
    assert total == expected["params_weights_only"] == 140_006_592
    counts = {
        layer: model.network.get_layer(layer).kernel.shape
        for layer in ("fc1", "fc2", "fc7128")
    }
    assert counts == {
        "fc1": (12_544, 8_192),
        "fc2": (4_096, 8_192),
        "fc7128": (4_096, 128),
    }


def test_the_small_size_has_574840_parameters_that_learn(shapes_only):
    model = FaceNetNN1(size="small")
    total = sum(np.prod(v.shape) for v in model.trainable_weights)
    assert total == 574_840


@pytest.mark.parametrize("argument", ["size", "padding", "pairing"])
def test_arguments_are_checked(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        FaceNetNN1(**{argument: "openface"})
