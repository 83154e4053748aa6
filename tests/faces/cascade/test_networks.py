import json
import zlib

import keras
import numpy as np
import pytest

from kcv.classification.fully_convolutional import fully_convolutional
from kcv.faces import cascade
from tests.weights.conftest import golden_value

PLAIN = {"classifier_activation": None, "include_preprocessing": False}


def windows(name, shape):
    seed = zlib.crc32(f"cascade/{name}".encode())
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


WINDOWS = {
    "net12": windows("12", (4, 12, 12, 3)),
    "cal12": windows("12", (4, 12, 12, 3)),
    "net24": windows("24", (4, 24, 24, 3)),
    "cal24": windows("24", (4, 24, 24, 3)),
    "net48": windows("48", (2, 48, 48, 3)),
    "cal48": windows("48", (2, 48, 48, 3)),
}


@pytest.fixture
def expected(golden):
    with np.load(golden / "networks" / "cascade.npz") as file:
        return dict(file)


@pytest.fixture
def load(golden):
    """Set the weights of a model to the golden ones of a network."""
    shapes = json.loads(
        (golden / "networks" / "names_cascade.json").read_text()
    )

    def load(model, source, last=None):
        for layer in model.layers:
            if not layer.weights:
                continue
            top = last is not None and layer is model.layers[-2]
            name = f"{last if top else source}.{layer.name}"
            name = name.replace("sub12_", "sub12.").replace("sub24_", "sub24.")
            weight, bias = (
                golden_value(key, shapes[key])
                for key in (f"{name}.weight", f"{name}.bias")
            )
            before = layer.input._keras_history.operation
            if weight.ndim == 4:
                weight = weight.transpose(2, 3, 1, 0)
            elif isinstance(before, keras.layers.Flatten):
                # From channel, row, column to the order of channels last.
                rows, columns, channels = before.input.shape[1:]
                weight = weight.reshape(-1, channels, rows, columns)
                weight = weight.transpose(2, 3, 1, 0)
            else:
                weight = weight.T
            layer.set_weights([weight.reshape(layer.kernel.shape), bias])
        return model

    return load


def output_of(model, layer, images):
    part = keras.Model(model.input, model.get_layer(layer).output)
    return part(images).numpy()


def assert_close(found, expected):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize(
    ("build", "options", "count"),
    [
        (cascade.Net12, {}, "net12"),
        (cascade.Net12, {"size": 13}, "net12"),
        (cascade.Calibration12, {}, "cal12"),
        (cascade.Net24, {}, "net24_with_sub12"),
        (cascade.Net24, {"multi_resolution": False}, "net24_trunk_alone"),
        (cascade.Calibration24, {}, "cal24"),
        (cascade.Net48, {}, "net48_with_sub24"),
        (cascade.Net48, {"multi_resolution": False}, "net48_alone"),
        (cascade.Calibration48, {}, "cal48_one_pool"),
        (cascade.Calibration48, {"pools": 2}, "cal48_two_pools"),
    ],
)
@pytest.mark.usefixtures("zero_weights")
def test_networks_have_the_parameters_of_the_paper(
    build, options, count, expected
):
    assert build(**options).count_params() == expected[f"params_{count}"]


def test_12_nets_equal_torch(load, expected):
    net = load(cascade.Net12(**PLAIN), "net12")
    images = WINDOWS["net12"]
    assert_close(output_of(net, "pool1", images), expected["net12_pool"])
    assert_close(output_of(net, "fc2", images), expected["net12_fc"])
    assert_close(net(images), expected["net12_logits"])
    calibration = load(cascade.Calibration12(**PLAIN), "cal12")
    assert_close(calibration(images), expected["cal12_logits"])


def test_24_nets_equal_torch(load, expected):
    images = WINDOWS["net24"]
    alone = cascade.Net24(multi_resolution=False, **PLAIN)
    load(alone, "net24", last="net24alone")
    assert_close(output_of(alone, "fc2", images), expected["net24_fc"])
    assert_close(alone(images), expected["net24_alone_logits"])

    both = load(cascade.Net24(**PLAIN), "net24")
    small = both.get_layer("resize12").output
    assert small.shape == (None, 12, 12, 3)
    both = keras.Model([both.input, small], both.output)
    found = both([images, WINDOWS["net12"]])
    assert_close(found, expected["net24_concat_logits"])
    calibration = load(cascade.Calibration24(**PLAIN), "cal24")
    assert_close(calibration(images), expected["cal24_logits"])


def test_48_nets_equal_torch(load, expected):
    images = WINDOWS["net48"]
    options = {**PLAIN, "normalization": "within5"}
    alone = cascade.Net48(multi_resolution=False, **options)
    load(alone, "net48", last="net48alone")
    assert_close(
        output_of(alone, "norm2", images).mean((1, 2)),
        expected["net48_within5_norm2_mean"],
    )
    assert_close(output_of(alone, "fc3", images), expected["net48_within5_fc"])
    assert_close(alone(images), expected["net48_within5_alone_logits"])

    both = load(cascade.Net48(**options), "net48")
    small = both.get_layer("resize24").output
    both = keras.Model([both.input, small], both.output)
    found = both([images, WINDOWS["net24"][:2]])
    assert_close(found, expected["net48_within5_concat_logits"])
    calibration = load(cascade.Calibration48(2, **options), "cal48")
    assert_close(
        calibration(images), expected["cal48_within5_two_pools_logits"]
    )


def test_the_normalization_of_the_paper_is_across_channels():
    layer = cascade.Net48().get_layer("norm1")
    config = layer.get_config()
    assert (config["size"], config["convention"]) == (9, "caffe")
    assert config["alpha"] == pytest.approx(1e-4)
    without = cascade.Net48(normalization=None)
    assert "norm1" not in {layer.name for layer in without.layers}


def test_the_dense_12_net_equals_torch(load, expected):
    image = windows("dense", (1, 40, 52, 3))
    net = load(cascade.Net12(**PLAIN), "net12")
    dense = fully_convolutional(net)(image).numpy()
    assert_close(dense, expected["dense_logits"])
    crops = [
        [image[0, y : y + 12, x : x + 12] for x in range(0, 41, 2)]
        for y in range(0, 29, 2)
    ]
    crops = net(np.reshape(crops, (-1, 12, 12, 3))).numpy()
    assert_close(crops.reshape(15, 21, 2), expected["crop_logits"])


def test_the_dense_12_net_sees_what_crops_of_13_pixels_show(load):
    image = windows("dense", (1, 40, 52, 3))
    net = load(cascade.Net12(13, **PLAIN), "net12")
    dense = fully_convolutional(net)(image).numpy()[0]
    crops = [
        [image[0, y : y + 13, x : x + 13] for x in range(0, 40, 2)]
        for y in range(0, 28, 2)
    ]
    crops = net(np.reshape(crops, (-1, 13, 13, 3))).numpy()
    assert_close(dense[:14, :20], crops.reshape(14, 20, 2))


@pytest.mark.parametrize(
    ("build", "options", "argument"),
    [
        (cascade.Net12, {"size": 24}, "size"),
        (cascade.Net48, {"normalization": "across"}, "normalization"),
        (cascade.Calibration48, {"pools": 3}, "pools"),
    ],
)
def test_wrong_arguments_are_refused(build, options, argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        build(**options)
