"""The networks of the golden values, with their weights."""

import json
import zlib

import keras
import numpy as np
import pytest

from kcv.classification import Preprocessing
from kcv.classification import residual_blocks
from kcv.masks import DeepMask
from kcv.masks import MaskParts
from kcv.masks import PatchGeometry
from kcv.masks import SceneSearch
from kcv.masks import shared_head


def draw(name, shape):
    """Standard normal numbers that the name determines."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    return random.standard_normal(shape).astype("float32")


class Golden:
    """Values of a file, and the weights that they were computed with."""

    def __init__(self, folder, file):
        self.values = np.load(folder / "networks" / f"{file}.npz")
        names = (folder / "networks" / "names_masks.json").read_text("utf-8")
        self.shapes = json.loads(names)

    def __getitem__(self, name):
        return self.values[name]

    def weight(self, name):
        shape = self.shapes[name]
        value = draw(name, shape)
        if len(shape) > 1:
            return value * np.float32(np.sqrt(2 / np.prod(shape[1:])))
        return (name.endswith("weight")) + np.float32(0.05) * value

    def set(self, layer, name):
        """Give a convolution or a dense layer its weights."""
        kernel = self.weight(f"{name}.weight")
        if kernel.ndim == 4:
            kernel = kernel.transpose(2, 3, 1, 0)
        else:
            kernel = kernel.T.reshape(layer.kernel.shape)
        bias = [self.weight(f"{name}.bias")] if layer.use_bias else []
        layer.set_weights([kernel, *bias])

    def set_affine(self, layer, name):
        """Give a batch normalization the scale and shift of an affine."""
        scale = self.weight(f"{name}.weight")
        shift = self.weight(f"{name}.bias")
        zeros = np.zeros_like(scale)
        layer.set_weights([scale, shift, zeros, zeros + 1 - 1e-5])


@pytest.fixture(scope="module")
def stored(golden):
    return Golden(golden, "deepmask")


@pytest.fixture(scope="module")
def deepmask(stored):
    """DeepMask of 2016 with a trunk of one bottleneck in every stage."""
    images = keras.Input((None, None, 3))
    x = residual_blocks.convolution(
        images, 8, 7, 2, "conv1", padding="symmetric"
    )
    x = residual_blocks.batch_norm(x, "bn_conv1", frozen=True)
    x = keras.layers.ReLU()(x)
    levels = [x]
    x = keras.layers.ZeroPadding2D(1)(x)
    x = keras.layers.MaxPooling2D(3, 2)(x)
    for stage, filters in ((2, 4), (3, 8), (4, 16)):
        x = residual_blocks.bottleneck_block(
            x,
            filters,
            1 if stage == 2 else 2,
            f"{stage}a",
            "3x3",
            frozen_batch_norm=True,
            padding="symmetric",
        )
        levels.append(x)
    trunk = keras.Model(images, levels)
    head = shared_head(trunk, PatchGeometry(), 16, 32, 24)
    parts = MaskParts(
        Preprocessing.torch(),
        trunk,
        head,
        keras.layers.Dense(14 * 14, name="mask"),
        PatchGeometry(),
    )
    model = DeepMask(parts, search=SceneSearch((1.0,), 5), target_size=28)

    stored.set(trunk.get_layer("conv1"), "dm.conv1")
    stored.set_affine(trunk.get_layer("bn_conv1"), "dm.bn1")
    for stage in (2, 3, 4):
        name = f"dm.layer{stage - 1}"
        for number, branch in enumerate("abc", start=1):
            address = f"{stage}a_branch2{branch}"
            stored.set(trunk.get_layer(f"res{address}"), f"{name}.conv{number}")
            stored.set_affine(
                trunk.get_layer(f"bn{address}"), f"{name}.bn{number}"
            )
        stored.set(trunk.get_layer(f"res{stage}a_branch1"), f"{name}.down")
        stored.set_affine(
            trunk.get_layer(f"bn{stage}a_branch1"), f"{name}.downbn"
        )
    for layer in ("reduce", "score1", "score2"):
        stored.set(head.get_layer(layer), f"dm.{layer}")
    # Torch's linear layer reads channel, row, column.
    kernel = stored.weight("dm.fc.weight").reshape(32, 16, 10, 10)
    kernel = kernel.transpose(2, 3, 1, 0)
    head.get_layer("vector").set_weights([kernel, stored.weight("dm.fc.bias")])
    stored.set(parts.mask, "dm.mask")
    return model
