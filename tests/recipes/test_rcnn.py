"""R-CNN learns a user's own data in its stages."""

import keras
import numpy as np
import pytest

import kcv
from recipes import rcnn
from recipes.common.detection import detectors
from recipes.rcnn import Options


@pytest.mark.slow
def test_a_users_own_coco_set_trains_and_is_measured(coco_set, tmp_path):
    run = Options(
        out=tmp_path,
        data=f"coco:{coco_set}",
        image_size=64,
        max_proposals=60,
        batch_size=4,
        epochs=1,
        steps_per_epoch=8,
    )
    metrics = rcnn.main(run)
    assert set(metrics["average_precision"]) == {"rectangle", "ellipse"}
    assert 0 <= metrics["voc07_map"] <= 1
    assert 0 <= metrics["coco_ap"] <= 1
    assert metrics["split"].endswith("3 held-out images")
    assert metrics["proposal_seconds"] > 0
    assert metrics["svm_seconds"] > 0
    assert "Girshick et al. 2014" not in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "features").exists()
    model = kcv.load_model(tmp_path / "model.keras")
    assert np.abs(model.svm.kernel).max() > 0


def test_the_papers_schedule():
    plan = rcnn.make_plan(Options(preset="paper"))
    assert (plan.batch_size, plan.steps) == (16, 70_000)
    # An update has 128 windows, from however many images.
    assert rcnn.make_plan(Options(preset="paper", batch_size=8)).steps == 70_000
    optimizer = detectors.make_optimizer(
        plan, "paper", rcnn.DROPS, **rcnn.SOLVER
    )
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
    model = rcnn.build_model(tuple("0123456789"), Options(), mirror=False)
    assert model.parts.trunk.input_shape == (None, 48, 48, 3)
    assert model.parts.trunk.output_shape == (None, 6, 6, 128)
    assert model.parts.head.output_shape == (None, 256)
    assert not model.mirror


def test_mistakes():
    with pytest.raises(ValueError, match="steps_per_epoch=3"):
        rcnn.main(Options(steps_per_epoch=3))
    with pytest.raises(ValueError, match="weights='imagenet'"):
        Options(weights="imagenet")
    with pytest.raises(ValueError, match="--preset paper.*backbone='alexnet'"):
        Options(backbone="alexnet")
