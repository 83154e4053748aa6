"""The tables that compare R-CNN, Fast R-CNN and Faster R-CNN."""

import dataclasses
import importlib
import json
import typing

import keras
import numpy as np
import pytest

import kcv
from recipes.common.detection.rcnn_family_times import System
from recipes.tables import rcnn_family
from recipes.tables.rcnn_family import Options


def parts(size=None):
    """Split two convolutions like a detector's."""
    x = images = keras.Input((size, size, 3))
    for filters in (8, 8, 8, 8):
        x = keras.layers.Conv2D(filters, 3, 2, padding="same")(x)
    return kcv.detection.custom_parts(
        keras.Model(images, x),
        keras.layers.Rescaling(1 / 64),
        roi_size=2,
        units=(8,),
    )


@pytest.fixture
def run(tmp_path):
    return Options(
        out=tmp_path,
        train=False,
        height=60,
        width=80,
        proposals=20,
        rounds=1,
    )


@pytest.fixture
def systems(monkeypatch):
    """Small systems of the names of VGG-16's."""
    fast = kcv.detection.FastRCNN(2, parts(), seed=0)
    proposer = kcv.detection.RegionProposals(
        parts(), proposals=kcv.detection.ProposalSelection(50, 10)
    )
    made = {
        "Fast R-CNN": System(fast, None),
        "Fast R-CNN, truncated SVD": System(fast, None),
        "R-CNN": System(
            kcv.detection.RCNN(2, parts(32), context=4, seed=0), None, once=True
        ),
        "Fast R-CNN, 300 regions": System(fast, 5),
        "RPN alone": System(proposer, 0),
        "RPN, shared": System(kcv.detection.FasterRCNN(2, parts()), 0),
    }
    monkeypatch.setattr(rcnn_family, "vgg16_systems", lambda weights: made)
    return made


def test_the_tables_without_training(systems, run, capsys):
    record = rcnn_family.main(dataclasses.replace(run, rounds=2))
    seconds = record["seconds"]
    assert set(seconds) == {*systems, "Selective Search"}
    assert all(value > 0 for value in seconds.values())
    network, whole = record["tables"].values()
    assert [row["system"] for row in network] == [
        "R-CNN",
        "Fast R-CNN",
        "Fast R-CNN, truncated SVD",
    ]
    rcnn, fast, _ = network
    assert rcnn["times as fast"] == 1
    assert fast["times as fast"] == pytest.approx(
        seconds["R-CNN"] / seconds["Fast R-CNN"]
    )
    search = seconds["Selective Search"]
    assert fast["share of proposals"] == pytest.approx(
        search / (search + seconds["Fast R-CNN"])
    )
    for row in whole:
        parts = row["of it regions"] + row["of it detector"]
        assert row["ms per image"] == pytest.approx(parts)
    assert whole[2]["ms per image"] == pytest.approx(
        1e3 * seconds["RPN, shared"]
    )
    assert json.loads((run.out / "table.json").read_text()) == record
    assert "Report" in capsys.readouterr().out
    # Times are kept for the same settings, and measured for others.
    again, other = (
        rcnn_family.main(dataclasses.replace(run, rounds=2, proposals=count))
        for count in (20, 19)
    )
    assert again == record
    assert other["seconds"] != seconds


@pytest.mark.usefixtures("systems")
def test_the_papers_columns(run):
    record = rcnn_family.main(run)
    (rcnn, fast, svd), whole = record["tables"].values()
    # The slide: 47 s and 0.32 s, 84 h and 9.5 h, 146 times as fast.
    assert (rcnn["paper: s per image"], fast["paper: s per image"]) == (
        47,
        0.32,
    )
    assert int(fast["paper: times as fast"]) == 146
    assert int(svd["paper: times as fast"]) == 213
    assert (rcnn["paper: mAP"], fast["paper: mAP"]) == (0.66, 0.669)
    assert (rcnn["paper: training, h"], fast["paper: training, h"]) == (84, 9.5)
    assert [row["paper: ms per image"] for row in whole] == [1830, 342, 198]
    assert [row["paper: mAP"] for row in whole] == [0.669, 0.685, 0.699]
    report = (run.out / "report.html").read_text()
    for text in "146.9", "1830", "0.699", "Selective Search", "NVIDIA K40":
        assert text in report


@pytest.mark.usefixtures("systems")
def test_finished_runs_are_read_and_others_made(run, tmp_path, monkeypatch):
    commands = []

    def start(command, check):
        assert check
        commands.append(command[2:])
        write(command[-1], 0.5)

    def write(folder, value):
        metrics = {
            "voc07_map": value,
            "unshared_voc07_map": value - 0.125,
            "seconds": 120.0,
            "split": "scenes",
        }
        folder = tmp_path.__class__(folder)
        folder.mkdir(exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(metrics))

    write(tmp_path / "fast_rcnn", 0.25)
    monkeypatch.setattr(rcnn_family.subprocess, "run", start)
    record = rcnn_family.main(dataclasses.replace(run, train=True))
    assert commands == [
        ["recipes.rcnn", "--out", str(tmp_path / "rcnn")],
        [
            *("recipes.faster_rcnn", "--training", "alternating"),
            *("--test-proposals", "300"),
            *("--out", str(tmp_path / "faster_rcnn_alternating")),
        ],
    ]
    network, whole = record["tables"].values()
    assert [row["voc07_map"] for row in network] == [0.5, 0.25, None]
    assert [row["training, min"] for row in network] == [2, 2, None]
    assert [row["voc07_map"] for row in whole] == [0.25, 0.375, 0.5]


@pytest.mark.usefixtures("systems")
def test_an_image_with_too_few_regions(run, tmp_path):
    image = tmp_path / "plain.png"
    keras.utils.save_img(image, np.zeros((60, 80, 3)))
    with pytest.raises(ValueError, match="1 regions.*proposals=20"):
        rcnn_family.main(dataclasses.replace(run, image=image))


@pytest.mark.parametrize("name", rcnn_family.RECIPES)
def test_recipes_know_their_options(name):
    _, recipe, *options = rcnn_family.RECIPES[name]
    module = importlib.import_module(f"recipes.{recipe}")
    assert callable(module.main)
    fields = {x.name: x.type for x in dataclasses.fields(module.Options)}
    chosen = dict(zip(options[::2], options[1::2], strict=True))
    assert {name[2:].replace("-", "_") for name in chosen} <= set(fields)
    if chosen:
        assert chosen["--training"] in typing.get_args(fields["training"])
