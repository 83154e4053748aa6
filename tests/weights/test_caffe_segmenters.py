"""Files of segmenters with their authors' names, and their networks in NumPy.

The networks are those of the authors' prototxt files, in narrow.
"""

import keras
import numpy as np
import pytest

from kcv.classification import vgg
from kcv.segmentation import DeconvNet
from kcv.segmentation import FCN8s
from kcv.segmentation import FCN16s
from kcv.segmentation import FCN32s
from kcv.segmentation import SegNet
from kcv.segmentation import SegNetBasic
from kcv.segmentation.fcn import FCN_MEAN
from kcv.weights import load_weights
from tests.weights.caffe_writer import convolve
from tests.weights.caffe_writer import normal
from tests.weights.caffe_writer import write

CLASSES = 5
# As many convolutions as VGG-16 has in its last blocks, whose kernels are of
# one shape.
BLOCKS = ((2, 4), (2, 6), (3, 8), (3, 8))


class Net:
    """A network that computes maps (C, H, W) while it is written down."""

    def __init__(self):
        self.layers = []

    def add(self, name, kind, *arrays):
        top = self.layers[-1][3] if kind in ("BN", "Scale") else name
        bottom = self.layers[-1][3] if self.layers else "data"
        self.layers.append((name, kind, bottom, top, arrays))
        return arrays

    def weights(self, name, kind, out, into, size):
        """Draw a kernel (O, I, h, w), or (I, O, h, w), and a bias."""
        sides = (out, into) if kind == "Convolution" else (into, out)
        seed = len(self.layers)
        # fc7 of FCN has 17 million weights, which would take long to draw.
        drawn = normal(min(out * into * np.prod(size), 99_991), seed=seed)
        kernel = np.resize(drawn, (*sides, *size))
        kernel /= np.sqrt(into * np.prod(size) / 2)
        return self.add(name, kind, kernel, 0.1 * normal(out, seed=seed))

    def convolution(self, x, name, out, size=3, pad=None):
        kernel, bias = self.weights(
            name, "Convolution", out, len(x), (size, size)
        )
        pad = size // 2 if pad is None else pad
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        return convolve(x[None], kernel, bias)[0]

    def deconvolution(self, x, name, out, size, pad):
        """A transposed convolution of stride 1."""
        kernel, bias = self.weights(name, "Deconvolution", out, len(x), size)
        edges = [(0, 0), *((side - 1 - pad,) * 2 for side in size)]
        turned = kernel.swapaxes(0, 1)[:, :, ::-1, ::-1]
        return convolve(np.pad(x, edges)[None], turned, bias)[0]

    def upsampling(self, x, name, size, stride):
        """A transposed convolution without a bias."""
        (kernel,) = self.add(
            name, "Deconvolution", normal(len(x), len(x), size, size)
        )
        _, rows, columns = x.shape
        found = np.zeros(
            (len(x), *((n - 1) * stride + size for n in (rows, columns)))
        )
        for i in range(rows):
            for j in range(columns):
                part = np.einsum("i,iohw->ohw", x[:, i, j], kernel)
                top, left = i * stride, j * stride
                found[:, top : top + size, left : left + size] += part
        return found

    def normalization(self, x, name, relu=True):
        """The BN layer of a network whose statistics are in its weights."""
        seed = len(self.layers)
        scale = 1 + 0.3 * normal(1, len(x), 1, 1, seed=seed)
        shift = 0.1 * normal(1, len(x), 1, 1, seed=seed + 1)
        self.add(name, "BN", scale, shift)
        x = x * scale[0] + shift[0]
        return np.maximum(x, 0) if relu else x


def pool(x):
    """Pool 2x2 cells, rounding up; return maxima and where they were first."""
    depth, rows, columns = x.shape
    padded = np.pad(
        x, ((0, 0), (0, rows % 2), (0, columns % 2)), constant_values=-np.inf
    )
    sides = (rows + 1) // 2, (columns + 1) // 2
    cells = padded.reshape(depth, sides[0], 2, sides[1], 2)
    cells = cells.swapaxes(2, 3).reshape(depth, *sides, 4)
    return cells.max(-1), cells.argmax(-1), (rows, columns)


def unpool(x, first, sides):
    depth, rows, columns = x.shape
    cells = x[..., None] * (np.arange(4) == first[..., None])
    cells = cells.reshape(depth, rows, columns, 2, 2).swapaxes(2, 3)
    whole = cells.reshape(depth, 2 * rows, 2 * columns)
    return whole[:, : sides[0], : sides[1]]


def image(height, width):
    return np.random.default_rng(7).uniform(0, 255, (1, height, width, 3))


def as_caffe_sees_it(pixels):
    """BGR, channels first."""
    return pixels[0, :, :, ::-1].transpose(2, 0, 1)


def assert_equal_scores(model, pixels, expected):
    found = np.asarray(model(pixels.astype("float32")))[0].transpose(2, 0, 1)
    assert np.std(expected) > 0
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=1e-4 * np.abs(expected).max()
    )


# === SegNet ===


def segnet(pixels, head):
    net, x, masks = Net(), as_caffe_sees_it(pixels), []
    for block, (count, filters) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            x = net.convolution(x, f"conv{block}_{number}", filters)
            x = net.normalization(x, f"conv{block}_{number}_bn")
        x, *mask = pool(x)
        masks.append(mask)
    for block in (4, 3, 2, 1):
        x = unpool(x, *masks[block - 1])
        count, filters = BLOCKS[block - 1]
        for number in range(count, 0, -1):
            layer = f"conv{block}_{number}_D"
            if layer == f"{head}":
                continue
            if number == 1 and block > 1:
                filters = BLOCKS[block - 2][1]
            x = net.convolution(x, layer, filters)
            x = net.normalization(x, f"{layer}_bn")
    return net, net.convolution(x, head, CLASSES)


@pytest.mark.parametrize("head", ["conv1_1_D", "camvid"])
def test_segnet(tmp_path, head):
    """Of the model zoo; "camvid" is the head of the Bayesian SegNet."""
    pixels = image(23, 30)
    net, expected = segnet(pixels, head)
    path = write(tmp_path / "segnet.caffemodel", net.layers)
    options = {"blocks": BLOCKS, "separate_scores": head == "camvid"}
    model = SegNet(CLASSES, weights=path, dropout=0.5, **options)
    assert_equal_scores(model, pixels, expected)
    again = SegNet(CLASSES, **options)
    report = load_weights(again, path)
    assert len(report.matched) == len(again.weights)
    assert not report.left_over
    assert_equal_scores(again, pixels, expected)


@pytest.mark.parametrize(
    "head", ["conv_classifier", "dense_softmax_inner_prod"]
)
def test_segnet_basic(tmp_path, head):
    """Of the tutorial and of the model zoo."""
    pixels = image(45, 61)
    net, x, masks = Net(), as_caffe_sees_it(pixels), []
    squares = (x**2).sum(0)  # five channels around each are all three
    x = x / (1 + 1e-4 / 5 * squares) ** 0.75
    for number in (1, 2, 3, 4):
        x = net.convolution(x, f"conv{number}", 6, size=7)
        x = net.normalization(x, f"conv{number}_bn")
        x, *mask = pool(x)
        masks.append(mask)
    for number in (4, 3, 2, 1):
        x = unpool(x, *masks[number - 1])
        x = net.convolution(x, f"conv_decode{number}", 6, size=7)
        x = net.normalization(x, f"conv_decode{number}_bn", relu=False)
    expected = net.convolution(x, head, CLASSES, size=1)
    path = write(tmp_path / "basic.caffemodel", net.layers)
    model = SegNetBasic(CLASSES, filters=6, weights=path)
    assert_equal_scores(model, pixels, expected)


def test_scores_of_other_classes_keep_their_values(tmp_path, caplog):
    net, _ = segnet(image(16, 16), "conv1_1_D")
    path = write(tmp_path / "segnet.caffemodel", net.layers)
    model = SegNet(CLASSES + 1, blocks=BLOCKS, weights=path)
    (record,) = caplog.records
    assert "no conv1_1_D of 6 classes" in record.getMessage()
    (scale,) = (x[4][0] for x in net.layers if x[0] == "conv4_1_D_bn")
    gamma = model.get_layer("conv4_1_D_bn").gamma
    np.testing.assert_array_equal(gamma, scale.ravel())


@pytest.mark.parametrize("lost", ["conv4_2_D", "conv1_2_D_bn", "conv2_1"])
def test_a_network_without_one_of_its_layers_is_refused(tmp_path, lost):
    net, _ = segnet(image(16, 16), "conv1_1_D")
    layers = [layer for layer in net.layers if layer[0] != lost]
    path = write(tmp_path / "segnet.caffemodel", layers)
    with pytest.raises(ValueError, match=f"another network(.|\n)*{lost}"):
        SegNet(CLASSES, blocks=BLOCKS, weights=path)


# === DeconvNet ===


def deconvnet(pixels, units):
    mean = np.float32(FCN_MEAN)
    net, x, masks = Net(), as_caffe_sees_it(pixels - mean), []
    for block, (count, filters) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            x = net.convolution(x, f"conv{block}_{number}", filters)
            x = net.normalization(x, f"bn{block}_{number}")
        x, *mask = pool(x)
        masks.append(mask)
    size = x.shape[1:]
    kernel, bias = net.weights("fc6", "Convolution", units, len(x), size)
    x = net.normalization(convolve(x[None], kernel, bias)[0], "bnfc6")
    x = net.normalization(net.convolution(x, "fc7", units, 1), "bnfc7")
    x = net.deconvolution(x, "fc6-deconv", 8, size, 0)
    x = net.normalization(x, "fc6-deconv-bn")
    for block in (4, 3, 2, 1):
        x = unpool(x, *masks[block - 1])
        count, filters = BLOCKS[block - 1]
        for number in range(1, count + 1):  # up, other than SegNet's
            if number == count and block > 1:
                filters = BLOCKS[block - 2][1]
            layer = f"{block}_{number}"
            x = net.deconvolution(x, f"deconv{layer}", filters, (3, 3), 1)
            x = net.normalization(x, f"debn{layer}")
    return net, net.convolution(x, "seg-score-voc", CLASSES, 1)


@pytest.mark.parametrize("version", ["layers", "layer"])
def test_deconvnet(tmp_path, version):
    """The published file is of the version with numbers for types."""
    pixels = image(32, 48)
    net, expected = deconvnet(pixels, units=12)
    path = write(tmp_path / "deconvnet.caffemodel", net.layers, version)
    options = {"input_shape": (32, 48, 3), "blocks": BLOCKS, "units": 12}
    model = DeconvNet(CLASSES, weights=path, **options)
    assert_equal_scores(model, pixels, expected)
    again = DeconvNet(CLASSES, **options)
    report = load_weights(again, path)
    assert len(report.matched) == len(again.weights)
    assert not report.left_over


# === FCN ===


@pytest.fixture
def narrow_vgg(monkeypatch):
    filters = (3, 4, 5, 6, 7)
    monkeypatch.setattr(vgg, "_FILTERS", filters)
    return tuple(zip((2, 2, 3, 3, 3), filters, strict=True))


def crop(x, offset, like):
    _, height, width = like.shape
    return x[:, offset : offset + height, offset : offset + width]


def fcn(pixels, stride, blocks, at_once):
    mean = np.float32(FCN_MEAN)
    net, x, maps = Net(), as_caffe_sees_it(pixels - mean), {}
    data = x
    for block, (count, filters) in enumerate(blocks, start=1):
        for number in range(1, count + 1):
            layer = f"conv{block}_{number}"
            pad = 100 if layer == "conv1_1" else 1
            x = np.maximum(net.convolution(x, layer, filters, pad=pad), 0)
        x = maps[f"pool{block}"] = pool(x)[0]
    for layer, size in (("fc6", 7), ("fc7", 1)):
        x = np.maximum(net.convolution(x, layer, 4096, size, pad=0), 0)
    x = net.convolution(x, "score_fr", CLASSES, 1)
    current = 32
    for finer, layer, skip, scale, offset in (
        (16, "upscore2", "pool4", 0.01, 5),
        (8, "upscore_pool4", "pool3", 0.0001, 9),
    ):
        if stride > finer:
            break
        x = net.upsampling(x, layer, 4, 2)
        below = maps[skip]
        if at_once:
            scales = np.full(len(below), scale, "float32")
            net.add(f"scale_{skip}", "Scale", scales)
            below = below * scale
        skip = net.convolution(below, f"score_{skip}", CLASSES, 1)
        x, current = x + crop(skip, offset, x), finer
    layer = "upscore" if current == 32 else f"upscore{current}"
    x = net.upsampling(x, layer, 2 * current, current)
    return net, crop(x, {32: 19, 16: 27, 8: 31}[stride], data)


@pytest.mark.parametrize(
    ("build", "stride", "at_once"),
    [
        pytest.param(FCN32s, 32, False, marks=pytest.mark.slow),
        pytest.param(FCN16s, 16, False, marks=pytest.mark.slow),
        (FCN8s, 8, True),
    ],
)
def test_fcn(tmp_path, narrow_vgg, zero_weights, build, stride, at_once):
    pixels = image(9, 14)
    net, expected = fcn(pixels, stride, narrow_vgg, at_once)
    path = write(tmp_path / "fcn.caffemodel", net.layers)
    options = {"padding": "pad100"} | ({"at_once": True} if at_once else {})
    model = build(CLASSES, weights=path, **options)
    assert_equal_scores(model, pixels, expected)
    report = load_weights(model, path)
    assert len(report.matched) == len(model.weights)
    assert not report.left_over


def test_another_scale_than_the_networks_is_refused(tmp_path):
    images = keras.Input((4, 4, 3))
    x = keras.layers.Rescaling(0.01, name="scale_pool4")(images)
    x = keras.layers.Conv2D(2, 1, name="score_pool4")(x)
    model = keras.Model(images, x)
    net = Net()
    net.convolution(np.zeros((3, 4, 4)), "score_pool4", 2, 1)
    net.add("scale_pool4", "Scale", np.full(3, 0.02, "float32"))
    path = write(tmp_path / "scaled.caffemodel", net.layers)
    with pytest.raises(ValueError, match=r"scaled.*the model, 0\.01. Rec"):
        load_weights(model, path)
