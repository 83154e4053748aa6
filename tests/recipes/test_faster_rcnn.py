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
from recipes import faster_rcnn
from recipes.common.plan import Schedule

CHECKOUT = Path(__file__).resolve().parents[2]


def command(coco_set, out):
    return [
        *(sys.executable, "-m", "recipes.faster_rcnn"),
        *("--data", f"coco:{coco_set}"),
        *("--image-size", "64"),
        *("--batch-size", "2"),
        *("--epochs", "3"),
        *("--steps-per-epoch", "8"),
        *("--out", str(out)),
    ]


@pytest.fixture(scope="module")
def finished(coco_set, tmp_path_factory):
    """Folder of a run that went from start to end."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    subprocess.run(command(coco_set, out), check=True, cwd=CHECKOUT)
    return out


def test_a_users_own_coco_set_trains_and_is_measured(finished):
    metrics = json.loads((finished / "metrics.json").read_text())
    assert set(metrics["average_precision"]) == {"rectangle", "ellipse"}
    assert 0 <= metrics["voc07_map"] <= 1
    assert metrics["epochs"] == 3
    assert metrics["seconds"] > 0
    # A fifth of 15 images is held out.
    assert metrics["split"].endswith("3 held-out images")
    page = (finished / "report.html").read_text()
    assert "Ren et al. 2015" in page
    assert "<img" in page
    rows = (finished / "history.csv").read_text().splitlines()
    assert len(rows) == 4


def test_a_killed_run_ends_with_the_same_weights(finished, coco_set, tmp_path):
    out = tmp_path / "killed"
    process = subprocess.Popen(
        command(coco_set, out),
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    backup = out / "backup" / "epoch-1.weights.h5"
    deadline = time.monotonic() + 300
    while not backup.exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.stdout.read().decode()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (out / "model.keras").exists()

    subprocess.run(command(coco_set, out), check=True, cwd=CHECKOUT)
    expected = keras.models.load_model(finished / "model.keras").get_weights()
    weights = keras.models.load_model(out / "model.keras").get_weights()
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    rows = (out / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1", "2"]


def test_a_stopped_run_with_other_options_is_not_touched(finished, coco_set):
    other = [*command(coco_set, finished), "--seed", "4"]
    result = subprocess.run(
        other, cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert result.returncode != 0
    assert "--no-resume" in result.stderr


def test_the_papers_schedule():
    plan = faster_rcnn.PAPERS
    assert plan.steps_per_epoch(2) * plan.epochs == pytest.approx(
        70_000, rel=0.002
    )
    optimizer = faster_rcnn.optimizer(
        "vgg16",
        Schedule(
            batch_size=2,
            epochs=28,
            steps=2500,
            learning_rate=plan.learning_rate,
        ),
    )
    optimizer.build([keras.Variable(0.0)])
    rates = []
    for step in (0, 49_999, 50_001, 69_999):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4, 1e-4], rtol=1e-6)
    assert optimizer.momentum == 0.9
    assert optimizer.l2 == 5e-4


def test_the_papers_four_steps():
    """80 000 updates of an image, 40 000 of two; a tenth after 3/4."""
    plans = faster_rcnn.PAPERS_STEPS
    assert [plan.batch_size for plan in plans] == [1, 2, 1, 2]
    for plan, steps in zip(plans, 2 * (80_000, 40_000), strict=True):
        per_epoch = plan.steps_per_epoch(plan.batch_size)
        assert per_epoch * plan.epochs == pytest.approx(steps, rel=0.002)
        optimizer = faster_rcnn.optimizer(
            "vgg16",
            Schedule(
                plan.batch_size,
                plan.epochs,
                steps // plan.epochs,
                plan.learning_rate,
            ),
            drop=3 / 4,
        )
        optimizer.build([keras.Variable(0.0)])
        rates = []
        for step in (0, steps * 3 // 4 - 1, steps * 3 // 4 + 1):
            optimizer.iterations.assign(step)
            rates.append(float(optimizer.learning_rate))
        np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4], rtol=1e-6)


def test_the_small_steps_show_a_network_no_more_than_joint_training():
    def images(plan):
        steps = plan.steps_per_epoch(plan.batch_size) * plan.epochs
        return steps * plan.batch_size

    steps = [images(plan) for plan in faster_rcnn.SMALL_STEPS]
    assert images(faster_rcnn.SMALL) == 16_384
    assert steps[0] + steps[2] == 7168 < 16_384
    assert steps[1] + steps[3] == 16_384


def test_errors(tmp_path):
    run = faster_rcnn.experiment.Run(tmp_path)
    with pytest.raises(ValueError, match="steps_per_epoch=3"):
        faster_rcnn.main(run, steps_per_epoch=3)
    with pytest.raises(ValueError, match="weights='imagenet'"):
        faster_rcnn.build(3, "small", "imagenet", 192, 0, 100)
