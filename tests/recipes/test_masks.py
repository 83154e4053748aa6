"""DeepMask, SharpMask and their table, from training to the page."""

import json

import keras
import numpy as np
import pytest

import kcv
from kcv.masks import MaskProposals
from recipes import deepmask
from recipes import sharpmask
from recipes.common.detection.given_proposals import GivenProposalsOptions
from recipes.common.detection.given_proposals import Preset
from recipes.common.detection.given_proposals import propose_regions
from recipes.common.history import read_history
from recipes.common.masks.comparing import cover_objects
from recipes.common.run import Run
from recipes.common.training_images import open_training_images
from recipes.common.trunks import small_parts
from recipes.tables import masks as table

pytest.importorskip("pycocotools")
FEW = {
    "epochs": 1,
    "steps_per_epoch": 8,
    "batch_size": 8,
    "scenes": 8,
    "test_images": 1,
    "max_proposals": 10,
    "validation": 0.001,  # Of 2000 further scenes.
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of the table, with the runs of both recipes."""
    folder = tmp_path_factory.mktemp("masks")
    deepmask.main(deepmask.Options(out=folder / "deepmask", **FEW))
    sharpmask.main(
        sharpmask.Options(
            out=folder / "sharpmask",
            deepmask=folder / "deepmask" / "model.keras",
            **FEW,
        )
    )
    return folder


@pytest.mark.parametrize("name", ["deepmask", "sharpmask"])
def test_runs_are_measured_and_can_be_served(folder, name):
    metrics = json.loads((folder / name / "metrics.json").read_text("utf-8"))
    for measure in ("segm_ar10", "bbox_ar10", "segm_auc"):
        assert 0 <= metrics[measure] <= 1
    assert metrics["split"] == "digit_scenes, 1 held-out images"
    assert "val_loss" in read_history(folder / name)
    serving = json.loads((folder / name / "serving.json").read_text("utf-8"))
    assert serving["task"] == "masks"
    assert "Pinheiro" in (folder / name / "report.html").read_text("utf-8")
    model = kcv.load_model(folder / name / "model.keras")
    assert model.search.max_proposals == 10
    assert model.search.mask_threshold == (0.2 if name == "deepmask" else 0.5)


def test_sharpmask_has_the_networks_of_its_deepmask(folder):
    models = [
        kcv.load_model(folder / name / "model.keras", compile=False)
        for name in ("deepmask", "sharpmask")
    ]
    for part in ("trunk", "head"):
        one, other = (getattr(model.parts, part) for model in models)
        for value, same in zip(
            one.get_weights(), other.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(value, same)


@pytest.mark.slow
def test_the_table_of_finished_runs(folder, capsys):
    detector = kcv.detection.FastRCNN(10, small_parts())
    (folder / "fast_rcnn").mkdir()
    detector.save(folder / "fast_rcnn" / "model.keras")
    (folder / "fast_rcnn" / "metrics.json").write_text("{}", "utf-8")
    run = table.Options(
        out=folder, methods=("superpixels",), test_images=2, max_proposals=10
    )
    rows, detected = table.main(run).values()
    assert [row["system"] for row in rows] == [
        "DeepMask",
        "SharpMask",
        "superpixels",
    ]
    assert rows[0]["paper, mask AR@10"] == 0.144
    assert rows[2]["paper, mask AR@10"] == "-"
    assert all(0 <= row["box AR@10"] <= 1 for row in rows)
    assert [(row["proposals"], row["per image"]) for row in detected] == [
        ("DeepMask", 10),
        ("SharpMask", 10),
        ("selective_search", 10),
        ("selective_search", 300),
    ]
    assert all(0 <= row["voc07_map"] <= 1 for row in detected)
    assert (folder / "report.html").exists()
    assert "SharpMask" in capsys.readouterr().out


@pytest.mark.slow
def test_detectors_take_the_proposals_of_a_mask_model(folder, tmp_path):
    images = open_training_images("digit_scenes", 2, seed=1)
    run = GivenProposalsOptions(
        out=tmp_path, proposals=str(folder / "sharpmask" / "model.keras")
    )
    preset = Preset(192, 20, deepmask.PLANS["small"])
    found = propose_regions(run, preset, images, images.once)
    model = MaskProposals(kcv.load_model(run.proposals, compile=False))
    for example in found.once:
        boxes = kcv.proposals.propose(example["images"].numpy(), model, 20)
        np.testing.assert_array_equal(example["proposals"], boxes)


def test_proposals_of_nobody_are_refused(tmp_path):
    images = open_training_images("digit_scenes", 2, seed=1)
    run = GivenProposalsOptions(out=tmp_path, proposals="mine")
    preset = Preset(192, 20, deepmask.PLANS["small"])
    with pytest.raises(ValueError, match="the file of a mask model"):
        propose_regions(run, preset, images, images.once)


def test_a_deepmask_must_be_there(tmp_path):
    options = {"out": tmp_path / "out", **FEW}
    with pytest.raises(FileNotFoundError, match=r"recipes\.deepmask"):
        sharpmask.main(
            sharpmask.Options(deepmask=tmp_path / "none.keras", **options)
        )
    file = tmp_path / "other.keras"
    kcv.classification.LeNet5().save(file)
    with pytest.raises(ValueError, match="which holds ImageModel"):
        sharpmask.main(sharpmask.Options(deepmask=file, **options))


@pytest.mark.parametrize(
    ("recipe", "epochs", "drops"),
    [(deepmask, 300, (50, 120)), (sharpmask, 120, (50, 80))],
)
def test_the_schedule_of_the_code(tmp_path, recipe, epochs, drops):
    plan = recipe.PLANS["paper"].with_options(Run(out=tmp_path))
    assert (plan.epochs, plan.steps_per_epoch) == (epochs, 4000)
    optimizer = recipe.make_optimizer(plan, "paper")
    optimizer.build([keras.Variable(0.0)])
    for end, rates in zip(drops, ((1e-3, 5e-4), (5e-4, 1e-4)), strict=True):
        for step, rate in zip((-1, 2), rates, strict=True):
            optimizer.iterations.assign(4000 * end + step)
            np.testing.assert_allclose(optimizer.learning_rate, rate)


def test_objects_are_covered_by_the_masks_of_highest_iou():
    objects = np.zeros((2, 4, 4), bool)
    objects[0, :2], objects[1, 3] = True, True
    masks = np.zeros((3, 4, 4), bool)
    masks[0, :1], masks[1, :3], masks[2, 2:] = True, True, True
    expected = np.repeat([[1], [1], [2], [2]], 4, 1)
    np.testing.assert_array_equal(cover_objects(objects, masks), expected)
    assert not cover_objects(objects, masks[:0]).any()
