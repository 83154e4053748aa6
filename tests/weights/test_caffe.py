"""Files written here, against oracles in Caffe's own layout."""

import re
import sys

import keras
import numpy as np
import pytest

from kcv.classification import VGG16
from kcv.classification import AlexNet
from kcv.classification import GoogLeNet
from kcv.classification import ResNet50
from kcv.weights import load_caffe
from kcv.weights import load_torchvision
from kcv.weights import load_weights
from kcv.weights.caffe_messages import NetParameter
from tests.weights.caffe_writer import convolve
from tests.weights.caffe_writer import normal
from tests.weights.caffe_writer import write


def relative_error(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


# A network of every kind of layer, on images of 7 x 9, with maps of 4 x 8.
CONV1 = (normal(6, 3, 3, 2), normal(6))
CONV2 = (normal(4, 3, 2, 1), normal(4))  # two groups of three channels
FC3 = (normal(5, 4 * 4 * 8, scale=0.1), normal(5))
FC4 = (normal(5, 5), normal(5))
SMALL = [
    ("data", "Input", "x", "data", ()),
    ("conv1", "Convolution", "data", "conv1", CONV1),
    ("relu1", "ReLU", "conv1", "conv1", ()),
    ("block/2", "Convolution", "conv1", "2", CONV2),
    ("fc3", "InnerProduct", "2", "fc3", FC3),
    ("fc4", "InnerProduct", "fc3", "fc4", FC4),
]


def small(classes=5):
    image = keras.Input((7, 9, 3))
    x = keras.layers.Conv2D(6, (3, 2), activation="relu", name="conv1")(image)
    x = keras.layers.Conv2D(4, (2, 1), groups=2, name="block_2")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Dense(5, name="fc3")(x)
    x = keras.layers.Dense(classes, name="fc4")(x)
    return keras.Model(image, x, name="small")


def small_oracle(pixels, bgr=True):
    x = pixels.transpose(0, 3, 1, 2)
    x = x[:, ::-1] if bgr else x
    x = np.maximum(convolve(x, *CONV1), 0)
    x = convolve(x, *CONV2, groups=2)
    x = x.reshape(len(x), -1) @ FC3[0].T + FC3[1]  # from (C, H, W)
    return x @ FC4[0].T + FC4[1]


@pytest.mark.parametrize("version", ["layer", "layers"])
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("bgr", [True, False])
def test_outputs_are_caffes(tmp_path, version, double, bgr):
    path = write(tmp_path / "small.caffemodel", SMALL, version, double)
    model = small()
    report = load_caffe(model, path, bgr=bgr)
    assert len(report.matched) == len(model.weights) == 8
    assert not report.missing
    assert report.source == str(path)
    pixels = normal(2, 7, 9, 3, seed=1)
    expected = small_oracle(pixels, bgr)
    np.testing.assert_allclose(model(pixels), expected, rtol=1e-4, atol=1e-4)


def test_the_wire_format_is_caffes(tmp_path):
    # By hand, from the numbers of caffe.proto; field 100 takes two bytes.
    def field(number, content):
        tag = number << 3 | 2
        head = [tag & 127 | 128, tag >> 7] if tag > 127 else [tag]
        return bytes([*head, len(content)]) + content

    values = np.float32([1, 2, 3, 4, 5, 6])
    shape = field(7, field(1, bytes([2, 3])))
    blob = field(7, shape + field(5, values.tobytes()))
    unknown = field(106, field(7, b"\x01"))
    layer = field(1, b"fc") + field(2, b"InnerProduct") + blob + unknown
    path = tmp_path / "hand.caffemodel"
    path.write_bytes(field(1, b"net") + field(100, layer))
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, use_bias=False, name="fc")]
    )
    load_caffe(model, path)
    np.testing.assert_array_equal(
        model.get_weights()[0], [[1, 4], [2, 5], [3, 6]]
    )


@pytest.mark.slow
def test_vgg16_answers_as_from_torchvisions_file(
    tmp_path, golden_state, golden_image
):
    """Of 64 pixels: fc6 sees 2 x 2 cells, and no file has 550 MB.

    That torchvision's file gives torchvision's logits is a test of its own.
    """
    state = golden_state("vgg16", {"classifier.0.weight": (4096, 512 * 2 * 2)})
    names = [
        *(f"conv{b}_{n}" for b in (1, 2) for n in (1, 2)),
        *(f"conv{b}_{n}" for b in (3, 4, 5) for n in (1, 2, 3)),
        *("fc6", "fc7", "fc8"),
    ]
    arrays = list(state.values())
    layers = []
    for number, name in enumerate(names):
        kernel, bias = arrays[2 * number : 2 * number + 2]
        kind = "Convolution" if kernel.ndim == 4 else "InnerProduct"
        if number == 0:
            kernel = kernel[:, ::-1]
        layers.append((name, kind, "below", name, (kernel, bias)))
    # As the authors' own file: of the first version, with four sizes a blob.
    path = write(tmp_path / "vgg16.caffemodel", layers, "layers")
    options = {
        "input_shape": (64, 64, 3),
        "classifier_activation": None,
        "include_preprocessing": False,
    }
    model, other = VGG16(**options), VGG16(**options)
    report = load_weights(model, path)
    load_torchvision(other, state)
    assert len(report.matched) == len(model.weights) == 32
    image = golden_image[:, 80:144, 80:144]
    logits = np.asarray(model(image))
    assert np.ptp(logits) > 0.1
    np.testing.assert_allclose(logits, other(image), rtol=1e-5, atol=1e-6)


def as_caffe_has_them(model, flattened):
    """List a network's layers with Caffe's names, and their arrays."""
    layers, below = [], "data"
    for layer in model.layers:
        if not layer.weights:
            continue
        kernel, bias = layer.get_weights()
        if kernel.ndim == 4:
            kind, kernel = "Convolution", kernel.transpose(3, 2, 0, 1)
            if not layers:
                kernel = kernel[:, ::-1]  # BGR
        else:
            kind, shape = "InnerProduct", flattened.get(layer.name)
            if shape:
                kernel = kernel.reshape(*shape, -1).transpose(2, 0, 1, 3)
            kernel = kernel.reshape(-1, len(bias)).T
        name = re.sub(
            r"^(inception_\d[a-e]|conv[12](?=_\d)|loss[123])_",
            r"\1/",
            layer.name,
        )
        layers.append((name, kind, below, name, (kernel, bias)))
        below = name
    return layers


@pytest.mark.parametrize(
    ("build", "flattened"),
    [
        # conv2, conv4 and conv5 have two groups.
        (
            lambda: AlexNet(
                input_shape=(99, 99, 3), classes=7, variant="caffe"
            ),
            {"fc6": (2, 2, 256)},
        ),
        (
            lambda: GoogLeNet(classes=7, aux_heads=True),
            {"loss1_fc": (4, 4, 128), "loss2_fc": (4, 4, 128)},
        ),
    ],
    ids=["alexnet", "googlenet"],
)
def test_networks_of_the_model_zoo(tmp_path, build, flattened):
    keras.utils.set_random_seed(0)
    trained, model = build(), build()
    layers = as_caffe_has_them(trained, flattened)
    file = write(tmp_path / "zoo.caffemodel", layers)
    report = load_caffe(model, file)
    assert len(report.matched) == len(model.weights)
    assert not report.left_over
    for got, expected in zip(model.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(got, expected, err_msg=expected.path)


def bn_layers(eps=None, factor=2.0, scale=True):
    """A convolution with a bias, its BatchNorm and its Scale, in place."""
    values = {
        "kernel": normal(4, 3, 3, 3),
        "bias": normal(4),
        "mean": normal(4, seed=1),
        "variance": np.abs(normal(4, seed=2)) * 1e-3,
        "gamma": normal(4, seed=3),
        "beta": normal(4, seed=4),
    }
    weights = [values["kernel"], values["bias"]]
    statistics = [
        values["mean"] * factor,
        values["variance"] * factor,
        np.float32([factor]),
    ]
    option = {} if eps is None else {_eps: eps}
    layers = [
        ("conv1", "Convolution", "data", "c", weights),
        ("bn_conv1", "BatchNorm", "c", "c", statistics, option),
        ("scale_conv1", "Scale", "c", "c", [values["gamma"], values["beta"]]),
    ]
    return values, layers if scale else layers[:2]


def _eps(layer):
    return layer.batch_norm_param, "eps"


def bn_model(use_bias, epsilon):
    image = keras.Input((5, 6, 3))
    x = keras.layers.Conv2D(4, 3, use_bias=use_bias, name="conv1")(image)
    x = keras.layers.BatchNormalization(epsilon=epsilon, name="bn_conv1")(x)
    return keras.Model(image, x)


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize(
    ("eps", "epsilon"), [(None, 1e-5), (None, 1e-3), (2e-3, 1e-5)]
)
def test_batch_norm_and_scale(tmp_path, use_bias, eps, epsilon):
    values, layers = bn_layers(eps)
    path = write(tmp_path / "bn.caffemodel", layers)
    model = bn_model(use_bias, epsilon)
    report = load_caffe(model, path)
    assert len(report.matched) == len(model.weights)
    pixels = normal(2, 5, 6, 3, seed=1)
    x = pixels[..., ::-1].transpose(0, 3, 1, 2)
    x = convolve(x, values["kernel"], values["bias"])
    x = x.transpose(0, 2, 3, 1) - values["mean"]
    x = x / np.sqrt(values["variance"] + (eps or 1e-5))
    expected = x * values["gamma"] + values["beta"]
    assert relative_error(np.asarray(model(pixels)), expected) < 1e-5


def test_statistics_of_an_untrained_network_are_zero(tmp_path):
    _, layers = bn_layers(factor=0.0)
    path = write(tmp_path / "bn.caffemodel", layers)
    model = bn_model(use_bias=True, epsilon=1e-5)
    load_caffe(model, path)
    _, _, mean, variance = model.get_layer("bn_conv1").get_weights()
    assert not mean.any()
    assert not variance.any()


def test_a_scale_alone_is_left_over(tmp_path):
    _, layers = bn_layers()
    path = write(tmp_path / "bn.caffemodel", [layers[0], layers[2]])
    model = bn_model(use_bias=True, epsilon=1e-5)
    with pytest.raises(ValueError, match=r"left over .*scale_conv1/0"):
        load_caffe(model, path)


def test_resnet50_with_a_bias_in_conv1(tmp_path):
    options = {
        "input_shape": (32, 32, 3),
        "classes": 3,
        "include_preprocessing": False,
        "pool1": "ceil",
    }
    keras.utils.set_random_seed(0)
    original = ResNet50(**options)
    for number, variable in enumerate(original.weights):
        if variable.name != "kernel":
            shift = normal(*variable.shape, seed=number, scale=0.1)
            variable.assign(np.asarray(variable) + np.abs(shift))
    bias = normal(64)
    layers, blob = [], "data"
    for layer in original.layers:
        arrays = layer.get_weights()
        if isinstance(layer, keras.layers.Conv2D):
            arrays = [arrays[0].transpose(3, 2, 0, 1)]
            if layer.name == "conv1":
                arrays = [arrays[0][:, ::-1], bias]
            blob = layer.name
            layers.append((layer.name, "Convolution", "x", blob, arrays))
        elif isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = arrays
            if layer.name == "bn_conv1":
                mean = mean + bias
            statistics = [7 * mean, 7 * variance, np.float32([7])]
            layers.append((layer.name, "BatchNorm", blob, blob, statistics))
            name = layer.name.replace("bn", "scale", 1)
            layers.append((name, "Scale", blob, blob, [gamma, beta]))
        elif arrays:
            arrays = [arrays[0].T, arrays[1]]
            layers.append((layer.name, "InnerProduct", "x", "y", arrays))
    path = write(tmp_path / "ResNet-50-model.caffemodel", layers)
    pixels = normal(2, 32, 32, 3, scale=50)
    model = ResNet50(weights=path, **options)
    np.testing.assert_allclose(model(pixels), original(pixels), atol=1e-5)

    other = ResNet50(stride_in="3x3", include_top=False)
    with pytest.raises(ValueError, match='build it with stride_in="1x1"'):
        load_caffe(other, path, skip="fc1000")
    other = ResNet50(include_top=False)
    with pytest.raises(ValueError, match='build it with pool1="ceil"'):
        load_caffe(other, path, skip="fc1000")


def test_another_normalization_is_refused(tmp_path):
    path = write(tmp_path / "small.caffemodel", SMALL)
    model = AlexNet(include_top=False, variant="paper")
    with pytest.raises(ValueError, match=r"'norm1'.*variant=\"caffe\""):
        load_caffe(model, path)


def test_dense_layers_become_convolutions_and_back(tmp_path):
    dense = write(tmp_path / "dense.caffemodel", SMALL)
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(6, (3, 2), activation="relu", name="conv1")(image)
    x = keras.layers.Conv2D(4, (2, 1), groups=2, name="block_2")(x)
    x = keras.layers.Conv2D(5, (4, 8), name="fc3")(x)
    convolutional = keras.Model(image, keras.layers.Conv2D(5, 1, name="fc4")(x))
    load_caffe(convolutional, dense)
    pixels = normal(2, 7, 9, 3, seed=1)
    expected = small_oracle(pixels)
    np.testing.assert_allclose(
        convolutional(pixels)[:, 0, 0], expected, rtol=1e-4, atol=1e-4
    )

    layers = [
        *SMALL[:4],
        ("fc3", "Convolution", "2", "3", (FC3[0].reshape(5, 4, 4, 8), FC3[1])),
        ("fc4", "Convolution", "3", "4", (FC4[0].reshape(5, 5, 1, 1), FC4[1])),
    ]
    path = write(tmp_path / "convolutional.caffemodel", layers)
    model = small()
    load_caffe(model, path)
    np.testing.assert_allclose(model(pixels), expected, rtol=1e-4, atol=1e-4)


def test_a_transposed_inner_product(tmp_path):
    def transpose(layer):
        return layer.inner_product_param, "transpose"

    kernel = normal(3, 3)
    layers = [("fc", "InnerProduct", "x", "y", [kernel], {transpose: True})]
    path = write(tmp_path / "transposed.caffemodel", layers)
    dense = keras.layers.Dense(3, use_bias=False, name="fc")
    load_caffe(keras.Sequential([keras.Input((3,)), dense]), path)
    np.testing.assert_array_equal(dense.get_weights()[0], kernel)


def test_names_and_skipped_layers(tmp_path):
    layers = [(f"old_{name}", *rest) for name, *rest in SMALL]
    path = write(tmp_path / "renamed.caffemodel", layers)
    names = {"old_conv1": "conv1", "old_block/2": "block_2"}
    names |= {"old_fc3": "fc3", "old_fc4": "fc4"}
    model = small(classes=2)
    report = load_caffe(model, path, names=names, skip="fc4")
    assert report.skipped == ("fc4/kernel", "fc4/bias")
    assert len(report.matched) == 6
    with pytest.raises(ValueError, match="has no layers fc9; it has old_conv1"):
        load_caffe(model, path, names={"fc9": "fc4"})


def test_other_classes_are_named(tmp_path):
    path = write(tmp_path / "small.caffemodel", SMALL)
    model = small(classes=2)
    before = model.get_weights()
    with pytest.raises(ValueError, match="5 units would take it") as error:
        load_caffe(model, path)
    message = str(error.value)
    assert "fc4/kernel: the model has (5, 2), the source (5, 5)" in message
    assert str(path) in message
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_another_network_is_refused(tmp_path):
    path = write(tmp_path / "small.caffemodel", SMALL)
    model = VGG16(include_top=False)
    with pytest.raises(ValueError, match=r"small\.caffemodel") as error:
        load_caffe(model, path)
    message = str(error.value)
    assert "missing in the source (26): conv1_1/kernel" in message
    assert "left over in the source (8): conv1/kernel" in message


def test_a_truncated_file_is_named(tmp_path):
    path = write(tmp_path / "small.caffemodel", SMALL)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"small\.caffemodel .*truncated"):
        load_caffe(small(), path)


def test_a_blob_that_lacks_values_is_named(tmp_path):
    path = write(tmp_path / "small.caffemodel", SMALL)
    net = NetParameter.FromString(path.read_bytes())
    net.layer[4].blobs[0].shape.dim[1] += 1
    path.write_bytes(net.SerializeToString())
    message = r"blob 0 of the layer 'fc3' has 640 .*\(5, 129\) takes 645"
    with pytest.raises(ValueError, match=message):
        load_caffe(small(), path)


@pytest.mark.parametrize("net", [{}, {"name": "no layers"}])
def test_a_file_without_weights_is_named(tmp_path, net):
    path = tmp_path / "empty.caffemodel"
    path.write_bytes(NetParameter(**net).SerializeToString())
    with pytest.raises(ValueError, match=r"empty\.caffemodel holds no weights"):
        load_caffe(small(), path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.caffemodel"):
        load_caffe(small(), tmp_path / "nowhere.caffemodel")


def test_a_missing_library_is_named(monkeypatch, tmp_path):
    path = write(tmp_path / "small.caffemodel", SMALL)
    monkeypatch.setitem(sys.modules, "google.protobuf.message", None)
    with pytest.raises(ImportError, match=r"pip install .*\[weights\]"):
        load_caffe(small(), path)


def test_an_order_that_cannot_be_known_is_refused(tmp_path):
    class Subclass(keras.Model):
        def __init__(self):
            super().__init__(name="subclass")
            self.conv1 = keras.layers.Conv2D(6, (3, 2), name="conv1")
            self.conv2 = keras.layers.Conv2D(4, (2, 1), groups=2, name="c2")
            self.fc3 = keras.layers.Dense(5, name="fc3")
            self.fc4 = keras.layers.Dense(5, name="fc4")

        def call(self, x):
            x = self.conv2(self.conv1(x))
            x = keras.ops.reshape(x, (len(x), -1))
            return self.fc4(self.fc3(x))

    path = write(tmp_path / "small.caffemodel", SMALL)
    model = Subclass()
    model(np.zeros((1, 7, 9, 3)))
    names = {"block/2": "c2"}
    with pytest.raises(ValueError, match="map below 'fc3'.*functional"):
        load_caffe(model, path, names=names)
    # What is behind another dense layer is in order.
    report = load_caffe(model, path, names=names, skip="fc3")
    assert "fc4/kernel" in report.matched
