"""The weights behind the golden logits."""

import json
import zlib

import numpy as np
import pytest


def golden_value(name, shape):
    """The rule of the golden values."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    v = generator.standard_normal(shape).astype("float32")
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


@pytest.fixture(scope="session")
def golden_state(shared):
    """Make the state dict of one of torchvision's networks."""
    path = shared / "golden" / "torchvision_state_dicts.json"

    def make(network):
        shapes = json.loads(path.read_text())[network]
        return {name: golden_value(name, x) for name, x in shapes.items()}

    return make


@pytest.fixture(scope="session")
def golden_logits(shared):
    """The logits of torchvision's networks, by network, for one image."""
    return np.load(shared / "golden" / "torchvision_logits.npz")


@pytest.fixture(scope="session")
def golden_image():
    """That image."""
    generator = np.random.default_rng(0)
    return generator.standard_normal((1, 224, 224, 3)).astype("float32")
