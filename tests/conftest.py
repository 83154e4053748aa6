"""Fixtures that every test may use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Deterministic and quiet, before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Golden values and data of independent origin, beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("the folder `shared` with golden data is not here")
    return SHARED


_REPLICAS = """
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, 2 * [tf.config.LogicalDeviceConfiguration()]
)
strategies = (
    tf.distribute.get_strategy(),
    tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
)
"""


@pytest.fixture
def on_replicas():
    """Run code that goes through `strategies`, one device and two replicas.

    In a process of its own: devices are divided before TensorFlow starts.
    """

    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", _REPLICAS + code], check=True)

    return run


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Path:
    """The native C++ loader, built once."""
    from export import native

    try:
        return native.build(tmp_path_factory.mktemp("native") / "loader")
    except FileNotFoundError as error:
        pytest.skip(f"no native loader: {error}")
