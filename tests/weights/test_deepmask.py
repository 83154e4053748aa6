"""A small DeepMask and SharpMask written here, against NumPy.

They follow DeepMask.lua, SharpMask.lua and modelUtils.lua of
facebookresearch/deepmask. The trunk is a ResNet-50 that ends with its third
stage, which has stride 8 instead of 16.
"""

import functools

import keras
import numpy as np
import pytest

from kcv.classification import Preprocessing
from kcv.classification.resnet_stages import resnet_levels
from kcv.masks import DeepMask
from kcv.masks import SceneSearch
from kcv.masks import SharpMask
from kcv.masks.parts import MaskParts
from kcv.masks.parts import shared_head
from kcv.masks.settings import PatchGeometry
from kcv.weights import load_deepmask
from kcv.weights import load_weights
from tests.weights.torch7_interpreter import run
from tests.weights.torch7_writer import module
from tests.weights.torch7_writer import write_torch7

MEAN = np.array([0.485, 0.456, 0.406], "float32")
STD = np.array([0.229, 0.224, 0.225], "float32")
SIDES = ("pad_l", "pad_r", "pad_t", "pad_b")
CELLS, REDUCED, VECTOR, HIDDEN, MASK, CHANNELS = 10, 16, 32, 24, 14, 16


class Builder:
    """Makes the modules of a file with random weights."""

    def __init__(self, seed=0, conv1_bias=False):
        self.generator = np.random.default_rng(seed)
        self.conv1_bias = conv1_bias

    def normal(self, *shape, scale=1.0):
        values = self.generator.standard_normal(shape, "float32")
        return np.float32(scale) * values

    def convolution(self, inputs, outputs, side, stride=1, bias=True):
        """Make a convolution, padded by its reflection if it has a border."""
        cells = inputs * side * side
        made = module(
            "SpatialConvolution",
            nInputPlane=inputs,
            nOutputPlane=outputs,
            kW=side,
            kH=side,
            dW=stride,
            dH=stride,
            padW=0,
            padH=0,
            weight=self.normal(
                outputs, inputs, side, side, scale=(2 / cells) ** 0.5
            ),
        )
        made.type = "cudnn.SpatialConvolution"
        if bias:
            made["bias"] = self.normal(outputs, scale=0.05)
        if side == 1:
            return made
        border = side // 2
        padding = module(
            "SpatialSymmetricPadding",
            **dict.fromkeys(SIDES, border),
        )
        return module("Sequential", modules=[padding, made])

    def affine(self, channels):
        return module(
            "SpatialConstDiagonal",
            a=1 + self.normal(1, channels, 1, 1, scale=0.05),
            b=self.normal(1, channels, 1, 1, scale=0.05),
            inplace=True,
        )

    def normalized(self, *arguments):
        convolution = self.convolution(*arguments, bias=False)
        return [convolution, self.affine(arguments[1])]

    def linear(self, inputs, outputs):
        return module(
            "Linear",
            weight=self.normal(outputs, inputs, scale=inputs**-0.5),
            bias=self.normal(outputs, scale=0.05),
        )

    def block(self, inputs, width, stride):
        relu = module("ReLU", inplace=True)
        branch = [
            *self.normalized(inputs, width, 1),
            relu,
            *self.normalized(width, width, 3, stride),
            relu,
            *self.normalized(width, 4 * width, 1),
        ]
        shortcut = module("Identity")
        if inputs != 4 * width:
            shortcut = module(
                "Sequential",
                modules=self.normalized(inputs, 4 * width, 1, stride),
            )
        both = [module("Sequential", modules=branch), shortcut]
        return module(
            "Sequential",
            modules=[
                module("ConcatTable", modules=both),
                module("CAddTable", inplace=True),
                relu,
            ],
        )

    def stage(self, inputs, width, blocks, stride):
        made = [self.block(inputs, width, stride)]
        made += [self.block(4 * width, width, 1) for _ in range(blocks - 1)]
        return module("Sequential", modules=made)

    def trunk(self):
        pool = {"kW": 3, "kH": 3, "dW": 2, "dH": 2, "padW": 1, "padH": 1}
        crop = dict.fromkeys(SIDES, -1)
        inputs = REDUCED * CELLS**2
        return module(
            "Sequential",
            modules=[
                self.convolution(3, 64, 7, 2, self.conv1_bias),
                self.affine(64),
                module("ReLU", inplace=True),
                module("SpatialMaxPooling", **pool),
                self.stage(64, 64, 3, 1),
                self.stage(256, 128, 4, 2),
                module("SpatialZeroPadding", **crop),
                self.convolution(512, REDUCED, 1),
                module("ReLU", inplace=True),
                module("View", numElements=inputs),
                self.linear(inputs, VECTOR),
            ],
        )

    def deepmask(self):
        mask = module("Sequential", modules=[self.linear(VECTOR, MASK**2)])
        upsampling = [module("Copy"), module("SpatialReSamplingEx")]
        score = [
            module("Dropout", p=0.5),
            self.linear(VECTOR, HIDDEN),
            module("Threshold", threshold=0, val=1e-6),
            module("Dropout", p=0.5),
            self.linear(HIDDEN, 1),
        ]
        return module(
            "DeepMask",
            fSz=CELLS,
            trunk=self.trunk(),
            maskBranch=module(
                "Sequential",
                modules=[mask, module("Sequential", modules=upsampling)],
            ),
            scoreBranch=module("Sequential", modules=score),
        )

    def sharpmask(self):
        old = self.deepmask()
        first = self.linear(VECTOR, CELLS**2 * CHANNELS)
        horizontal, vertical, refinements = {}, {}, {}
        vertical[0] = refinements[0] = module("Sequential", modules=[first])
        for number, (size, width) in enumerate(
            ((512, 64), (256, 64), (64, 32)), start=1
        ):
            own = CHANNELS // 2 ** (number - 1)
            relu = module("ReLU")
            crop = dict.fromkeys(SIDES, -(2 ** (number - 1)))
            parts = [
                *self.convolution(size, width, 3)["modules"],
                relu,
                *self.convolution(width, own, 3)["modules"],
                relu,
                *self.convolution(own, own // 2, 3)["modules"],
            ]
            if number > 1:  # the first one gets maps that are cropped
                parts.insert(0, module("SpatialZeroPadding", **crop))
            horizontal[number] = module("Sequential", modules=parts)
            vertical[number] = module(
                "Sequential",
                modules=[
                    *self.convolution(own, own, 3)["modules"],
                    relu,
                    *self.convolution(own, own // 2, 3)["modules"],
                ],
            )
            both = [horizontal[number], vertical[number]]
            refinements[number] = module(
                "Sequential",
                modules=[
                    module("ParallelTable", modules=both),
                    module("CAddTable", inplace=2),
                    relu,
                    module("SpatialUpSamplingNearest", scale_factor=2),
                ],
            )
        refinements[3]["modules"] += self.convolution(2, 1, 3)["modules"]
        return module(
            "SharpMask",
            trunk=old["trunk"],
            scoreBranch=old["scoreBranch"],
            maskBranchDM=old["maskBranch"],
            neths=horizontal,
            netvs=vertical,
            refs=refinements,
        )


def parts():
    images = keras.Input((None, None, 3), name="images")
    levels = resnet_levels(
        images,
        50,
        through=3,
        stride_in="3x3",
        frozen_batch_norm=True,
        padding="symmetric",
    )
    trunk = keras.Model(images, levels, name="trunk")
    geometry = PatchGeometry(80, 8, 8)
    return MaskParts(
        Preprocessing.caffe(name="preprocessing"),
        trunk,
        shared_head(trunk, geometry, REDUCED, VECTOR, HIDDEN),
        keras.layers.Dense(MASK**2, name="mask"),
        geometry,
    )


@pytest.fixture(scope="module")
def deepmask():
    return DeepMask(parts(), search=SceneSearch((1,), 5))


@pytest.fixture(scope="module")
def sharpmask():
    return SharpMask(parts(), channels=CHANNELS, search=SceneSearch((1,), 5))


@pytest.fixture(scope="module")
def patches():
    return np.random.default_rng(1).integers(0, 256, (2, 96, 96, 3), "uint8")


def as_torch_sees(images):
    return ((images / np.float32(255) - MEAN) / STD).transpose(0, 3, 1, 2)


def relative_error(a, b):
    return np.abs(np.asarray(a) - b).max() / np.abs(b).max()


def write(path, net):
    return write_torch7(path, {"model": net, "config": {"iSz": 160}})


@pytest.mark.parametrize("conv1_bias", [False, True])
def test_deepmask_answers_as_torch(deepmask, patches, tmp_path, conv1_bias):
    net = Builder(conv1_bias=conv1_bias).deepmask()
    report = load_weights(deepmask, write(tmp_path / "model.t7", net))
    assert len(report.matched) == len(deepmask.weights)
    masks, scores = deepmask.patch_logits(patches)
    vectors = run(net["trunk"], as_torch_sees(patches))
    expected = run(net["maskBranch"]["modules"][0], vectors)
    own = deepmask.parts.mask
    head = deepmask.parts.head(
        deepmask.crop(
            deepmask.parts.trunk(deepmask.parts.preprocessing(patches))[-1]
        )
    )
    assert relative_error(own(head[0][:, 0, 0]), expected) < 2e-5
    expected = run(net["scoreBranch"], vectors)[:, 0]
    assert relative_error(scores, expected) < 2e-5
    assert masks.shape == (2, deepmask.target_size, deepmask.target_size)


def test_sharpmask_answers_as_torch(sharpmask, patches, tmp_path):
    net = Builder(seed=2).sharpmask()
    path = write(tmp_path / "model.t7", net)
    report = load_weights(sharpmask, path)
    assert len(report.matched) == len(sharpmask.weights)
    masks, scores = sharpmask.patch_logits(patches)

    x = as_torch_sees(patches)
    outputs = []
    for child in net["trunk"]["modules"]:
        x = run(child, x)
        outputs.append(x)
    expected_scores = run(net["scoreBranch"], x)[:, 0]
    x = run(net["refs"][0], x).reshape(2, CHANNELS, CELLS, CELLS)
    # The modules 7, 5 and 3 of the trunk: cropped, and after their ReLUs.
    for number, place in enumerate((7, 5, 3), start=1):
        x = run(net["refs"][number], [outputs[place - 1], x])
    assert relative_error(masks, x[:, 0]) < 2e-5
    assert relative_error(scores, expected_scores) < 2e-5


def test_the_models_take_the_files(tmp_path):
    search = SceneSearch((1,), 5)
    for net, build in (
        (Builder().deepmask(), DeepMask),
        (Builder().sharpmask(), functools.partial(SharpMask, channels=16)),
    ):
        path = write(tmp_path / "model.t7", net)
        model = build(parts(), search=search, weights=path)
        (score,) = [w for w in model.weights if w.path.endswith("score2/bias")]
        expected = net["scoreBranch"]["modules"][4]["bias"]
        np.testing.assert_array_equal(score, expected)


def test_stride_in_the_other_convolution_is_refused(tmp_path):
    images = keras.Input((None, None, 3))
    level = resnet_levels(images, 50, through=3, stride_in="1x1")[-1]
    path = write(tmp_path / "model.t7", Builder().deepmask())
    with pytest.raises(ValueError, match=r"model\.t7 .*stride_in=\"3x3\""):
        load_deepmask(keras.Model(images, level), path)


def convolution_of(net):
    """The 3x3 convolution of the first block."""
    stage = net["trunk"]["modules"][4]
    both = stage["modules"][0]["modules"][0]
    return both["modules"][0]["modules"][3]["modules"][1]


def without_trunk(net):
    del net["trunk"]


def without_score(net):
    net["scoreBranch"]["modules"] = net["scoreBranch"]["modules"][:2]


def without_stages(net):
    del net["trunk"]["modules"][0]


def without_shortcut(net):
    both = net["trunk"]["modules"][4]["modules"][0]["modules"][0]
    both["modules"][0]["modules"].pop()


def without_vector(net):
    net["trunk"]["modules"].pop()


def wrong_vector(net):
    net["trunk"]["modules"][-1] = Builder().linear(1601, VECTOR)


def wrong_affine(net):
    net["trunk"]["modules"][1]["a"] = np.ones((1, 3, 1, 2), "f4")


def wrong_weight(net):
    convolution_of(net)["weight"] = np.zeros((64, 64, 3, 2), "f4")


def missing_weight(net):
    del convolution_of(net)["weight"]


def endless(net):
    net["maskBranch"]["modules"].append(net["maskBranch"])


def exploding(net):
    level = module("ReLU")
    for _ in range(40):
        level = module("Sequential", modules=[level, level])
    net["maskBranch"] = level


def of_other_channels(net):
    net["trunk"]["modules"][0] = Builder().convolution(4, 64, 7, 2, bias=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_trunk, "without a network 'trunk'"),
        (without_score, "has 1 modules Linear where 2 must be"),
        (without_stages, "has a trunk that is not a ResNet"),
        (without_shortcut, "another residual block as 2a"),
        (without_vector, "has 0 modules Linear where 1 must be"),
        (wrong_vector, "a vector of 1601 inputs behind 16 channels"),
        (wrong_affine, r"tensors have the shapes \(1, 3, 1, 2\)"),
        (wrong_weight, r"whose weight has the shape \(64, 64, 3, 2\)"),
        (missing_weight, "without a tensor of numbers 'weight'"),
        (endless, "contains more than 10000 modules"),
        (exploding, "contains more than 10000 modules"),
        (of_other_channels, "a first convolution of 4 channels"),
    ],
)
def test_a_deepmask_is_refused(deepmask, tmp_path, change, message):
    net = Builder().deepmask()
    change(net)
    path = write(tmp_path / "odd.t7", net)
    with pytest.raises(ValueError, match=message) as error:
        load_deepmask(deepmask, path)
    assert "odd.t7" in str(error.value)


@pytest.mark.parametrize("field", ["neths", "netvs", "refs"])
def test_a_sharpmask_without_its_modules_is_refused(sharpmask, tmp_path, field):
    net = Builder().sharpmask()
    net[field] = {1: net[field][1]} if field == "neths" else None
    path = write(tmp_path / "odd.t7", net)
    with pytest.raises(ValueError, match=r"odd\.t7"):
        load_deepmask(sharpmask, path)


def test_something_else_is_refused(deepmask, tmp_path):
    path = write(tmp_path / "other.t7", module("Sequential"))
    with pytest.raises(ValueError, match=r"other\.t7 has no DeepMask and no S"):
        load_deepmask(deepmask, path)
