"""A CIFAR ResNet on a user's own folders of images."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export.command import export
from recipes import cifar
from recipes.common.plan import Plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noise that is red, green or blue."""
    folder = tmp_path_factory.mktemp("colors")
    rng = np.random.default_rng(0)
    for channel, name in enumerate(("red", "green", "blue")):
        (folder / name).mkdir()
        for number in range(20):
            pixels = rng.integers(0, 160, (32, 32, 3), np.uint8)
            pixels[..., channel] += 80
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.slow
def test_folders_of_classes_train_and_are_measured(folder, tmp_path):
    run = cifar.Options(
        out=tmp_path / "run",
        data=f"folder:{folder}",
        epochs=4,
        batch_size=16,
        steps_per_epoch=16,
    )
    metrics = cifar.main(run)
    assert metrics["top1"] == 1
    assert metrics["split"].endswith("12 held-out images")  # a fifth of each
    page = (tmp_path / "run" / "report.html").read_text()
    assert "He et al. 2015, table 6" not in page  # Of CIFAR-10.

    version = export(tmp_path / "run" / "model.keras", tmp_path / "served")
    served = tf.saved_model.load(str(version)).signatures["serving_bytes"]
    photo = np.zeros((48, 64, 3), np.uint8)
    photo[:, :, 1] = 200
    answer = served(tf.constant([tf.io.encode_jpeg(photo).numpy()]))
    assert answer["class_names"].numpy()[0, 0] == b"green"


def test_the_deepest_network_is_warmed_up():
    plan = Plan(128, 64_000, 164, 0.1)
    rates = {
        depth: cifar.make_optimizer(plan, depth)._learning_rate
        for depth in (56, 110)
    }
    steps = (0, 399, 401, 31_999, 32_001, 48_001)
    for depth, first in ((56, 0.1), (110, 0.01)):
        np.testing.assert_allclose(
            [float(rates[depth](step)) for step in steps],
            [first, first, 0.1, 0.1, 0.01, 0.001],
            rtol=1e-6,
        )
