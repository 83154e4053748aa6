import keras
import numpy as np
import pytest

from kcv.detection import DetectionSelection
from kcv.detection import FastRCNN
from kcv.detection import custom_parts
from kcv.detection import resnet_parts
from kcv.detection import truncated_svd

# fc6 is 9 * 16 = 144 to 40, fc7 is 40 to 24.
FULL = {"fc6": 40, "fc7": 24}


@pytest.fixture(params=["fast", "faster"])
def model(request, make_fast, make_detector):
    make = {"fast": make_fast, "faster": make_detector}[request.param]
    template = make().parts
    parts = custom_parts(
        template.trunk,
        template.preprocessing,
        roi_size=3,
        units=(40, 24),
        dropout=0.5,
    )
    return make(parts=parts, detections=DetectionSelection(0.0))


def test_in_full_rank_nothing_changes(model, proposed, tmp_path):
    x, _ = proposed
    small = truncated_svd(model, **FULL)
    assert type(small) is type(model)
    expected = model.predict(x, verbose=0)
    for key, value in small.predict(x, verbose=0).items():
        np.testing.assert_allclose(value, expected[key], atol=1e-3)
    small.save(tmp_path / "small.keras")
    again = keras.models.load_model(tmp_path / "small.keras")
    for a, b in zip(again.get_weights(), small.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_parameters_and_the_best_kernel_of_its_rank(model):
    """t * (u + v) each, and Eckart and Young's error."""
    small = truncated_svd(model, fc6=7, fc7=5)
    head = small.parts.head
    assert [layer.name for layer in head.layers if layer.weights] == [
        "fc6_L",
        "fc6_U",
        "fc7_L",
        "fc7_U",
    ]
    assert head.count_params() == 7 * (144 + 40) + 40 + 5 * (40 + 24) + 24
    for name, rank in (("fc6", 7), ("fc7", 5)):
        kernel = model.parts.head.get_layer(name).kernel.numpy()
        product = (
            head.get_layer(f"{name}_L").kernel.numpy()
            @ head.get_layer(f"{name}_U").kernel.numpy()
        )
        values = np.linalg.svd(kernel, compute_uv=False)
        np.testing.assert_allclose(
            np.linalg.norm(kernel - product),
            np.linalg.norm(values[rank:]),
            rtol=1e-4,
        )


def test_the_model_stays_as_it_is(model, proposed):
    x, y = proposed
    before = model.get_weights()
    small = truncated_svd(model, **FULL)
    small.compile("sgd")
    small.fit(x, y, batch_size=2, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_errors(model):
    with pytest.raises(ValueError, match="from 1 to 40.*fc6=1024"):
        truncated_svd(model)
    with pytest.raises(ValueError, match="fc6, fc7"):
        truncated_svd(FastRCNN(2, resnet_parts(18)))
