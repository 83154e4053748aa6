"""Names of the models that come with kcv, and what is said of others."""

import re
import zipfile
from pathlib import Path

import pytest

import kcv
from kcv.commands import model_places
from kcv.serving import ServingConfig
from kcv.trained.notes import read_notes
from kcv.weights.trained import find_weights
from kcv.weights.trained import read_class_names


def test_a_name_is_a_file_for_whatever_takes_a_model():
    name = "lenet/digits"
    path = kcv.trained.list_models()[name].path
    assert kcv.trained.find_model(name) == path
    assert model_places.find_model(Path(name)) == path
    assert find_weights(name) == path
    assert read_class_names(path) == tuple("0123456789")
    assert ServingConfig.of_model(name).prepare.size == 28


def test_an_unknown_name_lists_those_there_are():
    for find in (kcv.load_model, kcv.trained.find_model):
        with pytest.raises(ValueError, match="faster_rcnn/digit_scenes, .*"):
            find("faster_rcnn/faces")
    with pytest.raises(FileNotFoundError, match="faster_rcnn/digit_scenes"):
        model_places.find_model(Path("faster_rcnn/faces"))


def test_a_file_takes_precedence_over_a_name(tmp_path, monkeypatch):
    file = tmp_path / "lenet" / "digits"
    file.parent.mkdir()
    file.touch()
    monkeypatch.chdir(tmp_path)
    assert kcv.trained.find_model("lenet/digits") == Path("lenet/digits")


@pytest.mark.parametrize("content", [b"no JSON", b'{"kcv": [1]}', b"\xff"])
def test_damaged_notes_are_an_error_with_the_file(tmp_path, content):
    file = tmp_path / "odd.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("metadata.json", content)
    with pytest.raises(ValueError, match=re.escape(f"{file}: metadata.json")):
        read_notes(file)


def test_files_without_notes_have_none(tmp_path):
    file = tmp_path / "weights.h5"
    file.write_bytes(b"no zip file")
    assert read_notes(file) == {}
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", "{}")
    assert read_notes(file) == {}
