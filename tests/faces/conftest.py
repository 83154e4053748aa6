"""The golden parameters of face networks, and networks without weights."""

import json
import zlib

import keras
import numpy as np
import pytest

from tests.weights.conftest import golden_value


def golden_input(name, shape):
    """The rule of the golden inputs."""
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    return generator.standard_normal(shape).astype("float32")


def local_value(name, shape):
    """The rule for layers that have weights of their own at each place."""
    v = golden_input(name, shape)
    return v * np.float32(
        np.sqrt(2 / shape[-1]) if name.endswith("weight") else 0.05
    )


def assert_agree(found, expected, rtol=2e-5):
    """Compare relative to the largest value, as the golden values ask."""
    atol = rtol * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol)


@pytest.fixture
def set_golden(golden):
    """Function that sets the weights of a layer to the golden ones."""
    shapes = {}
    for file in ("names_facenet.json", "names_deepface_deepid.json"):
        text = (golden / "networks" / file).read_text()
        shapes |= json.loads(text)

    def set_golden(layer, name):
        if isinstance(layer, keras.layers.BatchNormalization):
            kinds = ("weight", "bias", "running_mean", "running_var")
        else:
            kinds = ("weight", "bias")
        is_local = layer.weights[0].shape.rank == 6
        rule = local_value if is_local else golden_value
        values = [
            rule(key, shapes[key]) for key in (f"{name}.{k}" for k in kinds)
        ]
        if is_local:  # from (rows, columns, out, channel * ky * kx)
            *_, height, width, channels, _ = layer.kernel.shape
            weight = values[0]
            weight = weight.reshape(*weight.shape[:3], channels, height, width)
            values[0] = weight.transpose(0, 1, 4, 5, 3, 2)
        elif values[0].ndim == 4:
            values[0] = values[0].transpose(2, 3, 1, 0)
        elif values[0].ndim == 2:
            values[0] = values[0].T
        layer.set_weights(values)

    return set_golden


@pytest.fixture
def shapes_only():
    """Context in which variables have shapes and take no memory.

    The large networks are counted in it. Keras draws the first values of a
    variable when such a scope ends, unless it is told not to.
    """
    with keras.StatelessScope(initialize_variables=False):
        yield
    # Otherwise, they would be drawn when another scope ends.
    keras.backend.clear_session()
