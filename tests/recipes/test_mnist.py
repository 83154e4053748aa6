"""LeNet-5 on files in MNIST's own form, which the test writes itself."""

import numpy as np
import pytest

import kcv.data
from recipes import mnist
from recipes.common import run as experiment
from recipes.lenet_digits import enlarge


def write(folder, prefix, images, labels):
    for kind, magic, values in (
        ("images-idx3", 2051, images),
        ("labels-idx1", 2049, labels),
    ):
        header = np.array([magic, *values.shape], ">u4").tobytes()
        content = header + values.astype(np.uint8).tobytes()
        (folder / f"{prefix}-{kind}-ubyte").write_bytes(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The embedded digits as MNIST would have them."""
    folder = tmp_path_factory.mktemp("idx")
    for prefix, split in (("train", "train"), ("t10k", "test")):
        digits = kcv.data.digits(split).map(enlarge).batch(2000)
        (batch,) = digits.as_numpy_iterator()
        write(folder, prefix, batch["images"][..., 0], batch["labels"])
    return folder


def test_idx_files_train_and_are_measured(folder, tmp_path):
    run = experiment.Run(tmp_path / "run", epochs=4)
    metrics = mnist.main(run, data=f"idx:{folder}")
    assert metrics["top1"] > 0.9
    assert metrics["split"].endswith("364 held-out images")
    assert metrics["epochs"] == 4


def test_a_stopped_run_goes_on(folder, tmp_path):
    whole = experiment.Run(tmp_path / "whole", epochs=2)
    expected = mnist.main(whole, data=f"idx:{folder}")
    part = experiment.Run(tmp_path / "part", epochs=2)
    keep = experiment.EpochBackup.on_epoch_end

    def keep_and_stop(self, epoch, logs=None):
        keep(self, epoch, logs)
        self.model.stop_training = True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment.EpochBackup, "on_epoch_end", keep_and_stop)
        assert mnist.main(part, data=f"idx:{folder}")["epochs"] == 1
    metrics = mnist.main(part, data=f"idx:{folder}")
    assert metrics["epochs"] == 2
    assert metrics["total_loss"] == expected["total_loss"]
    assert metrics["top1"] == expected["top1"]


def test_other_images_are_refused(tmp_path):
    for prefix in ("train", "t10k"):
        write(tmp_path, prefix, np.zeros((3, 32, 32)), np.arange(3))
    with pytest.raises(ValueError, match="28 x 28"):
        mnist.main(experiment.Run(tmp_path / "run"), data=f"idx:{tmp_path}")
