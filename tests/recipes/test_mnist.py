"""LeNet-5 on files in MNIST's own form, which the test writes itself."""

import numpy as np
import pytest

import kcv.data
from recipes import mnist
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
    run = mnist.Options(out=tmp_path / "run", epochs=4, data=f"idx:{folder}")
    metrics = mnist.main(run)
    assert metrics["top1"] > 0.9
    assert metrics["split"].endswith("364 held-out images")
    assert metrics["epochs"] == 4


def test_other_images_are_refused_before_a_folder_is_made(tmp_path):
    for prefix in ("train", "t10k"):
        write(tmp_path, prefix, np.zeros((3, 32, 32)), np.arange(3))
    run = mnist.Options(out=tmp_path / "run", data=f"idx:{tmp_path}")
    with pytest.raises(ValueError, match="28 x 28"):
        mnist.main(run)
    assert not run.out.exists()
