"""The files of a release, from runs that a test writes."""

import hashlib
import json
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

import kcv
from kcv.trained import read_card
from kcv.trained.compact import round_digits
from recipes import release
from recipes.common.releasing.assets import DATASETS
from recipes.released_models import ASSETS

NAME = "lenet/digits"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with the run of one model, whose file is measured by a stub."""
    run = tmp_path / "runs" / "lenet_digits"
    run.mkdir(parents=True)
    kcv.classification.LeNet5(classes=2).save(run / "model.keras")
    files = {
        "config": {
            "command": "python -m recipes.lenet_digits",
            "machine": "a machine",
            "options": {},
            "versions": {"commit": "0123456789ab"},
        },
        "metrics": {
            "top1": 0.75,
            "split": "some digits",
            "parameters": 7,
            "seconds": 24.2,
            "epochs": 60,
        },
        "serving": {
            "task": "classification",
            "prepare": None,
            "class_names": ["a", "b"],
        },
    }
    for name, content in files.items():
        (run / f"{name}.json").write_text(json.dumps(content), "utf-8")
    measured = []

    def measure(path):
        measured.append(path)
        return {"top1": 0.5}

    asset = next(asset for asset in ASSETS if asset.name == NAME)
    one, other = asset._replace(measure=measure), ASSETS[0]
    monkeypatch.setattr(release, "ASSETS", (one, other))
    monkeypatch.setattr(release, "FOLDER", tmp_path / "wheel")
    return tmp_path, measured


def start(place, **options):
    folder = place[0]
    options = {"models": (NAME,), "train": False, **options}
    out = folder / "release"
    release.main(release.Options(out=out, runs=folder / "runs", **options))
    return out / "lenet-digits.keras"


def test_a_file_holds_the_model_and_all_that_is_said_of_it(place):
    file = start(place)
    before = kcv.load_model(place[0] / "runs" / "lenet_digits" / "model.keras")
    for old, new in zip(
        before.get_weights(), kcv.load_model(file).get_weights(), strict=True
    ):
        kept = round_digits(old, 3) if old.ndim > 1 else old
        np.testing.assert_array_equal(new, kept)
    assert kcv.serving.ServingConfig.of_model(file).class_names == ("a", "b")
    card = read_card(file)
    assert file.with_suffix(".md").read_text("utf-8") == card
    for text in ("0123456789ab", "a machine", "some digits", "| 0.75 | 0.5 |"):
        assert text in card
    checksum = hashlib.sha256(file.read_bytes()).hexdigest()
    sums = (file.parent / "SHA256SUMS").read_text("utf-8")
    assert sums == f"{checksum}  lenet-digits.keras\n"


def test_what_is_done_is_not_done_again(place):
    file, measured = start(place), place[1]
    content = file.read_bytes()
    file.with_suffix(".md").unlink()
    assert start(place).read_bytes() == content
    assert file.with_suffix(".md").is_file()
    assert len(measured) == 1
    run = place[0] / "runs" / "lenet_digits"
    kcv.classification.LeNet5(classes=2).save(run / "model.keras")
    assert start(place).read_bytes() != content
    assert len(measured) == 2


def test_a_file_comes_with_kcv_if_that_is_asked_for(place):
    assert not (place[0] / "wheel").exists()
    file = start(place, wheel=True)
    copy = place[0] / "wheel" / "lenet" / "digits.keras"
    assert copy.read_bytes() == file.read_bytes()
    assert copy.with_suffix(".md").is_file()


def test_a_run_with_other_options_is_refused(place):
    run = place[0] / "runs" / "faster_rcnn_0.5_12"
    (place[0] / "runs" / "lenet_digits").rename(run)
    with pytest.raises(ValueError, match=r"faster_rcnn --width.*width=None"):
        start(place, models=("faster_rcnn/digit_scenes",))


def test_what_is_missing_is_listed_or_trained(place, monkeypatch, capsys):
    name = "faster_rcnn/digit_scenes"
    started = []

    def run(command, check):
        started.append(command[1:])
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(release, "subprocess", SimpleNamespace(run=run))
    start(place, models=(NAME, name))
    assert f"missing: {name}, 10 minutes" in capsys.readouterr().out
    assert not started
    with pytest.raises(ChildProcessError, match=f"run of {name} has failed"):
        start(place, models=(NAME, name), train=True)
    assert "1 runs, about 10 minutes" in capsys.readouterr().out
    out = str(place[0] / "runs" / "faster_rcnn_0.5_12")
    options = ["--width", "0.5", "--epochs", "12", "--out", out]
    assert started == [["-m", "recipes.faster_rcnn", *options]]
    with pytest.raises(ValueError, match="`models` must be among"):
        start(place, models=("mine",))


def test_every_model_is_described():
    assert len({asset.name for asset in ASSETS}) == len(ASSETS)
    assert len({asset.file for asset in ASSETS}) == len(ASSETS)
    for asset in ASSETS:
        assert asset.about
        assert asset.limits
        assert asset.data in DATASETS
        assert asset.digits is None or asset.measure
