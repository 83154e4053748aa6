"""Fast R-CNN learns a user's own data from proposals."""

import keras
import numpy as np
import pytest

import kcv
from recipes import fast_rcnn
from recipes.common.detection import detectors
from recipes.common.run import Run
from recipes.fast_rcnn import Options

pytestmark = pytest.mark.usefixtures("few_layers")


@pytest.fixture
def options(coco_set, tmp_path):
    return {
        "out": tmp_path / "run",
        "export": tmp_path / "served",
        "data": f"coco:{coco_set}",
        "batch_size": 2,
        "epochs": 1,
        "steps_per_epoch": 8,
    }


@pytest.mark.slow
def test_a_users_own_coco_set_trains_and_is_measured(options):
    run = Options(
        **options, image_size=64, max_proposals=60, patience=1, validation=0.25
    )
    metrics = fast_rcnn.main(run)
    assert set(metrics["average_precision"]) <= {"rectangle", "ellipse"}
    assert 0 <= metrics["voc07_map"] <= 1
    assert 0 <= metrics["coco_ap"] <= 1
    assert metrics["proposal_seconds"] > 0
    report = (run.out / "report.html").read_text()
    assert "Girshick 2015, table 1" not in report  # Of VOC.
    model = kcv.load_model(run.out / "model.keras")
    # The training set's own statistics.
    assert np.shape(model.box_normalization.std) == (2, 4)
    assert np.ptp(model.box_normalization.std) > 0
    assert (run.export / "1" / "saved_model.pb").exists()


@pytest.mark.slow
def test_several_scales(options):
    run = Options(**options, scales=(48, 64), max_proposals=40)
    metrics = fast_rcnn.main(run)
    assert 0 <= metrics["voc07_map"] <= 1
    model = kcv.load_model(run.out / "model.keras")
    assert model.test_scales == (48, 64)
    assert (run.export / "1" / "saved_model.pb").exists()


def test_the_papers_schedule(tmp_path):
    plan = fast_rcnn.PRESETS["paper"].plan
    assert plan.with_options(Run(out=tmp_path)).steps == 40_000
    optimizer = detectors.make_optimizer(
        plan, "paper", fast_rcnn.DROPS, **fast_rcnn.SOLVER
    )
    optimizer.build([keras.Variable(0.0)])
    rates = []
    for step in (0, 29_999, 30_000):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4], rtol=1e-6)
    assert optimizer.momentum == 0.9
    assert optimizer.l2 == 5e-4
    assert optimizer.bias_decay_mult == 0.0


def test_the_published_figure_is_of_the_same_training_set():
    """Without difficult objects, which kcv leaves out, it is 68.1."""
    first, second, _ = fast_rcnn.PAPER
    assert first.value == 0.681
    assert "without difficult objects" in first.data
    assert second.value == 0.669
    assert "with difficult objects" in second.data


def test_mistakes():
    with pytest.raises(ValueError, match="steps_per_epoch=3"):
        fast_rcnn.main(Options(steps_per_epoch=3))
    with pytest.raises(ValueError, match="weights='imagenet'"):
        Options(weights="imagenet")
