import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import kcv.detection  # noqa: F401, so that Keras knows the saved class
from recipes import fast_rcnn

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_users_own_coco_set_trains_and_is_measured(coco_set, tmp_path):
    command = [
        *(sys.executable, "-m", "recipes.fast_rcnn"),
        *("--data", f"coco:{coco_set}"),
        *("--image-size", "64"),
        *("--max-proposals", "60"),
        *("--batch-size", "2"),
        *("--epochs", "1"),
        *("--steps-per-epoch", "8"),
        *("--out", str(tmp_path / "run")),
        *("--export", str(tmp_path / "served")),
    ]
    subprocess.run(command, check=True, cwd=CHECKOUT)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(metrics["average_precision"]) <= {"rectangle", "ellipse"}
    assert 0 <= metrics["voc07_map"] <= 1
    assert metrics["proposal_seconds"] > 0
    report = (tmp_path / "run" / "report.html").read_text()
    assert "Girshick 2015, table 1" in report
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    # The training set's own statistics.
    assert np.shape(model.box_normalization.std) == (2, 4)
    assert np.ptp(model.box_normalization.std) > 0
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()


def test_several_scales(coco_set, tmp_path):
    run = fast_rcnn.experiment.Run(
        tmp_path / "run", epochs=1, batch_size=2, export=tmp_path / "served"
    )
    metrics = fast_rcnn.main(
        run,
        f"coco:{coco_set}",
        scales=(48, 64),
        max_proposals=40,
        steps_per_epoch=8,
    )
    assert 0 <= metrics["voc07_map"] <= 1
    model = keras.models.load_model(tmp_path / "run" / "model.keras")
    assert model.test_scales == (48, 64)
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()


def test_the_papers_schedule():
    plan = fast_rcnn.PAPERS
    steps = plan.steps_per_epoch(plan.batch_size) * plan.epochs
    assert steps == pytest.approx(40_000, rel=0.002)
    optimizer = fast_rcnn.optimizer("vgg16", 2, 40_000)
    optimizer.build([keras.Variable(0.0)])
    rates = []
    for step in (0, 29_999, 30_001):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4], rtol=1e-6)
    assert optimizer.momentum == 0.9
    assert optimizer.l2 == 5e-4
    assert optimizer.bias_decay_mult == 0.0


def test_errors(tmp_path):
    run = fast_rcnn.experiment.Run(tmp_path)
    with pytest.raises(ValueError, match="steps_per_epoch=3"):
        fast_rcnn.main(run, steps_per_epoch=3)
    flat = np.zeros((3, 4)), np.ones((3, 4))
    with pytest.raises(ValueError, match="weights='imagenet'"):
        fast_rcnn.build("small", "imagenet", *flat, 0)
