"""The file `serving.json`, read back."""

import json

import pytest

from kcv.serving import CenterCrop
from kcv.serving import FixedSize
from kcv.serving import ServingConfig
from kcv.serving import ShortSide
from kcv.serving import TopClasses
from kcv.serving import embeddings
from kcv.serving import label_maps
from kcv.serving import pictures
from kcv.serving.preparation import as_it_is

NAMES = ("café", "dog")


@pytest.mark.parametrize(
    "config",
    [
        ServingConfig("classification", CenterCrop(28, 24, 1), NAMES),
        ServingConfig("detection", ShortSide(600, 1000), NAMES),
        ServingConfig("segmentation", class_names=NAMES),
        ServingConfig("style"),
        ServingConfig("faces", FixedSize(55, 47)),
    ],
    ids=lambda config: config.task,
)
def test_reads_back(config, tmp_path):
    file = config.save(tmp_path)
    assert file == tmp_path / "serving.json"
    assert json.loads(file.read_text("utf-8"))["task"] == config.task
    assert ServingConfig.load(tmp_path) == config


def test_what_a_server_is_told():
    config = ServingConfig("classification", CenterCrop(256, 224), NAMES)
    assert config.publish_options() == {
        "prepare": CenterCrop(256, 224),
        "outputs": TopClasses(NAMES),
        "class_names": NAMES,
    }
    # Detectors say what they answer; painters have no names.
    assert ServingConfig("detection", class_names=NAMES).outputs is None
    assert ServingConfig("segmentation").outputs is label_maps
    assert ServingConfig("faces").outputs is embeddings
    assert ServingConfig("style").publish_options() == {
        "prepare": as_it_is,
        "outputs": pictures,
        "class_names": None,
    }


def test_a_folder_without_the_file(tmp_path):
    assert ServingConfig.load(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"task": "painting", "prepare": null, "class_names": []}',
        '{"task": "style", "prepare": {"kind": "zoom"}, "class_names": []}',
        '{"task": "style", "prepare": {"kind": "short_side", "side": 3},'
        ' "class_names": []}',
    ],
)
def test_a_file_that_is_something_else_is_named(text, tmp_path):
    (tmp_path / "serving.json").write_text(text)
    with pytest.raises(ValueError, match="serving.json is not a serving"):
        ServingConfig.load(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("painting",), "task='painting'"),
        (("classification",), r"class_names=\(\)"),
    ],
)
def test_refuses(arguments, match):
    with pytest.raises(ValueError, match=match):
        ServingConfig(*arguments)
