"""Settings of Keras under which kcv would compute something else."""

import os
import subprocess
import sys

from kcv.backend import require_tensorflow

import keras
import pytest

import kcv

OTHER_BACKENDS = """
import importlib, os, sys

def refused(name, received):
    try:
        importlib.import_module(f"kcv.{name}")
    except ImportError as error:
        (line,) = str(error).splitlines()
        assert "kcv runs on Keras's TensorFlow backend." in line, line
        assert received in line.partition("Received: ")[2], line
    else:
        raise AssertionError(f"kcv.{name} was imported")

import kcv
kcv.serving.Client
names = [
    "boxes", "classification", "constraints", "detection", "initializers",
    "layers", "losses", "metrics", "optimizers", "segmentation", "style",
    "training", "weights",
]
os.environ["KERAS_BACKEND"] = "jax"
for name in names:
    refused(name, "KERAS_BACKEND=jax")
try:
    kcv.load_model("model.keras")
except ImportError as error:
    assert "TensorFlow backend" in str(error)
assert "keras" not in sys.modules and "jax" not in sys.modules

# From Keras's own file, whether JAX is installed or not.
del os.environ["KERAS_BACKEND"]
refused("layers", "jax")
"""


def test_other_backends_are_refused_in_one_line(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    environment = {**os.environ, "KERAS_HOME": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-c", OTHER_BACKENDS], check=True, env=environment
    )


def test_another_backend_is_refused_where_keras_runs_on_it(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(ImportError, match="Received: .*'torch'"):
        require_tensorflow()


@pytest.mark.parametrize(
    "build",
    [
        lambda: kcv.layers.GramMatrix(),
        lambda: kcv.layers.InstanceNormalization(),
        lambda: kcv.layers.LocalResponseNormalization(),
        lambda: kcv.classification.Preprocessing.caffe(),
        lambda: kcv.classification.LeNet5(),
        lambda: kcv.segmentation.SegNet(blocks=((1, 4),)),
        lambda: kcv.segmentation.SegNetBasic(filters=4),
        lambda: kcv.style.StyleTransformNet(widths=(4, 4, 8)),
        lambda: kcv.style.SuperResolutionNet(blocks=1),
    ],
)
def test_channels_first_is_refused(build):
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="channels_first"):
            build()
    finally:
        keras.config.set_image_data_format("channels_last")
