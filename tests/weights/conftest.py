"""The weights behind the golden logits."""

import json
import zlib

import numpy as np
import pytest


def standard_normal(seed, shape):
    """Draw in float64 and keep float32, piece by piece to save memory."""
    generator = np.random.default_rng(seed)
    values = np.empty(np.prod(shape, dtype=int), "float32")
    for start in range(0, len(values), 2**20):
        piece = values[start : start + 2**20]
        piece[:] = generator.standard_normal(len(piece))
    return values.reshape(shape)


def golden_value(name, shape):
    """The rule of the golden values."""
    v = standard_normal(zlib.crc32(name.encode()), shape)
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, "int64")
    if name.endswith("running_var"):
        return 1 + 0.1 * np.abs(v)
    if name.endswith("running_mean"):
        return 0.05 * v
    if len(shape) == 1:
        return 0.05 * v + (1 if name.endswith("weight") else 0)
    v *= np.float32(np.sqrt(2 / np.prod(shape[1:])))
    return v


def state_of(shapes):
    """Make a state dict from the shapes of its tensors, by name."""
    return {name: golden_value(name, shape) for name, shape in shapes.items()}


def image():
    """Make the image of the golden logits."""
    generator = np.random.default_rng(0)
    return generator.standard_normal((1, 224, 224, 3)).astype("float32")


@pytest.fixture(scope="session")
def golden_state(golden):
    """Make the state dict of one of torchvision's networks.

    Shapes that are given by name replace torchvision's.
    """
    shapes = json.loads((golden / "torchvision_state_dicts.json").read_text())

    def make(network, instead=()):
        return state_of({**shapes[network], **dict(instead)})

    return make


@pytest.fixture(scope="session")
def golden_googlenet(golden):
    """GoogLeNet's state dict, and the logits of its three classifiers."""
    stored = np.load(golden / "torchvision_googlenet.npz")
    shapes = {
        key.removeprefix("shape/"): tuple(int(n) for n in shape)
        for key, shape in stored.items()
        if key.startswith("shape/")
    }
    logits = [stored[f"logits/{head}"] for head in ("main", "aux1", "aux2")]
    return state_of(shapes), logits


@pytest.fixture(scope="session")
def golden_logits(golden):
    """The logits of torchvision's networks, by network, for one image."""
    return np.load(golden / "torchvision_logits.npz")


@pytest.fixture(scope="session")
def golden_image():
    """That image."""
    return image()
