"""All of Keras's formats give the same arrays."""

import zipfile

import h5py
import keras
import numpy as np
import pytest

from kcv.weights import load_weights
from kcv.weights.hdf5 import open_layers


def read_layers(path):
    with open_layers(path) as layers:
        return {
            name: [np.asarray(array) for array in arrays]
            for name, arrays in layers.items()
        }


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


# === Files that are not to be trusted ===


@pytest.fixture
def saved(model, tmp_path):
    """A file of weights, and where the kernel of fc8 stands in it."""
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    found = []
    with h5py.File(path, "r") as file:
        file.visititems(
            lambda address, item: (
                found.append(f"{address}/0")
                if item.attrs.get("name") == "fc8"
                else None
            )
        )
    (address,) = found
    return path, address


def external_storage(file, address, shape, secret):
    size = 4 * int(np.prod(shape))
    file.create_dataset(address, shape, "<f4", external=[(secret, 0, size)])


def external_link(file, address, shape, secret):
    with h5py.File(f"{secret}.h5", "w") as other:
        other["values"] = np.zeros(shape, "float32")
    file[address] = h5py.ExternalLink(f"{secret}.h5", "values")


def soft_link(file, address, shape, secret):
    external_link(file, "elsewhere", shape, secret)
    file[address] = h5py.SoftLink("/elsewhere")


def virtual_dataset(file, address, shape, secret):
    with h5py.File(f"{secret}.h5", "w") as other:
        other["values"] = np.zeros(shape, "float32")
    layout = h5py.VirtualLayout(tuple(shape), "<f4")
    layout[:] = h5py.VirtualSource(f"{secret}.h5", "values", tuple(shape))
    file.create_virtual_dataset(address, layout)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("replace", "message"),
    [
        (external_storage, "in other files"),
        (external_link, "ExternalLink"),
        (soft_link, "SoftLink"),
        (virtual_dataset, "in other files"),
    ],
)
def test_no_file_makes_kcv_read_another(
    replace, message, packed, model, saved, tmp_path
):
    path, address = saved
    secret = tmp_path / "secret"
    secret.write_bytes(b"root:x:0:0:root:" * 1000)
    kernel = model.get_layer("fc8").kernel
    with h5py.File(path, "a") as file:
        del file[address]
        replace(file, address, kernel.shape, str(secret))
    if packed:
        inside, path = path, tmp_path / "model.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(inside, "model.weights.h5")
    before = kernel.numpy()
    with pytest.raises(ValueError, match=rf"{path.name} .*{message}"):
        load_weights(model, path)
    np.testing.assert_array_equal(kernel, before)


@pytest.mark.parametrize("whole", [True, False])
def test_groups_behind_links_are_not_read(whole, model, saved):
    path, address = saved
    group = "layers" if whole else address.removesuffix("/0")
    with h5py.File(path, "a") as file:
        del file[group]
        file[group] = h5py.ExternalLink("other.h5", "/")
    with pytest.raises(ValueError, match=r"model\.weights\.h5"):
        load_weights(model, path)


def test_links_of_the_older_format_are_refused(model, tmp_path):
    path = tmp_path / "legacy.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["fc8"]
        file["fc8"] = h5py.ExternalLink("other.h5", "/")
    with pytest.raises(ValueError, match="ExternalLink"):
        load_weights(model, path)


def test_shapes_are_compared_before_memory_is_taken(model, saved):
    """A file of some kilobytes may declare four terabytes."""
    path, address = saved
    with h5py.File(path, "a") as file:
        del file[address]
        file.create_dataset(address, (10**6, 10**6), "<f4", chunks=(64, 64))
    with pytest.raises(ValueError, match=r"fc8/kernel.*\(1000000, 1000000\)"):
        load_weights(model, path)
    report = load_weights(model, path, strict=False, skip_mismatch="fc8")
    assert [m.target for m in report.mismatched] == ["fc8/kernel"]


def test_archives_that_unpack_to_far_more_are_refused(model, tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", bytes(2**27))
    with pytest.raises(ValueError, match="declares 134217728"):
        load_weights(model, path)


def test_values_that_are_no_numbers_are_refused(model, saved):
    path, address = saved
    with h5py.File(path, "a") as file:
        del file[address]
        file[address] = "text"
    with pytest.raises(ValueError, match="where numbers must be"):
        load_weights(model, path)


def test_a_damaged_array_is_named_and_nothing_is_assigned(model, saved):
    path, address = saved
    layer = model.get_layer("fc8")
    with h5py.File(path, "a") as file:
        values = file[address][()]
        del file[address]
        file.create_dataset(
            address, data=values, chunks=values.shape, fletcher32=True
        )
        place = file[address].id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    layer.set_weights([np.ones_like(values)])
    with pytest.raises(ValueError, match=rf"cannot be read at '/{address}'"):
        load_weights(model, path)
    assert (layer.get_weights()[0] == 1).all()


def test_sixteen_bit_weights(tmp_path):
    inputs = keras.Input((3,))
    dense = keras.layers.Dense(2, dtype="bfloat16", name="fc8")
    model = keras.Model(inputs, dense(inputs))
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    (kernel, _) = read_layers(path)["fc8"]
    np.testing.assert_array_equal(kernel, dense.get_weights()[0])
