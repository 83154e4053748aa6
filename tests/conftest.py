"""Fixtures that every test may use."""

import fcntl
import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Scripts of their own, which --doctest-modules would import.
collect_ignore = ["golden/make_torchvision_googlenet.py", "serving/servicer.py"]
pytest.register_assert_rewrite("tests.layer_contract")


@pytest.fixture
def check_layer(tmp_path):
    """Check of what holds for every layer, see tests/layer_contract.py."""
    from tests.layer_contract import check_layer

    return functools.partial(check_layer, folder=tmp_path)


@pytest.fixture
def zero_weights(monkeypatch):
    """Networks begin with zeros, where nobody looks at their first weights.

    To draw 400 MB of random weights takes 1 GB and seconds.
    """
    import keras

    def zeros(self, shape, dtype=None):
        return keras.ops.zeros(shape, dtype)

    for name in ("VarianceScaling", "RandomNormal", "TruncatedNormal"):
        initializer = getattr(keras.initializers, name)
        monkeypatch.setattr(initializer, "__call__", zeros)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder of the values that independent implementations computed."""
    return Path(__file__).with_name("golden")


@pytest.fixture(scope="session")
def vgg16_file() -> Path:
    """The published convolutions of VGG-16, too large for the repository."""
    file = os.environ.get("KCV_VGG16_WEIGHTS")
    if not file:
        pytest.skip(
            "needs a file of 57 MB, see tests/golden/README.md: set "
            "KCV_VGG16_WEIGHTS to the path of vgg16_imagenet_notop.weights.h5"
        )
    return Path(file)


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
def program(pytestconfig) -> Path:
    """The native C++ loader, which pytest's cache keeps for later runs."""
    import tensorflow as tf

    from export import native

    made_of = (
        native.SOURCE.read_text(),
        Path(native.__file__).read_text(),
        tf.__version__,
        tf.sysconfig.get_lib(),
    )
    fingerprint = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    folder = pytestconfig.cache.mkdir("native_loader")
    path = folder / fingerprint
    # Several workers may ask at once.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return path
        try:
            return native.build(path)
        except FileNotFoundError as error:
            pytest.skip(f"no native loader: {error}")
