"""A small painter of fast-neural-style written here, against NumPy.

The modules follow models.lua, InstanceNormalization.lua and ShaveImage.lua of
jcjohnson/fast-neural-style, whose networks take and give BGR less VGG's mean.
"""

import re

import keras
import numpy as np
import pytest

from kcv.classification.preprocessing import VGG_MEAN
from kcv.style import StyleTransformNet
from kcv.weights import load_fast_neural_style
from kcv.weights import load_weights
from tests.weights.torch7_interpreter import run
from tests.weights.torch7_writer import module
from tests.weights.torch7_writer import write_torch7

WIDTHS = (4, 6, 8)
BGR_MEAN = np.array(VGG_MEAN[::-1], "float32")


class Builder:
    """Makes the modules of a painter with random weights."""

    def __init__(self, normalization, upsampling):
        self.generator = np.random.default_rng(0)
        self.normalization = normalization
        self.upsampling = upsampling

    def normal(self, *shape, scale=0.3):
        return np.float32(scale) * self.generator.standard_normal(
            shape, "float32"
        )

    def kernel(self, kind, shape, channels, side, stride, padding, **fields):
        inputs, outputs = channels
        return module(
            kind,
            nInputPlane=inputs,
            nOutputPlane=outputs,
            kW=side,
            kH=side,
            dW=stride,
            dH=stride,
            padW=padding,
            padH=padding,
            weight=self.normal(*shape, side, side, scale=(side * inputs) ** -1),
            bias=self.normal(outputs),
            **fields,
        )

    def convolution(self, inputs, outputs, side, stride=1, padding=None):
        padding = side // 2 if padding is None else padding
        return self.kernel(
            "SpatialConvolution",
            (outputs, inputs),
            (inputs, outputs),
            side,
            stride,
            padding,
        )

    def enlarged(self, inputs, outputs):
        if self.upsampling == "resize":
            return [
                module("SpatialUpSamplingNearest", scale_factor=2),
                self.convolution(inputs, outputs, 3),
            ]
        return [
            self.kernel(
                "SpatialFullConvolution",
                (inputs, outputs),
                (inputs, outputs),
                3,
                2,
                1,
                adjW=1,
                adjH=1,
            )
        ]

    def norm(self, channels):
        shared = {
            "eps": 1e-5,
            "weight": 1 + self.normal(channels),
            "bias": self.normal(channels),
        }
        if self.normalization == "instance":
            return module("InstanceNormalization", **shared)
        return module(
            "SpatialBatchNormalization",
            running_mean=self.normal(channels),
            running_var=np.abs(1 + self.normal(channels)),
            **shared,
        )

    def block(self, channels):
        branch = [
            self.convolution(channels, channels, 3, padding=0),
            self.norm(channels),
            module("ReLU"),
            self.convolution(channels, channels, 3, padding=0),
            self.norm(channels),
        ]
        both = [
            module("Sequential", modules=branch),
            module("ShaveImage", size=2),
        ]
        table = [module("ConcatTable", modules=both), module("CAddTable")]
        return module("Sequential", modules=table)

    def painter(self):
        narrow, middle, wide = WIDTHS
        sides = dict.fromkeys(("pad_l", "pad_r", "pad_t", "pad_b"), 40)
        modules = [module("SpatialReflectionPadding", **sides)]
        for layers, channels in (
            ([self.convolution(3, narrow, 9)], narrow),
            ([self.convolution(narrow, middle, 3, 2)], middle),
            ([self.convolution(middle, wide, 3, 2)], wide),
        ):
            modules += [*layers, self.norm(channels), module("ReLU")]
        modules += [self.block(wide) for _ in range(5)]
        for inputs, outputs in ((wide, middle), (middle, narrow)):
            modules += self.enlarged(inputs, outputs)
            modules += [self.norm(outputs), module("ReLU")]
        modules += [
            self.convolution(narrow, 3, 9),
            module("Tanh"),
            module("MulConstant", constant_scalar=150),
            module("TotalVariation", strength=1e-6),
        ]
        return module("Sequential", modules=modules)


def write(path, net):
    """Write a checkpoint as train.lua does."""
    content = {"opt": {"arch": "c9s1-32,d64"}, "model": net, "losses": [1.5]}
    return write_torch7(path, content)


def painted(net, pixels):
    """Compute what the authors' program makes of RGB (B, H, W, 3)."""
    x = (pixels[..., ::-1] - BGR_MEAN).transpose(0, 3, 1, 2)
    y = run(net, x).transpose(0, 2, 3, 1)
    return (y + BGR_MEAN)[..., ::-1]


@pytest.fixture
def pixels():
    generator = np.random.default_rng(1)
    return generator.uniform(0, 255, (1, 48, 52, 3)).astype("float32")


@pytest.mark.parametrize(
    ("normalization", "upsampling"),
    [("instance", "transposed"), ("batch", "resize")],
)
def test_a_painter_gives_the_pixels_of_torch(
    normalization, upsampling, pixels, tmp_path
):
    net = Builder(normalization, upsampling).painter()
    path = write(tmp_path / "candy.t7", net)
    model = StyleTransformNet(
        normalization, upsampling, WIDTHS, padding="torch"
    )
    report = load_weights(model, path)
    assert len(report.matched) == len(model.weights)
    assert not report.missing
    assert not report.left_over
    expected = painted(net, pixels)
    assert expected.std() > 10
    np.testing.assert_allclose(model(pixels), expected, atol=0.02)


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ({"padding": "same"}, {}, 'build it with padding="torch"'),
        ({"upsampling": "resize"}, {}, 'upsampling="transposed"'),
        ({"widths": (4, 6, 12)}, {}, "conv3/kernel"),
        ({"normalization": "batch"}, {}, "moving_mean"),
        ({}, {"pad_l": 4}, r"reflects \[4, 40, 40, 40\] pixels"),
    ],
)
def test_another_painter_is_refused(options, change, message, tmp_path):
    net = Builder("instance", "transposed").painter()
    net["modules"][0].update(change)
    path = write(tmp_path / "candy.t7", net)
    model = StyleTransformNet(
        **{"widths": WIDTHS, "padding": "torch", **options}
    )
    with pytest.raises(
        ValueError, match=f"(?s){re.escape(str(path))}.*{message}"
    ):
        load_fast_neural_style(model, path)


@pytest.mark.parametrize(
    ("place", "change", "message"),
    [
        (1, {"padW": 0}, "as conv1, a painter has"),
        (4, {"dW": 1}, "as conv2, a painter has"),
        (-2, {"constant_scalar": 127}, r"multiplies the image by \[127\]"),
        (2, {"eps": 0.1}, "normalizes with eps=0.1"),
        (2, {"bias": np.zeros(3, "float32")}, "whose weights have the shapes"),
        (15, {"weight": np.zeros((2, 2), "float32")}, "SpatialFullConvolution"),
    ],
)
def test_a_damaged_file_is_named(place, change, message, tmp_path):
    net = Builder("instance", "transposed").painter()
    net["modules"][place].update(change)
    path = write(tmp_path / "candy.t7", net)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, name="conv1")]
    )
    with pytest.raises(ValueError, match=f"candy.t7.*{message}"):
        load_fast_neural_style(model, path)
