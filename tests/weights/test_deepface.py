"""Files of the library deepface written here, against NumPy."""

import h5py
import numpy as np
import pytest

from kcv.faces import DeepFace
from kcv.faces import DeepID2
from kcv.faces import Identification
from kcv.weights import load_deepface
from kcv.weights import load_weights


def write(path, layers):
    """Write arrays by the names of layers as Keras 2 saves weights."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = list(layers)
        file.attrs["keras_version"] = "2.2.4-tf"
        for name, arrays in layers.items():
            group = file.create_group(name)
            names = [f"{name}/kernel:0", f"{name}/bias:0"][: len(arrays)]
            group.attrs["weight_names"] = names
            for weight, array in zip(names, arrays, strict=True):
                group[weight] = array
    return path


def normal(*shape, seed=0):
    generator = np.random.default_rng([seed, *shape])
    scale = (2 / np.prod(shape[:-1])) ** 0.5 if len(shape) > 1 else 0.05
    return scale * generator.standard_normal(shape).astype("float32")


def windows(x, side, stride=1):
    """Cut maps (B, H, W, C) into windows (B, rows, columns, ky, kx, C)."""
    cut = np.lib.stride_tricks.sliding_window_view(x, (side, side), (1, 2))
    return cut[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)


def convolve(x, kernel, bias):
    maps = np.tensordot(windows(x, len(kernel)), kernel, 3) + bias
    return np.maximum(maps, 0)


def connect_locally(x, kernel, bias, side, stride=1):
    """Compute Keras 2's layer: one matrix for each place, row by row."""
    cut = windows(x, side, stride)
    batch, rows, columns = cut.shape[:3]
    cut = cut.reshape(batch, rows * columns, -1)
    maps = np.einsum("blk,lkf->blf", cut, kernel)
    return np.maximum(maps.reshape(batch, rows, columns, -1) + bias, 0)


def pool(x, side, stride, same=False):
    if same:  # TensorFlow's SAME adds fewer at the beginning
        extra = [
            max((-(-n // stride) - 1) * stride + side - n, 0)
            for n in x.shape[1:3]
        ]
        pads = [(0, 0), *((n // 2, n - n // 2) for n in extra), (0, 0)]
        x = np.pad(x, pads, constant_values=-np.inf)
    return windows(x, side, stride).max((3, 4))


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


# DeepFace for 72 pixels instead of 152, whose file has 550 MB.
DEEPFACE = {
    "C1": [normal(11, 11, 3, 32), normal(32)],
    "C3": [normal(9, 9, 32, 16), normal(16)],
    "L4": [normal(15 * 15, 9 * 9 * 16, 16), normal(15, 15, 16)],
    "L5": [normal(5 * 5, 7 * 7 * 16, 16), normal(5, 5, 16)],
    "L6": [normal(1, 5 * 5 * 16, 16), normal(1, 1, 16)],
    "F7": [normal(16, 4096), normal(4096)],
    "F8": [normal(4096, 6), normal(6)],
}
DEEPID = {
    "Conv1": [normal(4, 4, 3, 20), normal(20)],
    "Conv2": [normal(3, 3, 20, 40), normal(40)],
    "Conv3": [normal(3, 3, 40, 60), normal(60)],
    "Conv4": [normal(2, 2, 60, 80), normal(80)],
    "fc11": [normal(1200, 160), normal(160)],
    "fc12": [normal(960, 160), normal(160, seed=1)],
}


def deepface_answer(images):
    x = convolve(images / 255, *DEEPFACE["C1"])
    x = pool(x, 3, 2, same=True)
    x = convolve(x, *DEEPFACE["C3"])
    x = connect_locally(x, *DEEPFACE["L4"], 9)
    x = connect_locally(x, *DEEPFACE["L5"], 7, 2)
    x = connect_locally(x, *DEEPFACE["L6"], 5)
    kernel, bias = DEEPFACE["F7"]
    return unit(np.maximum(x.reshape(len(x), -1) @ kernel + bias, 0))


def deepid_answer(images):
    x = images[..., ::-1] / 255  # the library feeds BGR
    for name in ("Conv1", "Conv2", "Conv3"):
        x = pool(convolve(x, *DEEPID[name]), 2, 2)
    y = convolve(x, *DEEPID["Conv4"])
    parts = zip((x, y), (DEEPID["fc11"], DEEPID["fc12"]), strict=True)
    feature = sum(z.reshape(len(z), -1) @ k + b for z, (k, b) in parts)
    return unit(np.maximum(feature, 0))


@pytest.fixture(scope="module")
def deepface():
    return DeepFace(input_shape=(72, 72, 3))


@pytest.fixture(scope="module")
def deepid():
    return DeepID2(local_sharing=False)


def draw(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype("float32")


def test_deepface_answers_as_keras_2(deepface, tmp_path):
    path = write(tmp_path / "VGGFace2_DeepFace_weights.h5", DEEPFACE)
    report = load_weights(deepface, path, skip="softmax")
    assert len(report.matched) == len(deepface.weights) == 12
    assert set(report.skipped) == {"softmax/kernel", "softmax/bias"}
    images = draw(2, 72, 72, 3)
    answer = np.asarray(deepface(images))
    np.testing.assert_allclose(
        answer, deepface_answer(images), rtol=0, atol=2e-6
    )


def test_deepid_answers_as_keras_2(deepid, tmp_path):
    path = write(tmp_path / "deepid_keras_weights.h5", DEEPID)
    report = load_weights(deepid, path)
    assert len(report.matched) == len(deepid.weights) == 10
    images = draw(2, 55, 47, 3)
    answer = np.asarray(deepid(images))
    np.testing.assert_allclose(answer, deepid_answer(images), rtol=0, atol=2e-6)


def test_builders_take_the_files(deepid, deepface, tmp_path):
    deepid_file = write(tmp_path / "deepid.h5", DEEPID)
    load_deepface(deepid, deepid_file)
    deepface_file = write(tmp_path / "deepface.h5", DEEPFACE)
    load_deepface(deepface, deepface_file, skip="softmax")
    for model, built in (
        (deepid, DeepID2(local_sharing=False, weights=deepid_file)),
        (deepface, DeepFace(input_shape=(72, 72, 3), weights=deepface_file)),
    ):
        for one, other in zip(built.weights, model.weights, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_softmax_layer_takes_that_of_the_file(tmp_path):
    model = DeepFace(Identification(6), input_shape=(72, 72, 3))
    path = write(tmp_path / "deepface.h5", DEEPFACE)
    report = load_weights(model, path)
    assert {"softmax/kernel", "softmax/bias"} < set(report.matched)
    features = np.random.default_rng(0).normal(size=(2, 4096)).astype("f4")
    kernel, bias = DEEPFACE["F8"]
    logits = np.asarray(model.objective(features))
    np.testing.assert_allclose(logits, features @ kernel + bias, atol=1e-4)


def test_own_files_are_matched_by_name(deepface, tmp_path):
    path = tmp_path / "deepface.weights.h5"
    deepface.save_weights(path)
    other = DeepFace(input_shape=(72, 72, 3))
    load_weights(other, path)
    for one, another in zip(other.weights, deepface.weights, strict=True):
        np.testing.assert_array_equal(one, another)


def test_a_deepface_of_another_image_size_is_refused(tmp_path):
    model = DeepFace(input_shape=(76, 76, 3))
    path = write(tmp_path / "deepface.h5", DEEPFACE)
    with pytest.raises(ValueError, match=r"L4/kernel: the model has .* source"):
        load_deepface(model, path, skip="softmax")


@pytest.mark.parametrize(
    "change",
    [{"fc12": [normal(960, 150), normal(150)]}, {"fc11": [normal(1200, 160)]}],
)
def test_dense_layers_that_can_not_be_joined_are_refused(
    deepid, tmp_path, change
):
    path = write(tmp_path / "deepid.h5", DEEPID | change)
    with pytest.raises(ValueError, match=r"deepid\.h5: fc11 and fc12 must"):
        load_weights(deepid, path)


def test_another_network_is_refused(deepid, tmp_path):
    path = write(tmp_path / "other.h5", {"conv_a": [normal(3, 3, 3, 4)]})
    with pytest.raises(ValueError, match=r"other\.h5 must be .* conv_a"):
        load_deepface(deepid, path)


def test_links_to_other_files_are_refused(deepid, tmp_path):
    path = write(tmp_path / "deepid.h5", DEEPID)
    with h5py.File(path, "a") as file:
        del file["fc12"]
        file["fc12"] = h5py.ExternalLink("other.h5", "/")
    with pytest.raises(ValueError, match=r"deepid\.h5 .*ExternalLink"):
        load_weights(deepid, path)
