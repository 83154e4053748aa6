import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kcv.detection  # noqa: F401, so that Keras knows the saved class
from recipes import rcnn

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_users_own_coco_set_trains_and_is_measured(coco_set, tmp_path):
    command = [
        *(sys.executable, "-m", "recipes.rcnn"),
        *("--data", f"coco:{coco_set}"),
        *("--image-size", "64"),
        *("--max-proposals", "60"),
        *("--batch-size", "4"),
        *("--epochs", "2"),
        *("--steps-per-epoch", "8"),
        *("--out", str(tmp_path)),
    ]
    subprocess.run(command, check=True, cwd=CHECKOUT)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics["average_precision"]) == {"rectangle", "ellipse"}
    assert 0 <= metrics["voc07_map"] <= 1
    assert metrics["split"].endswith("3 held-out images")
    assert metrics["proposal_seconds"] > 0
    assert "Girshick et al. 2014" in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "features").exists()
    model = keras.models.load_model(tmp_path / "model.keras")
    assert np.abs(model.svm.kernel).max() > 0


def test_the_papers_schedule():
    plan = rcnn.PAPERS
    steps = plan.steps_per_epoch() * plan.epochs
    assert steps == pytest.approx(70_000, rel=0.002)
    optimizer = rcnn.optimizer("alexnet", 70_000)
    optimizer.build([keras.Variable(0.0)])
    rates = []
    for step in (0, 19_999, 20_001, 39_999, 40_001, 60_001):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(
        rates, [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-6], rtol=1e-6
    )
    assert optimizer.momentum == 0.9
    assert optimizer.l2 == 5e-4
    assert optimizer.bias_decay_mult == 0.0
    assert optimizer.layer_lr_mults == {"fc8": 10.0}


def test_the_small_networks_windows():
    model = rcnn.build(10, "small", None, mirror=False, seed=0)
    assert model.parts.trunk.input_shape == (None, 48, 48, 3)
    assert model.parts.trunk.output_shape == (None, 6, 6, 128)
    assert model.parts.head.output_shape == (None, 256)
    assert not model.mirror


def test_errors(tmp_path):
    run = rcnn.experiment.Run(tmp_path)
    with pytest.raises(ValueError, match="steps_per_epoch=3"):
        rcnn.main(run, steps_per_epoch=3)
    with pytest.raises(ValueError, match="weights='imagenet'"):
        rcnn.build(3, "small", "imagenet", False, 0)
