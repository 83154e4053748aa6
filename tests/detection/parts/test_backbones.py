"""Heads of trunks that the caller brings."""

import keras
import numpy as np
import pytest

from kcv.detection import FasterRCNN
from kcv.detection import FastRCNN
from kcv.detection import RegionProposals
from kcv.detection import RoISampling
from kcv.detection import custom_parts
from kcv.detection import resnet_parts


@pytest.fixture
def trunk():
    images = keras.Input((None, None, 3))
    return keras.Model(images, keras.layers.Conv2D(4, 3, 8)(images))


def test_a_normalised_head_centres_its_units_in_training(trunk):
    parts = custom_parts(
        trunk,
        keras.layers.Identity(),
        roi_size=2,
        units=(8, 6),
        batch_norm=True,
    )
    names = [layer.name for layer in parts.head.layers]
    assert names[2:] == ["fc6", "bn_fc6", "relu6", "fc7", "bn_fc7", "relu7"]
    assert not parts.head.get_layer("fc6").use_bias
    regions = 5 + 3 * np.random.default_rng(0).standard_normal((64, 2, 2, 4))
    units = keras.Model(parts.head.input, parts.head.get_layer("bn_fc7").output)
    trained = np.asarray(units(regions, training=True))
    np.testing.assert_allclose(trained.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(trained.std(0), 1, atol=1e-2)
    # Once trained, a region's features depend on it alone.
    np.testing.assert_allclose(
        parts.head(regions)[:3], parts.head(regions[:3]), rtol=1e-5
    )


def test_a_plain_head_has_dense_layers_alone(trunk):
    head = custom_parts(
        trunk, keras.layers.Identity(), roi_size=2, units=(8,), dropout=0.5
    ).head
    assert [layer.name for layer in head.layers[1:]] == [
        "flatten",
        "fc6",
        "relu6",
        "drop6",
    ]
    assert head.count_params() == 2 * 2 * 4 * 8 + 8


def test_a_foreign_model_brings_its_preprocessing(batch):
    """MobileNetV2 of keras.applications expects numbers in -1..1."""
    x, y = batch
    network = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(None, None, 3)
    )
    model = FasterRCNN(
        classes=20,
        backbone=network,
        preprocessing=keras.layers.Rescaling(1 / 127.5, offset=-1),
    )
    assert model.parts.stride == 32
    features, _, _ = model.trunk(model.preprocessing(x["images"][:1]))
    expected = network(x["images"][:1] / 127.5 - 1)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)
    assert model(x)["boxes"].shape == (2, 100, 4)
    assert np.isfinite(model.compute_loss(x, y))


def test_a_function_is_saved_as_its_operations(trunk, tmp_path):
    parts = custom_parts(
        trunk,
        keras.applications.mobilenet_v2.preprocess_input,
        roi_size=2,
        units=(4,),
    )
    model = RegionProposals(parts)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    pixels = np.full((1, 8, 8, 3), 255.0, "float32")
    np.testing.assert_allclose(again.preprocessing(pixels), 1.0)


def test_preprocessing_is_asked_for_where_it_is_needed_alone(trunk):
    with pytest.raises(ValueError, match="`preprocessing` must be a layer or"):
        FastRCNN(3, trunk)
    for backbone in ("resnet18", custom_parts(trunk, keras.layers.Identity())):
        with pytest.raises(ValueError, match="`preprocessing` must be None"):
            FastRCNN(3, backbone, preprocessing=keras.layers.Identity())


def test_a_pretrained_resnet_keeps_its_lower_layers():
    parts = resnet_parts(18, pretrained=True)
    trainable = {v.path.split("/")[0] for v in parts.trunk.trainable_variables}
    assert all(name.startswith(("res3", "res4")) for name in trainable)
    assert parts.stride == 16
    assert parts.roi_size == 14


def test_what_is_fixed_stays_fixed_when_loaded(trunk):
    parts = custom_parts(trunk, keras.layers.Identity(), 2, units=(3,))
    parts.trunk.layers[1].trainable = False
    model = FastRCNN(3, parts)
    again = FastRCNN.from_config(model.get_config())
    expected = [v.path.split("/")[-2:] for v in model.trainable_variables]
    found = [v.path.split("/")[-2:] for v in again.trainable_variables]
    assert found == expected
    assert ["fc6", "kernel"] in found
    assert not again.parts.trunk.layers[1].trainable


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batch_norm_keeps_its_statistics(proposed, frozen):
    model = FastRCNN(
        3,
        "resnet18",
        frozen_batch_norm=frozen,
        roi_sampling=RoISampling(8),
    )
    before = _moving_means(model)
    model.compute_loss(*proposed)
    same = [
        np.array_equal(a, b)
        for a, b in zip(before, _moving_means(model), strict=True)
    ]
    assert len(same) == 20
    assert all(same) if frozen else not any(same)


def _moving_means(model):
    return [
        v.numpy().copy()
        for v in model.variables
        if v.path.endswith("moving_mean")
    ]
