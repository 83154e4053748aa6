"""Fully convolutional networks: geometry, parameters, weights."""

import gc
import subprocess
import sys
from typing import NamedTuple

import keras
import numpy as np
import pytest

import kcv
from kcv.classification import VGG16
from kcv.classification import Preprocessing
from kcv.segmentation import FCN
from kcv.segmentation import FCN8s
from kcv.segmentation import FCN16s
from kcv.segmentation import FCN32s
from kcv.segmentation import continue_from
from kcv.segmentation.fcn import BACKBONES
from kcv.segmentation.fcn import FCN_MEAN
from kcv.segmentation.fcn import align
from kcv.segmentation.fcn import find_centers
from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import assign
from kcv.weights.layers import leaves


def small_backbone(symmetric=False):
    """VGG in small: a convolution and a pooling for each of five strides."""
    keras.utils.set_random_seed(0)
    images = x = keras.Input((None, None, 3))
    for number in range(1, 6):
        conv = keras.layers.Conv2D(4, 3, padding="same", activation="relu")
        x = conv(x)
        if symmetric:
            kernel, bias = conv.get_weights()
            kernel = kernel + kernel[::-1]
            conv.set_weights([kernel + kernel[:, ::-1], bias])
        x = keras.layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(
            x
        )
    return keras.Model(images, x, name="small")


def with_random_scores(model, seed=0):
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        if layer.name.startswith("score_"):
            kernel, bias = layer.get_weights()
            layer.set_weights([rng.normal(size=kernel.shape), bias])
    return model


# What the authors subtract.
LESS_MEAN = Preprocessing(FCN_MEAN, name="normalization")


# === Parameters ===


def core(model):
    """Count without the transposed convolutions."""
    layers = [x for x in model.layers if not x.name.startswith("upscore")]
    return sum(layer.count_params() for layer in layers)


class Reference(NamedTuple):
    """Parameters, and rows of the maps of each layer by side of the image."""

    core: int
    parameters: int
    rows: dict[int, dict[str, int]]


@pytest.fixture(scope="module")
def reference():
    """FCN-32s, 16s and 8s on VGG-16, as the authors have them.

    In memory there is one at a time: Each has 134 million parameters.
    """
    found = {}
    for stride in (32, 16, 8):
        net = FCN(21, "vgg16", stride, padding="pad100")
        maps = {x.name: x.output for x in net.layers if x.output.shape[1:2]}
        inner = keras.Model(net.input, maps)
        rows = {}
        for side in (500, 375):
            shapes = inner.compute_output_shape((1, side, side, 3))
            rows[side] = {name: shape[1] for name, shape in shapes.items()}
        found[stride] = Reference(core(net), net.count_params(), rows)
        del net, maps, inner
        gc.collect()
    return found


def test_parameters_on_vgg16(reference):
    assert reference[32].core == 134_346_581
    assert {s: net.parameters for s, net in reference.items()} == {
        32: 136_152_917,
        16: 134_815_994,
        8: 134_489_759,
    }


@pytest.mark.parametrize(
    ("backbone", "parameters"),
    [("alexnet", 56_954_261), ("googlenet", 5_995_077)],
)
def test_parameters_of_the_core(backbone, parameters):
    assert core(FCN32s(21, backbone)) == parameters


# === Geometry ===


@pytest.mark.parametrize(
    ("side", "maps", "scores", "enlarged"),
    [
        (500, (349, 175, 88, 44, 22), 16, (544, 34, 70, 560, 568)),
        (375, (287, 144, 72, 36, 18), 12, (416, 26, 54, 432, 440)),
    ],
)
def test_the_reference_sizes(side, maps, scores, enlarged, reference):
    def rows(stride, layer):
        return reference[stride].rows[side][layer]

    assert tuple(rows(8, f"pool{i}") for i in range(1, 6)) == maps
    assert rows(8, "score_fr") == scores
    assert enlarged == (
        rows(32, "upscore"),
        rows(8, "upscore2"),
        rows(8, "upscore_pool4"),
        rows(16, "upscore16"),
        rows(8, "upscore8"),
    )
    assert all(rows(s, "score") == side for s in (32, 16, 8))


# As the authors' prototxt files have them, and for "same" by hand.
OFFSETS = {
    ("vgg16", "pad100"): ((19, 27, 31), ((0, 5), (0, 9))),
    ("vgg16", "same"): ((16, 8, 4), ((1, 0), (1, 0))),
    ("alexnet", "pad100"): ((18, 18, 18), ((0, 5), (0, 10))),
    ("alexnet", "same"): ((15, 15, 15), ((0, 1), (0, 2))),
    ("googlenet", "pad100"): ((98, 98, 98), ((0, 0), (0, 0))),
    ("googlenet", "same"): ((15, 15, 15), ((0, 0), (0, 0))),
}


@pytest.mark.parametrize(("backbone", "padding"), OFFSETS)
def test_offsets_follow_from_the_centers_of_cells(backbone, padding):
    alignment = align(find_centers(BACKBONES[backbone], padding))
    crops, fuse = OFFSETS[backbone, padding]
    assert alignment.odd == (backbone != "vgg16")
    assert alignment.crops == dict(zip((32, 16, 8), crops, strict=True))
    assert alignment.fuse == dict(zip((16, 8), fuse, strict=True))


def test_centers_that_do_not_lie_on_each_other_are_refused():
    for centers in ((3.5, 7.5, 16.0), (3.0, 7.5, 15.5), (60.0, 60.0, 60.0)):
        with pytest.raises(ValueError, match="`centers` must be"):
            align(dict(zip((8, 16, 32), centers, strict=True)))


@pytest.mark.parametrize("stride", [32, 16, 8])
def test_a_mirrored_image_has_mirrored_labels(stride):
    """With symmetric kernels, only if every map lies on its pixels."""
    model = with_random_scores(
        FCN(
            3,
            small_backbone(symmetric=True),
            stride,
            preprocessing=LESS_MEAN,
        )
    )
    rng = np.random.default_rng(1)
    images = rng.uniform(0, 255, (1, 96, 64, 3)).astype("float32")
    expected = model.predict(images, verbose=0)
    assert np.ptp(expected) > 1
    for axis in (1, 2):
        found = model.predict(np.flip(images, axis), verbose=0)
        np.testing.assert_allclose(
            np.flip(found, axis), expected, rtol=1e-3, atol=1e-3
        )


def resnet50():
    """FCN-8s on ResNet-50 of keras.applications, as the docstring has it."""
    keras.utils.set_random_seed(0)
    return with_random_scores(
        FCN8s(
            3,
            keras.applications.ResNet50(weights=None, include_top=False),
            preprocessing=keras.applications.resnet.preprocess_input,
            layers=("conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
            centers=(0, 0, 0),
        )
    )


def test_a_network_of_keras_applications(tmp_path):
    model = resnet50()
    images = np.random.default_rng(0).uniform(0, 255, (1, 70, 33, 3))
    scores = model.predict(images, verbose=0)
    assert scores.shape == (1, 70, 33, 3)
    assert np.ptp(scores) > 0
    # What the network itself sees.
    backbone = model.get_layer("resnet50")
    pixels = keras.applications.resnet.preprocess_input(images.copy())
    expected = backbone(pixels)["conv5_block3_out"]
    inner = keras.Model(model.input, model.get_layer("score_fr").input)
    np.testing.assert_allclose(
        inner(images), expected, atol=1e-4 * np.abs(expected).max()
    )
    model.save(tmp_path / "model.keras")
    again = kcv.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(images, verbose=0), scores)


def test_centers_of_padded_windows_are_on_pixels():
    """The score of an impulse is symmetric about it, up to the border."""
    images = x = keras.Input((None, None, 3))
    for number in range(1, 6):
        x = keras.layers.ZeroPadding2D(1)(x)
        x = keras.layers.Conv2D(
            1, 3, 2, kernel_initializer="ones", name=f"stride{2**number}"
        )(x)
    model = FCN8s(
        2,
        keras.Model(images, x),
        preprocessing=keras.layers.Identity(),
        layers=("stride8", "stride16", "stride32"),
        centers=(0, 0, 0),
    )
    for layer in model.layers:
        if layer.name.startswith("score_"):
            layer.kernel.assign(keras.ops.ones_like(layer.kernel))
    impulse = np.zeros((1, 257, 257, 3), "float32")
    impulse[0, 128, 128] = 255
    scores = model.predict(impulse, verbose=0)
    assert np.argmax(scores[0, 128, :, 0]) == 128
    for axis in (1, 2):
        np.testing.assert_allclose(np.flip(scores, axis), scores, rtol=1e-5)


def test_an_impulse_moves_with_the_image():
    """By a stride, exactly, with as many zeros behind as in front."""
    keras.utils.set_random_seed(0)
    model = with_random_scores(FCN8s(2, "googlenet", padding="pad100"))
    gray = np.float32([122.67892, 116.66877, 104.00699])
    images = np.zeros((1, 512, 512, 3), "float32") + gray
    images[:, 240:250, 240:250] += 100
    moved = np.roll(images, (32, 64), (1, 2))
    here, there = (model.predict(x, verbose=0) for x in (images, moved))
    inside = (0, slice(150, 330), slice(150, 330))
    assert np.ptp(here[inside]) > 1e-3
    np.testing.assert_allclose(
        np.roll(there, (-32, -64), (1, 2))[inside],
        here[inside],
        atol=1e-4 * np.ptp(here[inside]),
    )


@pytest.mark.parametrize(
    ("backbone", "padding"),
    [
        ("small", "same"),
        ("alexnet", "same"),
        ("googlenet", "same"),
        ("googlenet", "pad100"),
    ],
)
def test_any_size(backbone, padding):
    if backbone == "small":
        model = FCN8s(2, small_backbone(), preprocessing=LESS_MEAN)
    else:
        model = FCN8s(2, backbone, padding=padding)
    for sides in ((1, 1), (31, 33), (70, 100)):
        scores = model(np.zeros((1, *sides, 3), "float32"))
        assert scores.shape == (1, *sides, 2)


# === Weights ===


def test_scores_begin_at_zero_and_enlarge_bilinearly():
    model = FCN8s(2, small_backbone(), preprocessing=LESS_MEAN)
    scores = model(np.ones((1, 64, 64, 3), "float32"))
    np.testing.assert_array_equal(scores, 0)
    assert not model.get_layer("upscore8").trainable_variables
    kernel = model.get_layer("upscore2").get_weights()[0][:, :, 0, 0]
    row = [0.25, 0.75, 0.75, 0.25]
    np.testing.assert_allclose(kernel, np.outer(row, row))
    learned = FCN8s(
        2, small_backbone(), preprocessing=LESS_MEAN, upsampling="learned"
    )
    assert learned.get_layer("upscore2").trainable_variables
    assert not learned.get_layer("upscore8").trainable_variables


def test_finer_networks_begin_near_the_coarse():
    """Enlarging by 2 and by 16 is nearly, not quite, enlarging by 32."""
    coarse = with_random_scores(
        FCN32s(3, small_backbone(), preprocessing=LESS_MEAN)
    )
    finer = FCN16s(3, small_backbone(), preprocessing=LESS_MEAN)
    assert continue_from(finer, coarse) == [
        "upscore2",
        "score_pool4",
        "upscore16",
    ]
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (1, 128, 160, 3)).astype("float32")
    a, b = (m.predict(images, verbose=0) for m in (coarse, finer))
    assert 0 < np.abs(a - b).mean() < 0.1 * np.abs(a).mean()
    inputs = keras.Input((4,))
    other = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(ValueError, match="no layer in common"):
        continue_from(finer, other)


def test_at_once_scales_the_skips():
    model = FCN8s(3, small_backbone(), preprocessing=LESS_MEAN, at_once=True)
    assert model.get_layer("scale_pool4").scale == 0.01
    assert model.get_layer("scale_pool3").scale == 0.0001


def test_dense_layers_become_convolutions():
    """At the middle cell of 224 x 224 fc7 is the classifier's."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (1, 224, 224, 3)).astype("float32")
    classifier = VGG16(classes=3, include_preprocessing=False)
    dense = keras.Model(classifier.input, classifier.get_layer("fc7").output)
    expected = dense(LESS_MEAN(images))
    assert np.ptp(expected) > 0
    weights = [
        SourceWeight(v.path, "/".join(v.path.split("/")[-2:]), v.numpy())
        for v in classifier.weights
    ]
    # Two networks of 134 million parameters are more than one needs.
    del classifier, dense
    gc.collect()
    model = FCN32s(3)
    assign(model, weights, "VGG-16", strict=False, skip=("fc8", "score_"))
    inner = keras.Model(model.input, model.get_layer("fc7").output)
    np.testing.assert_allclose(
        inner(images)[:, 3, 3], expected, atol=1e-5 * np.ptp(expected)
    )


def test_published_weights_reach_the_trunk(vgg16_file):
    model = FCN8s(2, weights=vgg16_file)
    kernel = model.get_layer("conv1_1").get_weights()[0]
    assert np.abs(kernel).max() > 0.2
    with pytest.raises(ValueError, match="do not fit"):
        FCN8s(2, "googlenet", weights=vgg16_file)


def caffe_file(path, backbone, classes, scales=False):
    """Write FCN-8s as the authors' file has it, of a small classifier."""
    pytest.importorskip("google.protobuf")
    from kcv.weights.caffe_messages import NetParameter

    net = NetParameter()
    rng = np.random.default_rng(classes)
    model = FCN8s(classes, backbone, preprocessing=LESS_MEAN)
    expected = {}
    for layer in leaves(model):
        if not layer.weights:
            continue
        added = net.layer.add(name=layer.name, type="Convolution")
        if layer.name.startswith("upscore"):
            added.type = "Deconvolution"
        for number, variable in enumerate(layer.weights):
            value = rng.normal(size=variable.shape).astype("float32")
            expected[f"{layer.name}/{number}"] = value
            # (out, in, H, W), and channels are BGR.
            if value.ndim == 4:
                value = value[:, :, ::-1] if value.shape[2] == 3 else value
                value = value.transpose(3, 2, 0, 1)
            blob = added.blobs.add()
            blob.shape.dim.extend(value.shape)
            blob.data.extend(value.ravel())
    for pool, scale in (("pool4", 0.01), ("pool3", 0.0001)) if scales else ():
        added = net.layer.add(name=f"scale_{pool}", type="Scale")
        blob = added.blobs.add()
        blob.shape.dim.append(1)
        blob.data.append(scale)
    path.write_bytes(net.SerializeToString())
    return path, expected


def assert_weights(model, expected, names=None):
    for layer in leaves(model):
        if names is None or layer.name in names:
            for number, value in enumerate(layer.get_weights()):
                np.testing.assert_array_equal(
                    value, expected[f"{layer.name}/{number}"]
                )


def named_backbone():
    """A small network whose layers have names, as published ones do."""
    images = x = keras.Input((None, None, 3))
    for number in range(1, 6):
        x = keras.layers.Conv2D(4, 3, padding="same", name=f"conv{number}")(x)
        x = keras.layers.MaxPooling2D(2, padding="same", name=f"pool{number}")(
            x
        )
    return keras.Model(images, x, name="named")


def test_the_authors_weights_are_loaded_with_their_scores(tmp_path, caplog):
    path, expected = caffe_file(
        tmp_path / "fcn8s.caffemodel", named_backbone(), 5
    )
    model = FCN8s(5, named_backbone(), preprocessing=LESS_MEAN, weights=path)
    assert_weights(model, expected)
    images = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    assert np.ptp(model.predict(images, verbose=0)) > 0
    assert not caplog.records
    # And the same by a file of kcv's own.
    model.save_weights(tmp_path / "fcn8s.weights.h5")
    again = FCN8s(
        5,
        named_backbone(),
        preprocessing=LESS_MEAN,
        weights=tmp_path / "fcn8s.weights.h5",
    )
    assert_weights(again, expected)


def test_scores_of_other_classes_are_named(tmp_path, caplog):
    path, expected = caffe_file(
        tmp_path / "fcn8s.caffemodel", named_backbone(), 5
    )
    model = FCN8s(3, named_backbone(), preprocessing=LESS_MEAN, weights=path)
    assert_weights(model, expected, ["conv1", "conv5"])
    assert not np.any(model.get_layer("score_fr").get_weights()[0])
    (record,) = caplog.records
    for name in ("score_fr", "score_pool3", "score_pool4", "3 classes"):
        assert name in record.getMessage()


def test_a_coarser_network_takes_what_it_has_of_a_finer(tmp_path, caplog):
    path, expected = caffe_file(
        tmp_path / "fcn8s.caffemodel", named_backbone(), 5
    )
    model = FCN32s(5, named_backbone(), preprocessing=LESS_MEAN, weights=path)
    assert_weights(model, expected, ["conv5", "score_fr"])
    (record,) = caplog.records
    assert "upscore " in record.getMessage()
    assert "score_fr" not in record.getMessage()


def test_scaled_skips_belong_to_their_weights(tmp_path):
    path, expected = caffe_file(
        tmp_path / "at-once.caffemodel", named_backbone(), 5, scales=True
    )
    model = FCN8s(
        5, named_backbone(), preprocessing=LESS_MEAN, at_once=True, weights=path
    )
    assert_weights(model, expected)
    with pytest.raises(ValueError, match="`at_once` must be True"):
        FCN8s(5, named_backbone(), preprocessing=LESS_MEAN, weights=path)


def test_save_and_load(tmp_path):
    model = with_random_scores(
        FCN8s(3, small_backbone(), preprocessing=LESS_MEAN)
    )
    images = np.random.default_rng(0).uniform(0, 255, (1, 50, 70, 3))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_a_trained_model_needs_no_more_than_its_chapter(tmp_path):
    """The file names solver, loss and metric; a new process finds them."""
    model = FCN32s(3, small_backbone(), preprocessing=LESS_MEAN)
    model.compile(
        kcv.optimizers.CaffeSGD(1e-3),
        kcv.losses.PixelwiseCrossEntropy(class_weights=[0.5, 1.0, 1.0]),
        metrics=[kcv.metrics.MeanIU(3)],
    )
    images, labels = np.zeros((1, 32, 32, 3)), np.zeros((1, 32, 32), int)
    model.fit(images, labels, verbose=0)
    # As recipes save it, within another.
    kcv.segmentation.resize_inputs(model, 64).save(tmp_path / "model.keras")
    code = (
        "import sys, keras, kcv.segmentation\n"
        "keras.models.load_model(sys.argv[1])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "model.keras")]
    subprocess.run(command, check=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": 4}, "stride=4"),
        ({"classes": 1}, "classes=1"),
        ({"padding": "valid"}, "'valid'"),
        ({"upsampling": "nearest"}, "'nearest'"),
        ({"backbone": "vgg"}, "backbone='vgg'"),
        ({"backbone": "model"}, "short has no pool5"),
        ({"backbone": "small", "padding": "pad100"}, "of the paper"),
        ({"backbone": "small"}, "preprocessing=None"),
        ({"preprocessing": LESS_MEAN}, "must be None unless"),
    ],
)
def test_errors(options, message):
    if options.get("backbone") == "small":
        options = {**options, "backbone": small_backbone()}
    if options.get("backbone") == "model":
        small = small_backbone()
        short = keras.Model(
            small.inputs, small.get_layer("pool4").output, name="short"
        )
        options = {**options, "backbone": short}
    with pytest.raises(ValueError, match=message):
        FCN(**options)
