"""Heads of trunks that the caller brings."""

import keras
import numpy as np
import pytest

from kcv.detection import custom_parts


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
