"""`python -m kcv predict`, in this process and in one of its own."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from PIL import Image

import kcv
from kcv.commands import command_line
from kcv.commands import main
from kcv.commands import predict
from kcv.commands.output_folder import OutputFolder
from kcv.metrics.mask_codes import decode_masks
from kcv.serving import ServingConfig
from kcv.serving import ShortSide
from tests.commands.conftest import images_input
from tests.commands.conftest import write_image

NAMES = ["a.png", "b.png", "below/a.png", "below/c.png"]


@pytest.fixture(scope="module")
def run(detector, tmp_path_factory):
    """The folder of a run of the detector, which scales images."""
    folder = tmp_path_factory.mktemp("run")
    detector.save(folder / "model.keras")
    ServingConfig("detection", ShortSide(48, 96), ("cat", "dog")).save(folder)
    return folder


def records(out):
    lines = (out / "predictions.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def summary(out):
    return json.loads((out / "summary.json").read_text("utf-8"))


def by_image(lines):
    found = {}
    for line in lines:
        found.setdefault(line["image_id"], []).append(line)
    return found


def save(folder, outputs, images, name="model.keras"):
    path = folder / name
    keras.Model(images, outputs).save(path)
    return str(path)


def go(*words):
    return main(["predict", *map(str, words)])


def test_boxes_equal_those_of_predict(detector, photos, tmp_path, capsys):
    # Images at their own size: not a bit is lost.
    detector.save(tmp_path / "model.keras")
    out = tmp_path / "out"
    options = ("--out", out, "--batch-size", 1)
    assert go(tmp_path / "model.keras", photos, *options) == 0
    told = capsys.readouterr().out
    assert "4 of 5 images are done" in told
    assert "cannot be read as images: 1 (below/broken.jpg)." in told
    lines = by_image(records(out))
    assert sorted(lines) == NAMES
    for name in NAMES:
        image = kcv.data.read_image(photos / name).astype("float32")[None]
        sizes = np.array([image.shape[1:3]], np.int32)
        found = detector.predict(
            {"images": image, "image_sizes": sizes}, verbose=0
        )
        count = int(found["num_detections"][0])
        boxes = np.array([line["bbox"] for line in lines[name]])
        boxes[:, 2:] += boxes[:, :2]
        boxes = boxes.astype(np.float32)
        np.testing.assert_array_equal(boxes, found["boxes"][0, :count])
        scores = np.float32([line["score"] for line in lines[name]])
        np.testing.assert_array_equal(scores, found["scores"][0, :count])
        labels = [line["category_id"] - 1 for line in lines[name]]
        assert labels == found["labels"][0, :count].tolist()
        with Image.open(out / "images" / f"{name[:-4]}.jpg") as drawn:
            assert drawn.size == image.shape[2:0:-1]


def test_a_run_and_its_published_model_answer_alike(
    detector, run, photos, tmp_path
):
    config = ServingConfig.load(run)
    base = tmp_path / "served"
    kcv.serving.publish(detector, base, 7, **config.publish_options())
    places = {"run": run, "served": base}
    for name, place in places.items():
        assert go(place, photos, "--out", tmp_path / name / "out") == 0
    first, second = (records(tmp_path / name / "out") for name in places)
    assert len(first) == len(second)
    pairs = (by_image(lines)["b.png"] for lines in (first, second))
    for one, other in zip(*pairs, strict=True):
        assert one["category"] == other["category"]
        np.testing.assert_allclose(one["bbox"], other["bbox"], atol=1e-4)
    # Boxes are in pixels of the files, which the model sees twice as large.
    sides = np.array([line["bbox"] for line in first])
    assert (sides[:, :2] + sides[:, 2:]).max() < 33
    assert summary(tmp_path / "served" / "out")["model"].endswith("/7")


def test_min_score_limit_and_no_draw(run, photos, tmp_path):
    out = tmp_path / "out"
    options = ("--min-score", "0.5", "--limit", "2", "--no-draw")
    assert go(run, photos, "--out", out, *options, "--batch-size", 2) == 0
    assert min(line["score"] for line in records(out)) >= 0.5
    assert sorted(path.name for path in out.iterdir()) == [
        "predictions.jsonl",
        "summary.json",
    ]
    assert summary(out)["images"] == 2
    assert summary(out)["finished"]


def test_label_maps_are_indexed_files(photos, tmp_path):
    images = images_input()
    bright = ops.mean(images, -1, keepdims=True)
    scores = ops.concatenate([bright * 0 + 100.0, bright], -1)
    model = save(tmp_path, scores, images)
    (tmp_path / "labels.txt").write_text("background\nbright\n")
    out = tmp_path / "out"
    assert go(model, photos, "--out", out, "--task", "segmentation") == 0
    lines = {line["image_id"]: line for line in records(out)}
    for name in NAMES:
        pixels = kcv.data.read_image(photos / name)
        expected = pixels.astype(np.float32).mean(-1) > 100
        with Image.open(out / lines[name]["label_map"]) as file:
            assert file.mode == "P"
            np.testing.assert_array_equal(np.array(file), expected)
        share = lines[name]["shares"]["bright"]
        assert share == pytest.approx(expected.mean())


def test_classes_in_the_order_of_their_probability(photos, tmp_path):
    images = keras.Input((16, 16, 3), name="images")
    mean = keras.layers.GlobalAveragePooling2D()(images)
    model = save(tmp_path, ops.softmax(mean), images)
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 0] = 255
    write_image(tmp_path / "red.png", red)
    out = tmp_path / "out"
    options = ("--task", "classification", "--out", out)
    assert go(model, tmp_path / "red.png", *options) == 0
    (line,) = records(out)
    assert (line["category"], line["category_id"]) == ("red", 1)
    assert line["score"] == 1
    assert len(line["top"]) == 3
    assert (out / "images" / "red.jpg").is_file()


def test_painters_answer_images(photos, tmp_path):
    images = images_input()
    model = save(tmp_path, 255.0 - images, images)
    out = tmp_path / "out"
    assert go(model, photos, "--out", out, "--task", "style") == 0
    for line in records(out):
        painted = kcv.data.read_image(out / line["image"])
        image = kcv.data.read_image(photos / line["image_id"])
        np.testing.assert_array_equal(painted, 255 - image)


def test_masks_are_those_of_coco(photos, tmp_path):
    images = images_input()
    bright = ops.cast(ops.mean(images, -1) > 100, "uint8")[:, None]
    one = ops.max(images, (1, 2, 3))[:, None] * 0 + 1
    found = {
        "masks": bright,
        "boxes": ops.stack([one * 0, one * 0, one * 9, one * 5], -1),
        "scores": one,
        "num_detections": ops.cast(one[:, 0], "int32"),
    }
    model = save(tmp_path, found, images)
    out = tmp_path / "out"
    assert go(model, photos / "a.png", "--out", out) == 0
    (line,) = records(out)
    assert line["bbox"] == [0, 0, 9, 5]
    mask = decode_masks([line["segmentation"]])[0]
    pixels = kcv.data.read_image(photos / "a.png").astype(np.float32)
    np.testing.assert_array_equal(mask, pixels.mean(-1) > 100)


def test_proposals_of_a_model_and_boxes_that_a_model_is_given(tmp_path):
    images = images_input()
    boxes = keras.Input((None, 4), name="proposals")
    model = save(
        tmp_path,
        {"proposals": boxes * 1.0, "scores": boxes[..., 2] / 1000},
        {"images": images, "proposals": boxes},
    )
    photo = np.zeros((60, 80, 3), np.uint8)
    photo[20:40, 30:60] = 200
    write_image(tmp_path / "photo.png", photo)
    out = tmp_path / "out"
    options = ("--out", out, "--proposals", "sliding_window:5")
    assert go(model, tmp_path / "photo.png", "--short-side", 30, *options) == 0
    windows = kcv.proposals.propose(photo, "sliding_window", 5)
    found = np.array([line["bbox"] for line in records(out)])
    np.testing.assert_allclose(found[:, :2], windows[:, :2], rtol=1e-6)


def test_what_is_there_is_not_overwritten_unasked(
    run, photos, tmp_path, capsys
):
    (tmp_path / "mine").touch()
    assert go(run, photos, "--out", tmp_path) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == [tmp_path / "mine"]
    options = ("--overwrite", "--limit", 1)
    assert go(run, photos, "--out", tmp_path, *options) == 0
    assert (tmp_path / "mine").is_file()


def test_ctrl_c_keeps_what_is_done(run, photos, tmp_path, third_batch, capsys):
    third_batch(KeyboardInterrupt())
    out = tmp_path / "out"
    assert go(run, photos, "--out", out, "--batch-size", 1) == 130
    assert "2 of 5 images are done and kept" in capsys.readouterr().out
    assert len(by_image(records(out))) == 2
    assert len(list(out.rglob("*.jpg"))) == 2
    assert summary(out)["done"] == 2
    assert not summary(out)["finished"]


def test_too_little_memory_is_one_line(
    run, photos, tmp_path, third_batch, capsys
):
    third_batch(tf.errors.ResourceExhaustedError(None, None, "OOM\nlong"))
    assert go(run, photos, "--out", tmp_path / "o", "--batch-size", 1) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "smaller --batch-size" in line


def test_a_full_disk_keeps_what_is_done(
    run, photos, tmp_path, monkeypatch, capsys
):
    add, names = OutputFolder.add_file, []

    def add_some(self, name, content):
        names.append(name)
        if len(names) > 2:
            raise OSError(28, "No space left on device", name)
        add(self, name, content)

    monkeypatch.setattr(OutputFolder, "add_file", add_some)
    out = tmp_path / "out"
    assert go(run, photos, "--out", out, "--batch-size", 1) == 2
    said = capsys.readouterr()
    line = said.err.splitlines()[-1]
    assert "No space left on device" in line
    assert "2 of 5 images are done and kept" in said.out
    assert len(by_image(records(out))) == 2
    assert summary(out)["done"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["{tmp}/none"], "none does not exist"),
        (["{tmp}/unfinished"], "has not finished"),
        (["{tmp}/empty"], "holds no model"),
        (["{tmp}/text.txt"], "must be a .keras file"),
        (["{tmp}/broken.keras"], "not a model that Keras can load"),
        (["{tmp}/unknown.keras"], "Give --task"),
        (["{run}", "{tmp}/empty"], "holds no image"),
        (["{run}", "{tmp}/text.txt"], "None of the 1 files can be read"),
        (["{run}", "{photos}", "--batch-size", "0"], "`batch_size` must be"),
        (["{run}", "{photos}", "--min-score", "7"], "`min_score` must be in"),
        (["{run}", "{photos}", "--limit", "x"], "--limit"),
        (["{run}", "{photos}", "--labels", "{tmp}/no"], "no does not exist"),
        (["{run}", "{photos}", "--colour", "red"], "--colour"),
        (["{run}", "{photos}", "--task", "cooking"], "`task` must be"),
        (["{run}", "{photos}", "--gallery", "{tmp}"], "embedders of faces"),
    ],
)
def test_a_mistake_is_one_line(run, photos, tmp_path, capsys, change, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "config.json").write_text("{}")
    (tmp_path / "text.txt").write_text("text")
    (tmp_path / "broken.keras").write_text("text")
    if "unknown" in change[0]:
        images = images_input()
        save(tmp_path, ops.mean(images, (1, 2, 3)), images, "unknown.keras")
    words = [w.format(tmp=tmp_path, run=run, photos=photos) for w in change]
    words += [str(photos)] * (len(words) == 1)
    out = tmp_path / "out"
    assert go(*words, "--out", out) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m kcv predict: error: ")
    assert message in line
    assert not out.exists()


def test_help_fits_a_screen():
    for text in (command_line.HELP, predict.HELP):
        lines = text.splitlines()
        assert len(lines) <= 28
        assert max(map(len, lines)) <= 80


def test_help_loads_no_tensorflow():
    code = (
        "import sys; from kcv.commands import main; "
        "main(['predict', '--help']); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_command_says_what_matters_and_nothing_else(run, photos, tmp_path):
    words = ["predict", run, photos, "--out", tmp_path / "out"]
    environment = dict(os.environ)
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [sys.executable, "-m", "kcv", *map(str, words)],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert done.stdout.startswith("4 of 5 images are done in ")
    (line,) = done.stderr.splitlines()
    assert line.endswith("broken.jpg: it is absent or not a whole image")
