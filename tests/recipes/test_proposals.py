"""The table of the methods that propose regions."""

import dataclasses
import json

import pytest

import kcv
from kcv.detection import BoxNormalization
from recipes import fast_rcnn
from recipes.common.proposals import measuring
from recipes.common.proposals import photographs
from recipes.common.proposals.published import CHANGES
from recipes.common.run import write_config
from recipes.tables import proposals
from tests.voc_trees import write_tree

METHODS = ("superpixels", "sliding_window")


@pytest.fixture
def run(coco_set, tmp_path, monkeypatch):
    monkeypatch.setattr(photographs, "SIZE", (60, 80))
    small = proposals.PRESETS["small"]
    monkeypatch.setitem(
        proposals.PRESETS, "small", small._replace(counts=(5, 20))
    )
    return proposals.Options(
        out=tmp_path,
        data=f"coco:{coco_set}",
        image_size=56,
        methods=METHODS,
        max_proposals=20,
        changed=1,
    )


@pytest.fixture
def trained(monkeypatch):
    """The options with which Fast R-CNN was to be trained."""
    every = []

    def save_untrained(options):
        every.append(options)
        options.out.mkdir()
        # The network of preset paper has 500 MB.
        small = dataclasses.replace(options, preset="small")
        names = kcv.data.load_detection(options.data, "test").class_names
        model = fast_rcnn.build_model(names, small, BoxNormalization())
        model.save(options.out / "model.keras")
        write_config(options)
        (options.out / "metrics.json").write_text("{}")

    monkeypatch.setattr(proposals.fast_rcnn, "main", save_untrained)
    return every


def test_the_table_is_made_once(run, trained, monkeypatch, capsys):
    record = proposals.main(run)
    slide, *_ = record["tables"].values()
    assert [row["method"] for row in slide] == [*METHODS]
    for row in slide:
        assert row["seconds"] > 0
        for name in ("average recall", "repeatability", "mAP"):
            assert 0 <= row[name] <= 1, name
    assert "paper: mAP 0.203" in capsys.readouterr().out
    page = (run.out / "report.html").read_text()
    assert "By average recall, " in page
    assert page.count("<img") == 2
    table = json.loads((run.out / "table.json").read_text())
    assert table == record["tables"]

    # A second run measures nothing.
    def refuse(*args):
        raise AssertionError

    for name in ("time_method", "_repeatability", "_mean_ap"):
        monkeypatch.setattr(measuring, name, refuse)
    assert proposals.main(run) == record
    assert len(trained) == 1


def test_the_options_of_training_are_handed_on(run, trained):
    detector = proposals.train_detector(
        dataclasses.replace(run, batch_size=2, scenes=64)
    )
    (options,) = trained
    assert options.data == run.data
    assert options.proposals == "selective_search"
    assert options.max_proposals is None
    assert (options.epochs, options.batch_size, options.scenes) == (3, 2, 64)
    assert detector.scaling.short_side == 56
    assert detector.settings["batch_size"] == 2


@pytest.mark.slow
def test_preset_paper_measures_a_folder_of_voc(run, trained, tmp_path):
    objects = [("cat", (11, 11, 40, 34), False), ("dog", (5, 20, 30, 44), True)]
    folder = write_tree(
        tmp_path / "voc",
        {
            "0": ((48, 64), objects),
            "1": ((48, 64), objects),
            "2": ((64, 48), objects[:1]),
        },
        {"trainval": ["0"], "test": ["1", "2"]},
    )
    record = proposals.main(
        dataclasses.replace(
            run,
            preset="paper",
            data=f"voc:{folder}",
            methods=("sliding_window",),
            changed=None,
        )
    )
    (options,) = trained
    assert (options.preset, options.epochs) == ("paper", None)
    tables = record["tables"]
    (row,) = tables["The methods"]
    assert 0 < row["average recall"] < 1
    # All changes of all images, and difficult objects, too.
    changes = {len(row) for row in tables["Repeatability"]}
    assert max(changes) > len(CHANGES)
    page = (run.out / "report.html").read_text()
    assert "Measured on 3 objects" in page


def test_unknown_methods_are_told_the_known():
    with pytest.raises(ValueError, match="selective_search.*'bingo'"):
        proposals.main(proposals.Options(methods=("uniform", "bingo")))
