"""Alternating training: four steps, which can be interrupted."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

import kcv
from recipes import faster_rcnn
from recipes.common.detection import alternating
from recipes.common.detection import detectors
from recipes.common.run import Run
from recipes.faster_rcnn import Options
from recipes.faster_rcnn import main

pytestmark = pytest.mark.usefixtures("few_layers")


@pytest.fixture(scope="module")
def options(coco_set, tmp_path_factory):
    return Options(
        out=tmp_path_factory.mktemp("runs") / "whole",
        data=f"coco:{coco_set}",
        training="alternating",
        image_size=64,
        batch_size=2,
        epochs=1,
        steps_per_epoch=8,
    )


@pytest.fixture(scope="module")
def finished(options, few_layers):
    """Metrics of a run that went from start to end."""
    return main(options)


def read_rows(step):
    return (step / "history.csv").read_text().splitlines()


def load_weights(run):
    return kcv.load_model(run.out / "model.keras").get_weights()


@pytest.mark.slow
def test_four_steps_end_with_one_model(finished, options):
    assert 0 <= finished["voc07_map"] <= 1
    assert 0 <= finished["unshared_voc07_map"] <= 1
    assert finished["epochs"] == 4
    model = kcv.load_model(options.out / "model.keras")
    assert isinstance(model, kcv.detection.FasterRCNN)
    # Nothing stays fixed for those who train on.
    assert model.parts.trunk.trainable
    steps = [options.out / f"step-{number}" for number in (1, 2, 3, 4)]
    rows = [read_rows(step) for step in steps]
    for row in rows[0], rows[2]:
        assert "rpn_bbox_loss" in row[0]
    for row in rows[1], rows[3]:
        assert "cls_loss" in row[0]
        assert "rpn" not in row[0]


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_an_interrupted_run_ends_with_the_same_weights(
    options, tmp_path, monkeypatch
):
    """Interrupted when step 3 is done, but not its proposals."""
    run = dataclasses.replace(options, out=tmp_path / "interrupted")
    shutil.copytree(options.out / "step-1", run.out / "step-1")
    shutil.copytree(options.out / "step-2", run.out / "step-2")
    train = alternating.train

    def train_and_stop(step, *arguments):
        train(step, *arguments)
        if step.out.name == "step-3":
            raise KeyboardInterrupt

    monkeypatch.setattr(alternating, "train", train_and_stop)
    with pytest.raises(KeyboardInterrupt):
        main(run)
    assert not (run.out / "step-4").exists()
    assert not (run.out / "model.keras").exists()
    monkeypatch.undo()
    main(run)
    for a, b in zip(load_weights(run), load_weights(options), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
@pytest.mark.usefixtures("finished")
def test_a_done_step_is_not_prolonged(options):
    """Its proposals are what the next has learned from."""
    with pytest.raises(FileExistsError, match="step-1 cannot be .*step-2 has"):
        main(dataclasses.replace(options, epochs=2))


@pytest.mark.slow
def test_unshared_has_two_trunks(options, tmp_path):
    run = dataclasses.replace(
        options,
        out=tmp_path / "run",
        export=tmp_path / "served",
        training="unshared",
    )
    metrics = main(run)
    assert metrics["epochs"] == 2
    model = kcv.load_model(run.out / "model.keras")
    kernels = [v for v in model.variables if v.path.endswith("conv1/kernel")]
    assert len(kernels) == 2
    assert not np.array_equal(*kernels)
    assert (run.export / "1" / "saved_model.pb").exists()
    served = json.loads((run.out / "serving.json").read_text())
    assert served["class_names"] == ["rectangle", "ellipse"]
    assert not (run.out / "step-3").exists()


@pytest.mark.slow
def test_each_step_is_watched(options, tmp_path):
    run = dataclasses.replace(
        options, out=tmp_path, epochs=2, patience=1, validation=0.25
    )
    main(run)
    for number in (1, 2, 3, 4):
        assert "val_loss" in read_rows(tmp_path / f"step-{number}")[0]
        assert (tmp_path / f"step-{number}" / "best.weights.h5").exists()
    main(run)  # A step that patience has stopped is done.


def test_the_papers_four_steps(tmp_path):
    """80 000 updates of an image, 40 000 of two; a tenth after 3/4."""
    plans = alternating.PLANS["paper"]
    assert [plan.batch_size for plan in plans] == [1, 2, 1, 2]
    for plan, steps in zip(plans, 2 * (80_000, 40_000), strict=True):
        assert plan.steps == steps
        assert plan.with_options(Run(out=tmp_path)).steps == pytest.approx(
            steps, rel=0.002
        )
        optimizer = detectors.make_optimizer(
            plan, "paper", drops=alternating.DROPS
        )
        schedule = optimizer._learning_rate
        rates = [
            float(schedule(step))
            for step in (0, steps * 3 // 4 - 1, steps * 3 // 4 + 1)
        ]
        np.testing.assert_allclose(rates, [1e-3, 1e-3, 1e-4], rtol=1e-6)


def test_the_small_steps_show_a_network_no_more_than_joint_training():
    steps = [
        plan.steps * plan.batch_size for plan in alternating.PLANS["small"]
    ]
    joint = faster_rcnn.PRESETS["small"].plan
    assert joint.steps * joint.batch_size == 16_384
    assert steps[0] + steps[2] == 7168 < 16_384
    assert steps[1] + steps[3] == 16_384
