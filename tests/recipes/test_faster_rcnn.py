"""Faster R-CNN learns a user's own data, from the command line to a report."""

import dataclasses
import json

import keras
import numpy as np
import pytest

import kcv
from recipes import faster_rcnn
from recipes.common.detection import alternating
from recipes.common.detection import detectors
from recipes.common.run import Run
from recipes.faster_rcnn import Options

pytestmark = pytest.mark.usefixtures("few_layers")


@pytest.fixture(scope="module")
def options(coco_set, tmp_path_factory):
    return Options(
        out=tmp_path_factory.mktemp("runs") / "whole",
        data=f"coco:{coco_set}",
        image_size=64,
        batch_size=2,
        epochs=2,
        steps_per_epoch=8,
        validation=0.25,
    )


@pytest.fixture(scope="module")
def finished(options, few_layers):
    """Metrics of a run that went from start to end."""
    return faster_rcnn.main(options)


def test_a_users_own_coco_set_trains_and_is_measured(finished, options):
    metrics = json.loads((options.out / "metrics.json").read_text())
    assert metrics["voc07_map"] == finished["voc07_map"]
    assert set(metrics["average_precision"]) == {"rectangle", "ellipse"}
    assert 0 <= metrics["voc07_map"] <= 1
    assert 0 <= metrics["coco_ap"] <= metrics["coco_ap50"] <= 1
    assert metrics["epochs"] == 2
    assert metrics["seconds"] > 0
    # A fifth of 15 images is held out.
    assert metrics["split"].endswith("3 held-out images")
    page = (options.out / "report.html").read_text()
    assert "Ren et al. 2015" not in page  # Of VOC, which these data are not.
    assert "training objects" in page
    assert "<img" in page
    rows = (options.out / "history.csv").read_text().splitlines()
    assert len(rows) == 3
    # Of the three images of 12 that are held back.
    columns = set(rows[0].split(","))
    assert {"val_loss", "val_coco_ap", "val_voc07_map"} < columns
    assert "NA" not in rows[1] + rows[2]
    served = json.loads((options.out / "serving.json").read_text())
    assert served["task"] == "detection"
    assert served["prepare"]["short_side"] == 64


@pytest.mark.usefixtures("finished")
def test_a_run_with_other_options_is_not_touched(options):
    with pytest.raises(FileExistsError, match="image_size.*--no-resume"):
        faster_rcnn.main(dataclasses.replace(options, image_size=96))


@pytest.mark.usefixtures("finished")
def test_a_run_begins_with_the_model_of_another(options):
    """Other classes are learned on the same features."""
    file = options.out / "model.keras"
    trained = kcv.load_model(file)
    run = dataclasses.replace(options, weights=str(file))
    model = faster_rcnn.build_model(tuple("abcde"), run, 64)
    for part in "trunk", "head":
        pairs = zip(
            getattr(model.parts, part).get_weights(),
            getattr(trained.parts, part).get_weights(),
            strict=True,
        )
        for a, b in pairs:
            np.testing.assert_array_equal(a, b)
    assert (trained.classes, model.classes) == (2, 5)


def learning_rates(optimizer, steps):
    optimizer.build([keras.Variable(0.0)])
    rates = []
    for step in steps:
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    return rates


def test_the_papers_schedule(tmp_path):
    plan = faster_rcnn.PRESETS["paper"].plan
    assert plan.with_options(Run(out=tmp_path)).steps == 70_000
    optimizer = detectors.make_optimizer(plan, "paper", drops=faster_rcnn.DROPS)
    rates = learning_rates(optimizer, (0, 49_999, 50_000, 69_999))
    np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4, 1e-4], rtol=1e-6)
    assert optimizer.momentum == 0.9
    assert optimizer.l2 == 5e-4
    steps = [
        own.with_options(Run(out=tmp_path)).steps
        for own in alternating.PLANS["paper"]
    ]
    assert steps == [80_000, 40_000, 80_000, 40_000]


def test_a_larger_batch_learns_faster_unless_a_rate_is_given(tmp_path):
    plan = faster_rcnn.PRESETS["small"].plan
    run = Run(out=tmp_path, batch_size=8)
    larger = plan.with_options(run, linear_rate=True)
    assert larger.images_per_epoch == plan.images_per_epoch
    assert larger.learning_rate == 2 * plan.learning_rate
    run = dataclasses.replace(run, learning_rate=0.01)
    assert plan.with_options(run, linear_rate=True).learning_rate == 0.01


def test_mistakes(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="steps_per_epoch=3"):
        faster_rcnn.main(Options(out=out, steps_per_epoch=3))
    with pytest.raises(ValueError, match="weights='imagenet'"):
        Options(weights="imagenet")
    with pytest.raises(ValueError, match="--preset paper.*backbone='vgg16'"):
        Options(backbone="vgg16")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        faster_rcnn.main(Options(out=out, data="coco:nowhere.json:images"))
    assert not out.exists()
