"""The recipe of the face cascade, with one stage and few scenes."""

import json

import kcv
from kcv.faces import cascade
from recipes import face_cascade
from recipes.common.faces.cascade_stages import build_stages
from recipes.common.faces.cascades import open_faces


def test_a_run_writes_its_page(tmp_path, monkeypatch, capsys):
    training = cascade.CascadeTraining(
        positives=2,
        random_negatives=4,
        steps=((30, 5),),
        recalls=(0.9,),
        batch_sizes=(32,),
    )
    monkeypatch.setitem(face_cascade.TRAINING, "small", training)
    stages = build_stages("small")[:1]
    monkeypatch.setattr(face_cascade, "build_stages", lambda _: stages)
    monkeypatch.setattr(
        face_cascade,
        "open_faces",
        lambda *arguments, **options: open_faces(*arguments, **options).take(6),
    )
    out = tmp_path / "run"
    run = face_cascade.Options(out=out, scenes=6, learning_rate=2e-3)
    metrics = face_cascade.main(run)
    assert 0 <= metrics["recall_at_0.1"] <= metrics["recall_at_1"] <= 1
    written = json.loads((out / "metrics.json").read_text())
    assert written["split"] == "face_scenes, 6 held-out images"
    page = (out / "report.html").read_text()
    assert "What each stage adds" in page
    assert "recall at 0.1 false positives" in page
    assert "recall" in capsys.readouterr().out

    # A second call finds the trained stage, and measures the same.
    def train_nothing(stages, *_, training, scan, **__):
        assert training.learning_rate == 2e-3
        return cascade.FaceCascade(stages, scan=scan)

    monkeypatch.setattr(cascade, "train_cascade", train_nothing)
    again = face_cascade.main(run)
    assert again["average_precision"] == metrics["average_precision"]
    loaded = kcv.load_model(out / "model.keras")
    assert [stage.network.name for stage in loaded.stages] == ["net12"]


def test_parts_of_a_set_do_not_share_images():
    ids = {
        part: [
            example["image_id"].numpy()
            for example in open_faces(
                "face_scenes", part, 3, seed=1, held_out=2
            ).take(4)
        ]
        for part in ("train", "held out", "test")
    }
    assert [len(own) for own in ids.values()] == [3, 2, 4]
    assert len({name for own in ids.values() for name in own}) == 9


def test_scales_suppress_each_other_where_the_paper_says_so():
    across = {
        preset: [s.selection.across_scales for s in build_stages(preset)]
        for preset in ("small", "paper")
    }
    # None: in the last stage alone.
    assert across == {"small": [True, True, None], "paper": 3 * [None]}


def test_the_small_preset_has_the_networks_of_the_paper():
    names = [stage.network.name for stage in build_stages("small")]
    assert names == ["net12", "net24", "net48"]
    assert len(face_cascade.TRAINING["small"].steps) == 3
