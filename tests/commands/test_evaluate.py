"""`python -m kcv evaluate` on datasets of a few images."""

import json

import keras
import numpy as np
import pytest
from keras import ops

import kcv
from kcv.commands import evaluate
from kcv.commands import main
from kcv.commands.answers import KerasAnswers
from kcv.metrics import metrics_file
from kcv.serving import ServingConfig
from tests.commands.conftest import images_input
from tests.commands.conftest import write_image


def go(*words):
    return main(["evaluate", *map(str, words)])


def metrics(out):
    return json.loads((out / "metrics.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def run(detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    detector.save(folder / "model.keras")
    names = ("rare", "cat", "dog")
    ServingConfig("detection", class_names=names).save(folder)
    return folder


@pytest.fixture(scope="module")
def coco(detector, photos, tmp_path_factory):
    """COCO data of which some objects are what the detector finds."""
    folder = tmp_path_factory.mktemp("coco")
    random = np.random.default_rng(3)
    images, objects = [], []
    names = ("a.png", "b.png", "below/a.png", "below/c.png")
    for number, name in enumerate(names, 1):
        pixels = kcv.data.read_image(photos / name)
        size = np.array([pixels.shape[:2]], np.int32)
        found = detector.predict(
            {"images": pixels[None].astype("float32"), "image_sizes": size},
            verbose=0,
        )
        height, width = map(int, size[0])
        entry = {"id": number, "file_name": name}
        images.append({**entry, "height": height, "width": width})
        for k in random.permutation(4)[:2]:
            x1, y1, x2, y2 = found["boxes"][0, k].tolist()
            box = [x1, y1, x2 - x1, y2 - y1]
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": number,
                    "category_id": 7 + int(found["labels"][0, k] + k) % 2,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    content = {"images": images, "annotations": objects}
    # In another order than the model has them.
    content["categories"] = [{"id": 8, "name": "dog"}, {"id": 7, "name": "cat"}]
    file = folder / "boxes.json"
    file.write_text(json.dumps(content))
    return f"coco:{file}:{photos}"


def expected(detector, coco, split):
    """What the functions of kcv.metrics say, with the labels of the model."""
    dataset, names, _ = kcv.data.load_detection(coco, split)
    batches = kcv.data.batch(dataset, 1)
    truth, found = kcv.metrics.collect_detections(detector, batches)
    order = ("rare", "cat", "dog")
    own = np.array([order.index(name) for name in names])
    for entry in truth.values():
        entry["labels"] = own[entry["labels"]]
    voc = kcv.metrics.voc_average_precision(truth, found, classes=3)
    coco = kcv.metrics.coco_average_precision(truth, found, classes=3)
    return voc["voc07_map"], coco["coco_ap"]


def test_detectors_have_the_figures_of_kcv_metrics(
    detector, run, coco, tmp_path, capsys
):
    out = tmp_path / "out"
    options = ("--split", "train", "--batch-size", 1, "--out", out)
    assert go(run, "--data", coco, *options) == 0
    found = metrics(out)
    values = expected(detector, coco, "train")
    assert found["voc07_map"] == pytest.approx(values[0])
    assert found["coco_ap"] == pytest.approx(values[1])
    assert 0 < values[0] < 1
    (classes,) = (v for k, v in found.items() if k.startswith("Classes"))
    assert list(classes) == ["rare", "cat", "dog"]
    assert classes["rare"]["objects"] == 0
    assert sum(own["objects"] for own in classes.values()) == 6
    held_out = [own["held-out objects"] for own in classes.values()]
    assert held_out[0] == 0
    assert sum(held_out) == 2
    assert found["Sizes"]["small"]["objects"] == 6
    page = (out / "report.html").read_text("utf-8")
    assert "Worst images" in page
    told = capsys.readouterr().out
    assert "3 training images" in told
    assert f"{values[0]:.3f}" in told


def test_data_of_other_classes_are_one_line(run, photos, tmp_path, capsys):
    file = tmp_path / "boxes.json"
    image = {"id": 1, "file_name": "a.png", "height": 24, "width": 32}
    horse = {"id": 1, "name": "horse"}
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9]}
    content = {"images": [image], "annotations": [box], "categories": [horse]}
    file.write_text(json.dumps(content))
    out = tmp_path / "out"
    assert go(run, "--data", f"coco:{file}:{photos}", "--out", out) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "'horse'. The model has 'rare', 'cat', 'dog'" in line
    assert not out.exists()


def test_segmenters_have_the_iu_of_each_class(tmp_path, capsys):
    random = np.random.default_rng(4)
    images = images_input()
    bright = ops.mean(images, -1, keepdims=True)
    scores = ops.concatenate([bright * 0 + 100.0, bright], -1)
    keras.Model(images, scores).save(tmp_path / "model.keras")
    names = ("background", "bright")
    ServingConfig("segmentation", class_names=names).save(tmp_path)
    pairs = {}
    for k in range(5):
        pixels = random.integers(0, 256, (8, 9, 3), "uint8")
        mask = random.integers(0, 2, (8, 9), "uint8")
        mask[0] = 255  # void
        write_image(tmp_path / "images" / f"{k}.png", pixels)
        write_image(tmp_path / "masks" / f"{k}.png", mask[..., None])
        pairs[f"{k}"] = (pixels.astype("float32").mean(-1) > 100, mask)
    (tmp_path / "masks" / "class_names.txt").write_text("\n".join(names))
    source = f"folder:{tmp_path / 'images'}:{tmp_path / 'masks'}"
    out = tmp_path / "out"
    assert go(tmp_path, "--data", source, "--split", "train", "--out", out) == 0
    held_out = kcv.data.load_segmentation(source, "test").dataset
    for example in held_out:
        del pairs[example["image_id"].numpy().decode()]
    found, truth = (np.stack(x) for x in zip(*pairs.values(), strict=True))
    ius = []
    for label in (0, 1):
        ours, theirs = found == label, (truth == label)
        ours &= truth != 255
        ius.append((ours & theirs).sum() / (ours | theirs).sum())
    classes = metrics(out)["Classes"]
    assert [classes[name]["iu"] for name in names] == pytest.approx(ius)
    assert metrics(out)["mean_iu"] == pytest.approx(np.mean(ius))


@pytest.fixture(scope="module")
def colors(tmp_path_factory):
    """A classifier of colors, and folders of colored images."""
    folder = tmp_path_factory.mktemp("colors")
    images = keras.Input((8, 8, 3), name="images")
    mean = keras.layers.GlobalAveragePooling2D()(images)
    keras.Model(images, ops.softmax(mean / 50)).save(folder / "model.keras")
    (folder / "labels.txt").write_text("red\ngreen\nblue\n")
    for part in ("train", "test"):
        for label, name in enumerate(("red", "green", "blue")):
            for k in range(3):
                image = np.zeros((8, 8, 3), np.uint8)
                # The last green image is blue.
                wrong = name == "green" and k == 2
                image[..., 2 if wrong else label] = 200 + k
                write_image(folder / "data" / part / name / f"{k}.png", image)
    return folder


def test_classifiers_have_top_k_and_confusion(colors, tmp_path, capsys):
    data = f"folder:{colors / 'data'}"
    options = ("--task", "classification", "--out", tmp_path / "out")
    assert go(colors / "model.keras", "--data", data, *options) == 0
    found = metrics(tmp_path / "out")
    assert found["top1"] == pytest.approx(8 / 9)
    assert found["top5"] == 1
    assert found["Classes"]["green"]["recall"] == pytest.approx(2 / 3)
    assert found["Classes"]["green"]["training images"] == 3
    assert found["Classes"]["blue"]["precision"] == pytest.approx(3 / 4)
    assert found["Worst images"]["green/2.png"]["taken for"] == "blue"
    assert "green  blue" in capsys.readouterr().out


def test_ctrl_c_measures_what_is_done(colors, third_batch, capsys):
    third_batch(KeyboardInterrupt)
    data = f"folder:{colors / 'data'}"
    options = ("--task", "classification", "--batch-size", 1)
    assert go(colors / "model.keras", "--data", data, *options) == 130
    told = capsys.readouterr().out
    assert "2 held-out images, stopped by the user" in told
    assert "top1" in told


def test_an_error_keeps_what_is_measured(colors, third_batch, tmp_path, capsys):
    third_batch(OSError("the share is gone"))
    data = f"folder:{colors / 'data'}"
    words = ("--task", "classification", "--batch-size", 1, "--out")
    out = tmp_path / "out"
    assert go(colors / "model.keras", "--data", data, *words, out) == 2
    said = capsys.readouterr()
    assert "2 held-out images, stopped by an error" in said.out
    assert metrics(out)["top1"] == 1
    assert said.err.splitlines()[-1].endswith("error: the share is gone")


def test_ctrl_c_before_the_first_batch_is_one_line(
    colors, monkeypatch, tmp_path, capsys
):
    def stop(self, batch):
        raise KeyboardInterrupt

    monkeypatch.setattr(KerasAnswers, "answer", stop)
    data = f"folder:{colors / 'data'}"
    words = ("--task", "classification", "--out", tmp_path / "out")
    assert go(colors / "model.keras", "--data", data, *words) == 130
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == "python -m kcv evaluate: error: stopped by the user"
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_one_line_below_the_figures(
    colors, monkeypatch, tmp_path, capsys
):
    def full(*_):
        raise OSError(28, "No space left on device", "metrics.json")

    monkeypatch.setattr(metrics_file, "write_whole", full)
    data = f"folder:{colors / 'data'}"
    words = ("--task", "classification", "--out", tmp_path / "out")
    assert go(colors / "model.keras", "--data", data, *words) == 2
    said = capsys.readouterr()
    assert "top1" in said.out
    line = said.err.splitlines()[-1]
    assert "No space left on device: 'metrics.json'" in line


def test_images_of_which_none_can_be_read(colors, tmp_path, capsys):
    for part in ("train", "test"):
        for name in ("red", "green", "blue"):
            path = tmp_path / part / name / "0.png"
            path.parent.mkdir(parents=True)
            path.write_bytes(b"no image")
    data = f"folder:{tmp_path}"
    options = ("--task", "classification", "--out", tmp_path / "out")
    assert go(colors / "model.keras", "--data", data, *options) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"None of the images of {data} can be read." in line
    assert f"`python -m kcv inspect --data {data}` names them" in line
    assert not (tmp_path / "out").exists()


def test_mask_models_have_average_recall(tmp_path, capsys):
    images = images_input()
    bright = ops.cast(ops.mean(images, -1) > 100, "uint8")[:, None]
    one = ops.max(images, (1, 2, 3))[:, None] * 0 + 1
    found = {
        "masks": bright,
        "boxes": ops.stack([one * 0, one * 0, one * 9, one * 5], -1),
        "scores": one,
        "num_detections": ops.cast(one[:, 0], "int32"),
    }
    keras.Model(images, found).save(tmp_path / "model.keras")
    options = ("--data", "digit_scenes", "--limit", 2)
    assert go(tmp_path / "model.keras", *options) == 0
    assert "segm_ar100 " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{run}", "digit_scenes", "--split", "train"], "`limit` must be"),
        (["{run}", "nowhere"], "nowhere"),
        (["{run}", "voc:/nowhere"], "/nowhere"),
        (["{run}", "voc:{tmp}/empty"], "it has no folder Annotations"),
        (["{run}", "digit_scenes", "--split", "middle"], "--split"),
        (["{run}", "digit_scenes", "--out", "{tmp}"], "--overwrite"),
        (["{tmp}/none", "digit_scenes"], "none does not exist"),
        (["{tmp}/empty", "digit_scenes"], "holds no model"),
        (["{tmp}/unfinished", "digit_scenes"], "has not finished"),
        (["{tmp}/broken.keras", "digit_scenes"], "not a model that Keras can"),
        (["{tmp}/unknown.keras", "digit_scenes"], "Give --task"),
    ],
)
def test_a_mistake_is_one_line(run, tmp_path, capsys, words, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "config.json").write_text("{}")
    (tmp_path / "broken.keras").write_text("text")
    if "unknown" in words[0]:
        images = images_input()
        unknown = keras.Model(images, ops.mean(images, (1, 2, 3)))
        unknown.save(tmp_path / "unknown.keras")
    model, *words = (word.format(tmp=tmp_path, run=run) for word in words)
    assert go(model, "--data", *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m kcv evaluate: error: ")
    assert message in line


def test_a_model_needs_data(run, capsys):
    assert go(run) == 2
    assert "--data" in capsys.readouterr().err


def test_models_without_a_metric_are_refused(tmp_path, capsys):
    images = images_input()
    keras.Model(images, 255.0 - images).save(tmp_path / "model.keras")
    options = ("--data", "digit_scenes", "--task", "style")
    assert go(tmp_path / "model.keras", *options) == 2
    assert "there is no metric" in capsys.readouterr().err


def test_help_fits_a_screen():
    lines = evaluate.HELP.splitlines()
    assert len(lines) <= 28
    assert max(map(len, lines)) <= 80
