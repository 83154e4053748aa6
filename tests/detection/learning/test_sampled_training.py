"""What holds for each detector: how it is compiled, trained and saved."""

import keras
import numpy as np
import pytest

import kcv
from kcv.detection import BoxNormalization
from kcv.detection import DetectionSelection


@pytest.fixture(scope="module")
def makers(make_detector, make_proposer, make_fast, make_rcnn):
    low = {"detections": DetectionSelection(-1.0)}
    rows = BoxNormalization(np.full((3, 4), 0.1), np.full((3, 4), 0.2))
    return {
        "faster": lambda: make_detector(**low),
        "proposer": make_proposer,
        "fast": lambda: make_fast(box_normalization=rows, **low),
        "pyramid": lambda: make_fast(test_scales=(32, 64), **low),
        "rcnn": lambda: make_rcnn(**low),
    }


@pytest.fixture(
    scope="module", params=["faster", "proposer", "fast", "pyramid", "rcnn"]
)
def make(request, makers):
    return makers[request.param]


@pytest.fixture(scope="module")
def model(make):
    """A compiled model, whose steps are not worth tracing."""
    model = make()
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    return model


@pytest.fixture
def inputs(model, proposed):
    x, y = proposed
    if "proposals" not in model.input:
        del x["proposals"]
    return x, y


def answer(model, x):
    return {k: np.asarray(v) for k, v in model(x, training=False).items()}


def assert_same(model, other, x):
    expected = answer(model, x)
    assert max(np.abs(value).max() for value in expected.values()) > 0
    for key, value in answer(other, x).items():
        np.testing.assert_array_equal(value, expected[key])


def test_a_saved_model_is_the_same_and_goes_on_learning(
    model, inputs, tmp_path
):
    x, y = inputs
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert type(again) is type(model)
    assert again.settings() == model.settings()
    assert_same(model, again, x)
    old = model.optimizer.variables
    for variable, other in zip(again.optimizer.variables, old, strict=True):
        np.testing.assert_array_equal(variable, other)
    assert np.isfinite(again.train_on_batch(x, y)).all()


def test_weights_alone_and_a_model_from_its_config(model, inputs, tmp_path):
    model.save_weights(tmp_path / "model.weights.h5")
    other = type(model).from_config(model.get_config())
    assert other.settings() == model.settings()
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(model, other, inputs[0])


def test_a_clone_finds_the_same_with_the_same_weights(model, inputs):
    x, _ = inputs
    clone = keras.models.clone_model(model)
    weights = [w for layer in model.layers for w in layer.weights]
    copied = [w for layer in clone.layers for w in layer.weights]
    for weight, copy in zip(weights, copied, strict=True):
        assert copy is not weight
        copy.assign(weight)
    assert_same(model, clone, x)


def test_every_layer_is_made_of_its_config(model):
    own = {
        layer
        for layer in model._flatten_layers(include_self=False)
        if type(layer).__module__.startswith("kcv.detection")
    }
    assert own
    for layer in own:
        stored = keras.saving.serialize_keras_object(layer)
        again = keras.saving.deserialize_keras_object(stored)
        assert type(again) is type(layer)
        assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("policy", "other"),
    [("mixed_bfloat16", "float32"), ("float32", "mixed_bfloat16")],
)
def test_a_model_loads_under_another_policy(
    make, inputs, tmp_path, policy, other
):
    x, y = inputs
    try:
        keras.config.set_dtype_policy(policy)
        model = make()
        keras.config.set_dtype_policy(other)
        model.save(tmp_path / "model.keras")
        again = keras.models.load_model(tmp_path / "model.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    assert again.parts.dtype_policy.name == policy
    assert_same(model, again, x)
    assert {v.dtype for v in again.trainable_variables} == {"float32"}
    assert np.isfinite(again.compute_loss(x, y))


@pytest.mark.parametrize(
    "argument", ["loss", "loss_weights", "metrics", "weighted_metrics"]
)
def test_compile_refuses_what_is_not_honoured(model, argument):
    message = f"`{argument}` must be None.*{argument}='mse'"
    with pytest.raises(ValueError, match=message):
        model.compile("sgd", **{argument: "mse"})


def test_sample_weight_is_refused(model, inputs):
    for method in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match="`sample_weight` must be None"):
            method(*inputs, verbose=0, sample_weight=np.ones(2))


def test_targets_are_asked_for(model, inputs):
    x, y = inputs
    for wrong, received in ((None, "y=None"), ({"boxes": y["boxes"]}, "boxes")):
        with pytest.raises(ValueError, match=f"`y` must be .*{received}"):
            model.fit(x, wrong, verbose=0)


def test_examples_are_to_be_mapped(model):
    scenes, *_ = kcv.data.load_detection("digit_scenes", "train", seed=0)
    for dataset in (scenes, kcv.data.batch(scenes, 2)):
        with pytest.raises(ValueError, match="kcv.data.detection_inputs"):
            model.fit(dataset, steps_per_epoch=1)
