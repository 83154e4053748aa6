"""Fixed layers stay as they are, bit for bit."""

import keras
import numpy as np
import pytest

import kcv
from kcv.training import freeze


def network():
    return kcv.segmentation.SegNet(3, blocks=((1, 4), (1, 6)))


def test_fixed_weights_are_equal_after_fit_and_after_loading(tmp_path):
    model = network()
    fixed = freeze(model, r"conv\d_\d(_bn)?$")
    assert fixed == ["conv1_1", "conv1_1_bn", "conv2_1", "conv2_1_bn"]
    before = {x: model.get_layer(x).get_weights() for x in fixed}
    decoder = model.get_layer("conv2_1_D").get_weights()
    model.compile(
        kcv.optimizers.CaffeSGD(0.1, momentum=0.9, l2=1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (2, 8, 8, 3)).astype("float32")
    model.fit(images, rng.integers(0, 3, (2, 8, 8)), epochs=2, verbose=0)
    for name, weights in before.items():
        for a, b in zip(
            model.get_layer(name).get_weights(), weights, strict=True
        ):
            np.testing.assert_array_equal(a, b)
    after = model.get_layer("conv2_1_D").get_weights()
    assert (after[0] != decoder[0]).all()

    # Batch normalization is in inference mode, which training=True keeps.
    layer = model.get_layer("conv1_1_bn")
    maps = rng.normal(size=(2, 8, 8, 4)).astype("float32")
    np.testing.assert_array_equal(layer(maps, training=True), layer(maps))

    model.save(tmp_path / "model.keras")
    loaded = kcv.load_model(tmp_path / "model.keras")
    trainable = {v.path for v in loaded.trainable_variables}
    assert trainable == {v.path for v in model.trainable_variables}
    # A new model with these weights is not fixed.
    again = kcv.segmentation.SegNet(
        3, blocks=((1, 4), (1, 6)), weights=tmp_path / "model.keras"
    )
    assert len(again.trainable_variables) == len(network().trainable_variables)


def test_a_name_that_no_layer_has_is_an_error():
    with pytest.raises(ValueError, match="layers='fc6'.*conv1_1, .*conv1_1_D"):
        freeze(network(), "fc6")
