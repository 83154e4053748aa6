"""The head of Fast R-CNN: pooling, a network, two layers on top."""

import keras
import numpy as np
import pytest

from kcv.detection.parts.region_head import RegionHead
from kcv.layers import RoIPool


@pytest.fixture(scope="module")
def head():
    regions = keras.Input((2, 2, 3))
    x = keras.layers.Flatten()(regions)
    x = keras.layers.Dense(5, activation="relu")(x)
    network = keras.Model(regions, keras.layers.Dropout(0.5)(x))
    head = RegionHead(4, network, stride=8)
    head.build(None)
    return head


@pytest.fixture(scope="module")
def inputs():
    random = np.random.default_rng(0)
    features = random.normal(size=(2, 6, 7, 3)).astype("float32")
    sizes = np.array([[6, 7], [4, 5]], "int32")
    regions = np.array([[[0, 0, 30, 30], [9, 5, 50, 40]]] * 2, "float32")
    return [features, sizes, regions]


def test_it_is_its_parts_one_after_the_other(head, inputs):
    features, sizes, regions = inputs
    logits, deltas = head(inputs)
    assert logits.shape == (2, 2, 5)
    assert deltas.shape == (2, 2, 20)
    pooled = RoIPool(2, 1 / 8)([features, regions, sizes])
    for image in range(2):
        vectors = head.network(pooled[image])
        np.testing.assert_allclose(
            logits[image], head.cls_score(vectors), atol=1e-6
        )
        np.testing.assert_allclose(
            deltas[image], head.bbox_pred(vectors), atol=1e-6
        )
    assert head.pooled_shape == (2, 2, 3)


def test_dropout_is_for_training(head, inputs):
    calm = [head(inputs)[0].numpy() for _ in range(2)]
    np.testing.assert_array_equal(*calm)
    wild = head(inputs, training=True)[0].numpy()
    assert not np.array_equal(wild, calm[0])


def test_the_initial_weights_are_the_papers():
    network = keras.Sequential(
        [keras.Input((1, 1, 400)), keras.layers.Flatten()]
    )
    head = RegionHead(20, network, stride=16)
    head.build(None)
    assert np.std(head.cls_score.kernel) == pytest.approx(0.01, rel=0.05)
    assert np.std(head.bbox_pred.kernel) == pytest.approx(0.001, rel=0.05)
    assert not np.any(head.cls_score.bias)
    assert not np.any(head.bbox_pred.bias)


def test_regions_end_earlier_by_the_offset_and_at_the_last_pixel(head):
    regions = np.array([[[1, 2, 30, 40], [1, 2, 56, 48]]] * 2, "float32")
    sizes = np.array([[48, 56], [32, 30]], "int32")
    assert head.pooled_corners(regions, sizes) is regions
    ends = {
        0: [[[30, 40], [55, 47]], [[29, 31], [29, 31]]],
        1.5: [[[28.5, 38.5], [54.5, 46.5]], [[28.5, 31], [29, 31]]],
    }
    for offset, expected in ends.items():
        other = RegionHead(4, head.network, 8, roi_end_offset=offset)
        corners = other.pooled_corners(regions, sizes).numpy()
        assert corners[..., 2:].tolist() == expected
        assert (corners[..., :2] == regions[..., :2]).all()


@pytest.mark.parametrize("offset", [-1, float("nan"), float("inf")])
def test_no_offset(head, offset):
    with pytest.raises(ValueError, match="`roi_end_offset` must be None"):
        RegionHead(4, head.network, 8, roi_end_offset=offset)
