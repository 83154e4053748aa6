"""`python -m export` from a run's folder to a version."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import __main__ as command_line
from export.command import export
from kcv.serving import ServingConfig
from kcv.serving import ShortSide


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run, with a model of one Keras layer."""
    folder = tmp_path_factory.mktemp("run")
    images = keras.Input((None, None, 3), name="images")
    pixel = keras.layers.GlobalMaxPooling2D(keepdims=True)(images)
    keras.Model(images, pixel).save(folder / "model.keras")
    config = ServingConfig("style", ShortSide(30, 50), ("red", "green", "blue"))
    config.save(folder)
    (folder / "labels.txt").write_text("an old file")
    photo = np.zeros((20, 80, 3), np.uint8)
    photo[5:] = [10, 20, 30]
    (folder / "photo.png").write_bytes(tf.io.encode_png(photo).numpy())
    return folder


def _description(version):
    return json.loads((version / "assets.extra" / "kcv.json").read_text())


def test_a_run_tells_how_it_was_trained(run, tmp_path, capsys):
    photo = run / "photo.png"
    version = export(run / "model.keras", tmp_path, examples=(photo,))
    assert version == tmp_path / "1"
    assert str(version) in capsys.readouterr().out
    description = _description(version)
    assert description["prepare"] == "ShortSide(short_side=30, long_side=50)"
    assert description["class_names"] == ["red", "green", "blue"]
    signature = tf.saved_model.load(str(version)).signatures["serving_bytes"]
    answer = signature(image_bytes=[photo.read_bytes()])
    assert answer["images"].numpy().tolist() == [[[[10, 20, 30]]]]


def test_options_come_first(run, tmp_path):
    labels = tmp_path / "names"
    labels.write_text("r\ng\nb\n")
    version = export(
        run / "model.keras",
        tmp_path / "base",
        version=5,
        short_side=16,
        long_side=99,
        labels=labels,
        freeze=True,
    )
    assert version.name == "5"
    description = _description(version)
    assert description["prepare"] == "ShortSide(short_side=16, long_side=99)"
    assert description["class_names"] == ["r", "g", "b"]
    assert description["frozen"] is True
    version = export(run / "model.keras", tmp_path / "base", long_side=60)
    prepare = _description(version)["prepare"]
    assert prepare == "ShortSide(short_side=30, long_side=60)"
    version = export(run / "model.keras", tmp_path / "base", short_side=33)
    prepare = _description(version)["prepare"]
    assert prepare == "ShortSide(short_side=33, long_side=55)"


def test_a_lone_model_sees_images_as_they_are(run, tmp_path):
    model = tmp_path / "model.keras"
    model.write_bytes((run / "model.keras").read_bytes())
    description = _description(export(model, tmp_path / "base"))
    assert description["prepare"] == "as_it_is"
    assert description["class_names"] is None
    with pytest.raises(ValueError, match="`short_side`.* long_side=99"):
        export(model, tmp_path / "base", long_side=99)


def test_files_that_are_not_there(run, tmp_path):
    model = run / "model.keras"
    with pytest.raises(FileNotFoundError, match=r"none\.keras"):
        export(run / "none.keras", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        export(model, tmp_path, labels=run / "none.txt")
    with pytest.raises(FileNotFoundError, match=r"none\.jpg"):
        export(model, tmp_path, examples=(run / "none.jpg",))
    with pytest.raises(ValueError, match=r"labels\.txt"):
        export(model, tmp_path, examples=(run / "labels.txt",))
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_ends_with_one_line(
    run, tmp_path, monkeypatch, capsys
):
    model = str(run / "none.keras")
    monkeypatch.setattr(
        "sys.argv", ["export", "--model", model, "--out", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as caught:
        command_line.main()
    assert caught.value.code == 2
    expected = f"python -m export: error: {model} does not exist\n"
    assert capsys.readouterr().err == expected
