"""The published count, the sizes 32, 16, 8, and a short way from chance."""

import keras
import numpy as np
import pytest

from kcv.classification import NetworkInNetwork


@pytest.mark.parametrize("second_pooling", ["max", "average"])
def test_published_count_and_sizes(second_pooling):
    model = NetworkInNetwork(second_pooling=second_pooling)
    assert model.count_params() == 966_986
    sizes = {"cccp2": 32, "pool1": 16, "pool2": 8, "cccp6": 8}
    for name, side in sizes.items():
        assert model.get_layer(name).output.shape[1:3] == (side, side)
    assert model.output_shape == (None, 10)


def test_every_convolution_has_a_relu():
    model = NetworkInNetwork()
    convolutions = [
        x for x in model.layers if isinstance(x, keras.layers.Conv2D)
    ]
    assert len(convolutions) == 9
    assert {x.activation for x in convolutions} == {keras.activations.relu}


def test_the_score_is_the_mean_of_a_classs_map():
    model = NetworkInNetwork(classifier_activation=None, classes=4)
    maps = keras.Model(model.input, model.get_layer("cccp6").output)
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    np.testing.assert_allclose(
        model(images), np.mean(maps(images), (1, 2)), rtol=1e-5, atol=1e-6
    )


def test_other_sizes_are_saved_and_loaded(tmp_path):
    model = NetworkInNetwork(input_shape=(None, None, 3))
    images = np.random.default_rng(0).normal(size=(1, 20, 28, 3))
    model.save(tmp_path / "nin.keras")
    again = keras.models.load_model(tmp_path / "nin.keras")
    np.testing.assert_array_equal(again(images), model(images))


def test_unknown_pooling():
    with pytest.raises(ValueError, match="received 'median'"):
        NetworkInNetwork(second_pooling="median")
