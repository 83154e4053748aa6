"""The paper's sizes, the counts that follow, and its limit on filters."""

import keras
import numpy as np
import pytest

from kcv.classification import ZFNet


@pytest.mark.parametrize(
    ("big", "count", "filters"),
    [
        (False, 62_357_608, (384, 384, 256)),
        (True, 107_627_624, (512, 1024, 512)),
    ],
)
def test_counts_and_sizes(big, count, filters):
    model = ZFNet(big=big, include_preprocessing=False)
    assert model.count_params() == count
    shapes = {
        "conv1": (110, 110, 96),
        "pool1": (55, 55, 96),
        "conv2": (26, 26, 256),
        "pool2": (13, 13, 256),
        "conv3": (13, 13, filters[0]),
        "conv4": (13, 13, filters[1]),
        "conv5": (13, 13, filters[2]),
        "pool5": (6, 6, filters[2]),
    }
    for name, shape in shapes.items():
        assert model.get_layer(name).output.shape[1:] == shape
    names = [x.name for x in model.layers if not x.name.endswith("_pad")]
    assert names[1:7] == ["conv1", "pool1", "norm1", "conv2", "pool2", "norm2"]


def test_the_counts_of_the_layers():
    trunk = ZFNet(include_top=False)
    assert [
        trunk.get_layer(f"conv{n}").count_params() for n in range(1, 6)
    ] == [14_208, 614_656, 885_120, 1_327_488, 884_992]


def test_filters_stay_within_the_limit_through_fit_and_saving(tmp_path):
    keras.utils.set_random_seed(0)
    model = ZFNet(input_shape=(47, 47, 3), classes=2)
    model.get_layer("conv1").kernel.assign(
        30 * model.get_layer("conv1").kernel
    )  # a root mean square of 0.3
    model.compile(keras.optimizers.SGD(1e-6), "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(0, 60, (2, 47, 47, 3))
    model.fit(x, np.array([0, 1]), verbose=0)
    kernel = model.get_layer("conv1").get_weights()[0]
    rms = np.sqrt(np.mean(np.square(kernel), (0, 1, 2)))
    np.testing.assert_allclose(rms, 0.1, rtol=1e-5)
    kernel = model.get_layer("conv2").get_weights()[0]
    assert np.std(kernel) == pytest.approx(0.01, rel=0.02)

    model.save(tmp_path / "zfnet.keras")
    loaded = keras.models.load_model(tmp_path / "zfnet.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert loaded.get_layer("conv5").kernel_constraint.limit == 0.1


def test_the_least_size_is_one_cell():
    trunk = ZFNet(include_top=False, input_shape=(47, 47, 3))
    assert trunk.output_shape == (None, 1, 1, 256)


def test_the_limit_may_be_left_out():
    trunk = ZFNet(include_top=False, max_filter_rms=None)
    assert trunk.get_layer("conv1").kernel_constraint is None


def test_mixed_precision_answers_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = ZFNet(input_shape=(47, 47, 3), classes=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("norm1").output.dtype == "bfloat16"
    assert model(np.zeros((1, 47, 47, 3))).dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (224, None, 3)}, "fc6 needs images of one size"),
        ({"input_shape": (46, 224, 3)}, "at least 47x47"),
        ({"classes": 0, "input_shape": (47, 47, 3)}, "received 0"),
        ({"max_filter_rms": -1, "include_top": False}, "limit=-1"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        ZFNet(**arguments)
