"""Published counts, the paper's table, and a life with and without heads."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification import AuxiliaryClassifier
from kcv.classification import GoogLeNet
from kcv.classification import googlenet_trunk
from kcv.weights import load_weights

MODULES = {
    "3a": (163_696, 256),
    "3b": (388_736, 480),
    "4a": (376_176, 512),
    "4b": (449_160, 512),
    "4c": (510_104, 512),
    "4d": (605_376, 528),
    "4e": (868_352, 832),
    "5a": (1_043_456, 832),
    "5b": (1_444_080, 1024),
}


def count(model, prefix=""):
    return sum(
        int(np.prod(v.shape))
        for layer in model.layers
        if layer.name.startswith(prefix)
        for v in layer.trainable_weights
    )


@pytest.mark.parametrize(
    ("variant", "plain", "with_heads"),
    [
        ("caffe", 6_998_552, 13_378_280),
        ("torchvision", 6_624_904, 13_004_888),
    ],
)
def test_published_parameter_counts(variant, plain, with_heads):
    assert count(GoogLeNet(variant=variant)) == plain
    assert count(GoogLeNet(variant=variant, aux_heads=True)) == with_heads


def test_the_table():
    model = GoogLeNet(aux_heads=True)
    for module, (parameters, filters) in MODULES.items():
        name = f"inception_{module}"
        assert count(model, name) == parameters
        assert model.get_layer(f"{name}_output").output.shape[-1] == filters
    parameters = {
        "conv1": 9_472,
        "conv2_3x3_reduce": 4_160,
        "conv2": 4_160 + 110_784,
        "loss1": 3_188_840,
        "loss2": 3_190_888,
        "loss3": 1_025_000,
    }
    for prefix, expected in parameters.items():
        assert count(model, prefix) == expected
    sides = {
        "conv1_7x7_s2": 112,
        "pool1_3x3_s2": 56,
        "pool2_3x3_s2": 28,
        "pool3_3x3_s2": 14,
        "pool4_3x3_s2": 7,
        "loss1_ave_pool": 4,
        "loss2_ave_pool": 4,
    }
    for name, side in sides.items():
        assert model.get_layer(name).output.shape[1:3] == (side, side)
    rates = [model.get_layer(n).rate for n in ("pool5_drop", "loss1_drop_fc")]
    assert rates == [0.4, 0.7]


def test_normalisation_is_behind_one_pooling_and_before_the_other():
    trunk = GoogLeNet(include_top=False, include_preprocessing=False)
    names = [x.name for x in trunk.layers if not x.name.endswith("_pad")]
    assert names[1:8] == [
        *("conv1_7x7_s2", "pool1_3x3_s2", "pool1_norm1"),
        *("conv2_3x3_reduce", "conv2_3x3", "conv2_norm2", "pool2_3x3_s2"),
    ]


def test_weights_begin_as_caffes():
    model = GoogLeNet(aux_heads=True)
    kernel, bias = model.get_layer("inception_4a_3x3").get_weights()
    limit = np.sqrt(3 / (9 * 96))
    greatest = np.abs(kernel).max()  # float32, rounded
    assert 0.99 * limit < greatest <= limit * (1 + 1e-6)
    np.testing.assert_array_equal(bias, np.float32(0.2))
    for loss in ("loss1", "loss2", "loss3"):
        bias = model.get_layer(f"{loss}_classifier").get_weights()[1]
        np.testing.assert_array_equal(bias, 0)


def test_endpoints_and_sizes_that_round_up():
    images = keras.Input((None, None, 3))
    outputs = googlenet_trunk(images)
    for variant in ("caffe", "torchvision"):
        assert list(googlenet_trunk(images, variant)) == list(outputs)
    ends = ("pool1", "pool2", "pool3", "pool4")
    trunk = keras.Model(images, [outputs[name] for name in ends])
    shapes = [s[1:3] for s in trunk.compute_output_shape((1, 100, 75, 3))]
    # 50 -> 25 -> 12 -> 6 -> 3 and 38 -> 19 -> 9 -> 4 -> 2
    assert shapes == [(25, 19), (12, 9), (6, 4), (3, 2)]


def test_trains_with_heads_and_serves_without(tmp_path):
    keras.utils.set_random_seed(0)
    options = {"input_shape": (80, 80, 3), "classes": 4}
    model = GoogLeNet(aux_heads=True, **options)
    assert isinstance(model, AuxiliaryClassifier)
    before = model.get_layer("loss2_conv").get_weights()[0]
    x = np.random.default_rng(0).normal(0, 60, (4, 80, 80, 3))
    x = x.astype("float32")
    model.compile(keras.optimizers.SGD(1e-4), metrics=["accuracy"])
    model.fit(x, np.arange(4), batch_size=2, verbose=0)
    assert not np.array_equal(
        model.get_layer("loss2_conv").get_weights()[0], before
    )
    expected = model.predict(x, verbose=0)
    assert expected.shape == (4, 4)

    path = tmp_path / "trained.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    np.testing.assert_allclose(loaded(x), expected, rtol=1e-4, atol=1e-6)
    plain = GoogLeNet(weights=path, **options)
    assert not isinstance(plain, AuxiliaryClassifier)
    np.testing.assert_allclose(plain(x), expected, rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="left over.*loss1_conv"):
        load_weights(plain, path)
    GoogLeNet(include_top=False, weights=path)

    plain.export(tmp_path / "saved_model", verbose=False)
    served = tf.saved_model.load(tmp_path / "saved_model")
    np.testing.assert_allclose(
        served.serve(tf.constant(x)), expected, rtol=1e-4, atol=1e-6
    )


def test_a_batch_gives_what_its_images_give():
    keras.utils.set_random_seed(0)
    model = GoogLeNet(input_shape=(64, 64, 3), classes=5)
    x = np.random.default_rng(0).normal(0, 60, (2, 64, 64, 3))
    alone = np.concatenate([model(x[:1]), model(x[1:])])
    np.testing.assert_allclose(model(x), alone, rtol=1e-4, atol=1e-6)


def test_mixed_precision_answers_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = GoogLeNet(input_shape=(80, 80, 3), classes=3, aux_heads=True)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("inception_3a_5x5").compute_dtype == "bfloat16"
    outputs = model(np.zeros((1, 80, 80, 3)), training=True)
    assert [x.dtype for x in outputs] == ["float32"] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "keras"}, "variant .*'keras'"),
        ({"aux_heads": True, "include_top": False}, "include_top=False"),
        ({"aux_heads": True, "input_shape": (None, 9, 3)}, r"\(None, 9, 3\)"),
        ({"aux_heads": True, "input_shape": (78, 99, 3)}, "at least 79x79"),
        ({"classes": 0}, "received 0"),
        ({"weights": "imagenet"}, "keras.applications, which has VGG16"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        GoogLeNet(**arguments)
