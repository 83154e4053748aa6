import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import kcv.detection  # noqa: F401, so that Keras knows the saved class

CHECKOUT = Path(__file__).resolve().parents[3]


def command(coco_set, out, training):
    return [
        *(sys.executable, "-m", "recipes.faster_rcnn"),
        *("--data", f"coco:{coco_set}"),
        *("--training", training),
        *("--image-size", "64"),
        *("--batch-size", "2"),
        *("--epochs", "1"),
        *("--steps-per-epoch", "8"),
        *("--out", str(out)),
    ]


@pytest.fixture(scope="module")
def finished(coco_set, tmp_path_factory):
    """Folder of a run that went from start to end."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    subprocess.run(
        command(coco_set, out, "alternating"), check=True, cwd=CHECKOUT
    )
    return out


def weights(folder):
    return keras.models.load_model(folder / "model.keras").get_weights()


def test_four_steps_end_with_one_model(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert 0 <= metrics["voc07_map"] <= 1
    assert 0 <= metrics["unshared_voc07_map"] <= 1
    assert metrics["epochs"] == 4
    model = keras.models.load_model(finished / "model.keras")
    assert isinstance(model, kcv.detection.FasterRCNN)
    # Nothing stays fixed for those who train on.
    assert model.parts.trunk.trainable
    steps = [finished / f"step-{number}" for number in (1, 2, 3, 4)]
    rows = [(step / "history.csv").read_text().splitlines() for step in steps]
    for row in rows[0], rows[2]:
        assert "rpn_bbox_loss" in row[0]
    for row in rows[1], rows[3]:
        assert "cls_loss" in row[0]
        assert "rpn" not in row[0]


@pytest.mark.parametrize("step", [2, 4])
def test_a_killed_run_ends_with_the_same_weights(
    step, finished, coco_set, tmp_path
):
    """Killed when a step is done but its proposals or the next are not."""
    out = tmp_path / "killed"
    process = subprocess.Popen(
        command(coco_set, out, "alternating"),
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    backup = out / f"step-{step - 1}" / "backup" / "epoch-1.weights.h5"
    deadline = time.monotonic() + 600
    while not backup.exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.stdout.read().decode()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (out / "model.keras").exists()
    subprocess.run(
        command(coco_set, out, "alternating"), check=True, cwd=CHECKOUT
    )
    for a, b in zip(weights(out), weights(finished), strict=True):
        np.testing.assert_array_equal(a, b)


def test_unshared_has_two_trunks(finished, coco_set, tmp_path):
    subprocess.run(
        [
            *command(coco_set, tmp_path / "run", "unshared"),
            *("--export", str(tmp_path / "served")),
        ],
        check=True,
        cwd=CHECKOUT,
    )
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    kernels = [v for v in model.variables if v.path.endswith("conv1/kernel")]
    assert len(kernels) == 2
    assert not np.array_equal(*kernels)
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()
    assert not (tmp_path / "run" / "step-3").exists()
