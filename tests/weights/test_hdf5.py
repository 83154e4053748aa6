"""All of Keras's formats give the same arrays."""

import zipfile

import h5py
import keras
import numpy as np
import pytest

from kcv.weights.hdf5 import read_layers


@pytest.fixture(scope="module")
def model():
    """A compiled model with a model in it, and layers without weights."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv1_1")(image)
    x = keras.layers.BatchNormalization(name="bn_conv1")(x)
    trunk = keras.Model(image, x, name="trunk")
    x = keras.layers.Flatten()(trunk(image))
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Dense(2, use_bias=False, name="fc8")(x)
    model = keras.Model(image, x)
    model.compile("adam", "mse")
    model.fit(np.ones((2, 8, 8, 3)), np.ones((2, 2)), verbose=0)
    return model


@pytest.mark.parametrize("ending", ["keras", "weights.h5", "h5"])
def test_reads_every_format(model, tmp_path, ending):
    path = tmp_path / f"model.{ending}"
    if ending == "h5":  # Keras 2's format, which Keras 3 still writes
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    elif ending == "keras":
        model.save(path)
    else:
        model.save_weights(path)
    layers = read_layers(path)
    trunk = model.get_layer("trunk")
    expected = {
        "conv1_1": trunk.get_layer("conv1_1").get_weights(),
        "bn_conv1": trunk.get_layer("bn_conv1").get_weights(),
        "fc8": model.get_layer("fc8").get_weights(),
    }
    assert set(layers) == set(expected)
    for name, arrays in expected.items():
        assert len(layers[name]) == len(arrays)
        for read, array in zip(layers[name], arrays, strict=True):
            np.testing.assert_array_equal(read, array)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.h5"):
        read_layers(tmp_path / "nowhere.h5")


@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
def test_a_truncated_file_is_named(model, tmp_path, ending):
    path = tmp_path / f"model.{ending}"
    model.save(path) if ending == "keras" else model.save_weights(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ValueError, match=rf"model\.{ending} .*truncated"):
        read_layers(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no weights")
    with pytest.raises(ValueError, match="model.keras"):
        read_layers(path)
    path = tmp_path / "features.h5"
    with h5py.File(path, "w") as file:
        file["features"] = np.zeros(3)
    with pytest.raises(ValueError, match="holds no weights"):
        read_layers(path)


def test_files_without_names_are_refused(tmp_path):
    path = tmp_path / "early.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/conv2d/vars/0"] = np.zeros((3, 3, 3, 4))
    with pytest.raises(ValueError, match="pass that model"):
        read_layers(path)
