"""A detector's run that is killed ends with the weights of a whole one."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import kcv
from recipes import faster_rcnn

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_weights(coco_set, tmp_path):
    """Killed in one process, and continued in another."""
    whole = faster_rcnn.Options(
        out=tmp_path / "whole",
        data=f"coco:{coco_set}",
        image_size=64,
        batch_size=2,
        epochs=2,
        steps_per_epoch=8,
        # Losses of validation images draw from the same random numbers.
        validation=0.25,
    )
    faster_rcnn.main(whole)
    killed = dataclasses.replace(whole, out=tmp_path / "killed")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "recipes.faster_rcnn"),
            *("--data", killed.data),
            *("--image-size", "64"),
            *("--batch-size", "2"),
            *("--epochs", "2"),
            *("--steps-per-epoch", "8"),
            *("--validation", "0.25"),
            *("--out", str(killed.out)),
        ],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    backup = killed.backup / "epoch-1.weights.h5"
    deadline = time.monotonic() + 300
    while not backup.exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.stdout.read().decode()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (killed.out / "model.keras").exists()

    faster_rcnn.main(killed)
    weights, expected = (
        kcv.load_model(run.out / "model.keras").get_weights()
        for run in (killed, whole)
    )
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    rows = (killed.out / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1"]
