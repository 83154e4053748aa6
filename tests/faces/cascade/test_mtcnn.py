import zlib

import keras
import numpy as np
import pytest

import kcv
from kcv.faces import cascade
from kcv.faces.cascade.suppression import best_of_neighbors


def windows(name, size):
    rng = np.random.default_rng(zlib.crc32(f"mtcnn/{name}".encode()))
    return rng.uniform(-1, 1, (3, size, size, 3)).astype("float32")


@pytest.fixture(scope="module")
def published():
    pytest.importorskip("mtcnn", reason="needs the weights of mtcnn")
    return cascade.MTCNN(weights="mtcnn")


@pytest.fixture
def expected(golden):
    with np.load(golden / "networks" / "mtcnn_peer.npz") as file:
        return dict(file)


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (cascade.PNet, 6_632),
        (cascade.RNet, 100_178),
        (cascade.ONet, 389_040),
    ],
)
def test_networks_have_the_parameters_of_the_authors(build, count):
    assert build().count_params() == count


def test_sizes_of_maps_are_rounded_up():
    sizes = {
        layer.name: layer.output.shape[1]
        for layer in cascade.ONet().layers
        if layer.name.startswith(("conv", "pool"))
    }
    assert [*sizes.values()] == [46, 23, 21, 10, 8, 4, 3]
    maps = cascade.PNet().compute_output_shape((1, 13, 15, 3))
    assert maps[0] == (1, 2, 3, 4)  # 11 x 13, 6 x 7, 4 x 5, 2 x 3


def test_networks_equal_the_package(published, expected):
    networks = published.get_layer("cascade").networks
    for network, name, size in zip(networks, "pro", (12, 24, 48), strict=True):
        found = network(128 * windows(name, size) + 127.5)
        for number, output in enumerate(found):
            np.testing.assert_allclose(
                output, expected[f"{name}net_out{number}"], atol=2e-6
            )


def test_the_astronaut_is_found_as_by_the_package(published, expected):
    data = pytest.importorskip("skimage.data")
    image = data.astronaut()[None].astype("float32")
    found = published.predict(image, verbose=0)
    assert found["num_detections"] == [1]
    box = found["boxes"][0, 0]
    xywh = np.concatenate([box[:2], box[2:] - box[:2]])
    np.testing.assert_allclose(
        xywh, expected["astronaut_boxes_xywh"][0], atol=1
    )
    np.testing.assert_allclose(
        found["scores"][0, :1], expected["astronaut_confidence"], atol=1e-3
    )
    np.testing.assert_allclose(
        found["landmarks"][0, 0], expected["astronaut_keypoints"][0], atol=1
    )


def test_padding_changes_nothing(published):
    data = pytest.importorskip("skimage.data")
    face = data.astronaut()[40:200, 140:300].astype("float32")
    padded = np.full((1, 200, 210, 3), 99, "float32")
    padded[0, :160, :160] = face
    sizes = np.array([[160, 160]], "int32")
    found = published({"images": padded, "image_sizes": sizes})
    alone = published(face[None])
    assert found["num_detections"] == [1]
    for name, values in alone.items():
        np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize("size", [(1, 1), (10, 2000), (12, 30), (40, 33)])
def test_images_of_any_size_have_an_answer(size):
    model = cascade.MTCNN(max_detections=5)
    found = model(np.full((1, *size, 3), 127.5, "float32"))
    assert found["boxes"].shape == (1, 5, 4)
    if min(size) < 20:
        assert found["num_detections"] == [0]
        assert (found["labels"].numpy() == -1).all()


def test_a_model_is_saved_with_its_settings(tmp_path):
    model = cascade.MTCNN(min_face=24, thresholds=(0.5, 0.6, 0.7), greedy=True)
    model.save(tmp_path / "model.keras")
    loaded = kcv.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    for one, other in zip(loaded.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_dropped_window_still_drops_others():
    boxes = np.float32([[0, 0, 10, 10], [0, 4, 10, 14], [0, 8, 10, 18]])
    kept = best_of_neighbors(boxes, np.float32([0.7, 0.8, 0.9]), 0.4)
    assert kept.numpy().tolist() == [2]
    inside = np.float32([[0, 0, 10, 10], [0, 0, 2, 2]])
    scores = np.float32([0.5, 0.6])
    assert best_of_neighbors(inside, scores, 0.7).shape == (2,)
    kept = best_of_neighbors(inside, scores, 0.7, of_smaller=True)
    assert kept.numpy().tolist() == [1]


def test_weights_need_the_package(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"\[mtcnn\]"):
        cascade.MTCNN(weights="mtcnn")


@pytest.mark.parametrize(
    "options",
    [
        {"min_face": 0},
        {"factor": 1.0},
        {"thresholds": (0.5, 0.5)},
        {"thresholds": (0.5, 0.5, 1.5)},
        {"max_detections": 0},
    ],
)
def test_wrong_arguments_are_refused(options):
    (argument,) = options
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        cascade.MTCNN(**options)


def test_fit_is_refused():
    model = cascade.MTCNN()
    model.compile()
    with pytest.raises(ValueError, match="`fit` must be called for each"):
        model.fit(np.zeros((1, 32, 32, 3)), np.zeros(1), verbose=0)
    keras.backend.clear_session()
