"""Published counts, sizes and order of layers of the three networks."""

import keras
import numpy as np
import pytest

from kcv.classification import AlexNet
from kcv.classification import ZFNet
from kcv.classification import alexnet_trunk
from kcv.layers import GroupedConv2D


def test_without_groups():
    model = AlexNet(variant="ungrouped", include_preprocessing=False)
    assert model.count_params() == 62_378_344
    names = [layer.name for layer in model.layers]
    assert names[1:6] == ["conv1", "norm1", "pool1_pad", "pool1", "conv2"]


@pytest.mark.parametrize(
    ("variant", "one", "deviation"),
    [("caffe", 0.1, 0.005), ("caffenet", 1.0, 0.005), ("paper", 1.0, 0.01)],
)
def test_the_table_of_two_groups(variant, one, deviation):
    model = AlexNet(variant=variant, include_preprocessing=False)
    assert model.count_params() == 60_965_224
    table = {
        "conv1": (34_944, (55, 55, 96), 0.01, 0.0),
        "pool1": (0, (27, 27, 96), None, None),
        "conv2": (307_456, (27, 27, 256), 0.01, one),
        "pool2": (0, (13, 13, 256), None, None),
        "conv3": (885_120, (13, 13, 384), 0.01, 0.0),
        "conv4": (663_936, (13, 13, 384), 0.01, one),
        "conv5": (442_624, (13, 13, 256), 0.01, one),
        "pool5": (0, (6, 6, 256), None, None),
        "fc6": (37_752_832, (4096,), deviation, one),
        "fc7": (16_781_312, (4096,), deviation, one),
        "fc8": (4_097_000, (1000,), 0.01, 0.0),
    }
    for name, (count, shape, stddev, bias) in table.items():
        layer = model.get_layer(name)
        assert layer.count_params() == count
        assert layer.output.shape[1:] == shape
        if count:
            kernel, biases = layer.get_weights()
            assert kernel.std() == pytest.approx(stddev, rel=0.02)
            np.testing.assert_array_equal(biases, np.float32(bias))
    convolutions = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    ]
    assert sum(x.count_params() for x in convolutions) == 2_334_080
    assert [x.groups for x in convolutions] == [1, 2, 1, 2, 2]


def test_one_tower_is_torchvisions():
    model = AlexNet(variant="one-tower")
    assert model.count_params() == 61_100_840
    assert [
        model.get_layer(f"conv{n}").count_params() for n in range(1, 6)
    ] == [23_296, 307_392, 663_936, 884_992, 590_080]
    assert [
        model.get_layer(name).output.shape[1]
        for name in ("conv1", "pool1", "pool2", "pool5")
    ] == [55, 27, 13, 6]
    names = [layer.name for layer in model.layers]
    assert names[-7:] == [
        *("flatten", "drop6", "fc6", "drop7", "fc7", "fc8", "prob"),
    ]


@pytest.mark.parametrize(
    ("variant", "order"),
    [
        ("caffe", ("conv1", "norm1", "pool1", "conv2", "norm2", "pool2")),
        ("caffenet", ("conv1", "pool1", "norm1", "conv2", "pool2", "norm2")),
    ],
)
def test_normalisation_stands_where_the_reference_has_it(variant, order):
    model = AlexNet(variant=variant, input_shape=(67, 67, 3), classes=2)
    names = [x.name for x in model.layers if not x.name.endswith("_pad")]
    assert names == [
        *("images", "preprocessing"),
        *order,
        *("conv3", "conv4", "conv5", "pool5"),
        *("flatten", "fc6", "drop6", "fc7", "drop7", "fc8", "prob"),
    ]
    norm = model.get_layer("norm1")
    assert (norm.size, norm.alpha, norm.beta, norm.k) == (5, 1e-4, 0.75, 1)
    assert norm.convention == "caffe"


@pytest.mark.parametrize(
    "build",
    [
        lambda: AlexNet(False, variant="paper"),
        lambda: ZFNet(False, lrn="alexnet"),
    ],
)
def test_the_papers_normalization(build):
    """y = x / (2 + 1e-4 * the squares of five channels) ** 0.75."""
    maps = np.random.default_rng(0).uniform(0, 300, (1, 1, 1, 96))
    squares = np.pad(maps[0, 0, 0] ** 2, 2)
    sums = np.convolve(squares, np.ones(5), "valid")
    expected = maps[0, 0, 0] / (2 + 1e-4 * sums) ** 0.75
    found = build().get_layer("norm1")(maps.astype("float32"))
    np.testing.assert_allclose(found[0, 0, 0], expected, rtol=1e-5)


def test_groups_do_not_see_each_other():
    images = keras.Input((67, 67, 3))
    outputs = alexnet_trunk(images)
    trunk = keras.Model(outputs["pool1"], outputs["conv2"])
    x = np.random.default_rng(0).uniform(0, 1, (1, 7, 7, 96)).astype("float32")
    before = trunk(x).numpy()
    x[..., :48] = 0
    after = trunk(x).numpy()
    assert not np.array_equal(after[..., :128], before[..., :128])
    np.testing.assert_array_equal(after[..., 128:], before[..., 128:])
    assert isinstance(trunk.get_layer("conv2"), GroupedConv2D)


def test_pooling_rounds_up_as_caffe_does():
    trunk = AlexNet(include_top=False)
    # 94 -> 47 (46 rounded down) -> 23 -> 11, and 126 -> 63 -> 31 -> 15
    assert trunk(np.zeros((1, 384, 512, 3))).shape == (1, 11, 15, 256)


def test_round_trip_and_gradient(tmp_path):
    keras.utils.set_random_seed(0)
    images = keras.Input((67, 67, 3))
    x = alexnet_trunk(images)["pool5"]
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, keras.layers.Dense(2)(x))
    before = [w.copy() for w in model.get_weights()]
    model.compile(keras.optimizers.SGD(10.0), "mse")
    x = np.random.default_rng(0).normal(0, 60, (2, 67, 67, 3))
    model.fit(x, np.ones((2, 2)), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.isfinite(new).all()
        assert not np.array_equal(old, new)
    model.save(tmp_path / "trunk.keras")
    loaded = keras.models.load_model(tmp_path / "trunk.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_mixed_precision_answers_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = AlexNet(input_shape=(67, 67, 3), classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("conv2").compute_dtype == "bfloat16"
    assert model.get_layer("norm2").output.dtype == "bfloat16"
    assert model(np.zeros((1, 67, 67, 3))).dtype == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "two-tower"}, "variant .*'two-tower'"),
        ({"input_shape": (None, None, 3)}, "fc6 needs images of one size"),
        ({"input_shape": (227, 38, 3)}, "at least 39x39"),
        (
            {"input_shape": (62, 227, 3), "variant": "one-tower"},
            "at least 63x63",
        ),
        ({"classes": -1, "input_shape": (67, 67, 3)}, "received -1"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        AlexNet(**arguments)


@pytest.mark.parametrize(
    ("variant", "side"), [("caffe", 39), ("one-tower", 63)]
)
def test_the_least_size_is_one_cell(variant, side):
    images = keras.Input((side, side, 3))
    assert alexnet_trunk(images, variant)["pool5"].shape[1:3] == (1, 1)


def test_the_loss_begins_at_chance():
    keras.utils.set_random_seed(0)
    model = AlexNet(input_shape=(67, 67, 3))
    x = np.random.default_rng(0).normal(0, 60, (4, 67, 67, 3))
    loss = -np.log(model(x))[:, :4].mean()
    assert loss == pytest.approx(np.log(1000), rel=0.01)


def test_an_image_of_another_size_is_refused():
    model = AlexNet(input_shape=(67, 67, 3), classes=2)
    with pytest.raises(ValueError, match="67, 67, 3.* found shape=.*64"):
        model(np.zeros((1, 64, 64, 3)))
