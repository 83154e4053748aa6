"""The file tells who wrote it."""

import keras
import numpy as np
import pytest

from kcv.classification import VGG16
from kcv.classification import ResNet18
from kcv.weights import load_weights


@pytest.fixture(scope="module")
def trained():
    keras.utils.set_random_seed(0)
    return ResNet18(input_shape=(32, 32, 3), classes=2)


@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
def test_own_weights_go_to_another_model(trained, tmp_path, ending):
    path = tmp_path / f"model.{ending}"
    trained.save(path) if ending == "keras" else trained.save_weights(path)
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3))
    whole = ResNet18(input_shape=(32, 32, 3), classes=2, weights=path)
    np.testing.assert_array_equal(whole(x), trained(x))

    trunk = ResNet18(include_top=False, weights=path)
    last = trained.get_layer("res5b_relu").output
    expected = keras.Model(trained.input, last)(x)
    np.testing.assert_allclose(trunk(x), expected, rtol=1e-6)


def test_the_wrong_network_is_refused(trained, tmp_path):
    path = tmp_path / "model.weights.h5"
    trained.save_weights(path)
    with pytest.raises(ValueError, match="model.weights.h5") as error:
        load_weights(VGG16(include_top=False), path)
    assert "conv1_1/kernel" in str(error.value)


def test_original_weights_are_known_by_their_names(vgg16_file):
    report = load_weights(VGG16(include_top=False), vgg16_file)
    assert len(report.matched) == 26
