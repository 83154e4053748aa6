"""Evaluation of detectors, and what their recipes share."""

import json

import numpy as np
import pytest
import tensorflow as tf

import kcv
from kcv.serving import ShortSide
from recipes.common.detection import detectors
from recipes.common.plan import Plan
from recipes.common.training_images import TrainingImages
from recipes.common.training_images import make_batches


class Oracle:
    """A detector that finds every object, with its true class."""

    def __init__(self, batches):
        self.answers = [batch["bounding_boxes"] for batch in batches]

    def predict_on_batch(self, inputs):
        truth = self.answers.pop(0)
        labels = truth["labels"].numpy()
        return {
            "boxes": truth["boxes"].numpy(),
            "scores": np.linspace(0.9, 0.6, labels.size).reshape(labels.shape),
            "labels": labels,
            "num_detections": (labels >= 0).sum(1),
        }


@pytest.fixture
def test_set():
    scenes = kcv.data.digit_scenes("test").take(6)
    return make_batches(scenes, 2, detectors.scale_to(96))


def options(tmp_path, data="digit_scenes"):
    return detectors.DetectorOptions(out=tmp_path, data=data)


def test_an_oracle_is_measured(test_set, tmp_path):
    names = kcv.data.DIGIT_CLASSES
    evaluation = detectors.evaluate_detector(
        Oracle(test_set),
        test_set,
        names,
        options(tmp_path),
        proposal_seconds=2.5,
    )
    metrics = evaluation.metrics
    assert metrics["voc07_map"] == pytest.approx(1)
    assert set(metrics["average_precision"]) <= set(names)
    assert metrics["proposal_seconds"] == 2.5
    assert metrics["split"] == "digit_scenes, 6 held-out images"
    assert "coco_ap" not in metrics
    assert evaluation.headline == "voc07_map 1.000"
    # No image is a bad one.
    assert [*evaluation.figures] == [
        "Images, and detections that score at least 0.5",
        "Objects by true and predicted class",
        "Precision over recall",
    ]
    classes = next(iter(evaluation.tables.values()))
    assert [row["class"] for row in classes] == [*names]
    digits = sum(row["digits in 500 training scenes"] for row in classes)
    assert 1250 < digits < 1750  # 0.9 of the scenes have 3.5 digits each
    assert all(row["found"] == row["objects"] for row in classes)


class Blind:
    """A detector that finds one object of the first class, and no other."""

    def predict_on_batch(self, inputs):
        batch = len(inputs["images"])
        return {
            "boxes": np.tile([[[0.0, 0, 12, 12]]], (batch, 1, 1)),
            "scores": np.full((batch, 1), 0.75),
            "labels": np.zeros((batch, 1), int),
            "num_detections": np.ones(batch, int),
        }


def test_both_parts_of_coco_are_counted(tmp_path):
    images, annotations = [], []
    for k in range(10):
        name = f"{k}.png"
        pixels = np.full((24, 32, 3), k, np.uint8)
        (tmp_path / name).write_bytes(tf.io.encode_png(pixels).numpy())
        images.append({"id": k, "file_name": name, "height": 24, "width": 32})
        for label in (1, 2):
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": k,
                    "category_id": label,
                    "bbox": [0, 0, 12, 12] if label == 1 else [16, 0, 9, 9],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    file = tmp_path / "all.json"
    content = {"images": images, "categories": categories}
    file.write_text(json.dumps({**content, "annotations": annotations}))
    run = options(tmp_path, f"coco:{file}:{tmp_path}")
    test, names, _ = kcv.data.load_detection(run.data, "test")
    evaluation = detectors.evaluate_detector(
        Blind(), make_batches(test, 2, None), names, run
    )
    cat, dog = next(iter(evaluation.tables.values()))
    found = {"objects": 2, "training objects": 8, "found": 2, "missed": 0}
    assert found.items() <= cat.items()
    found = {"objects": 2, "training objects": 8, "found": 0, "missed": 2}
    assert found.items() <= dog.items()
    worst = evaluation.tables["Worst images at a score of 0.5"]
    assert [row["missed"] for row in worst] == [1, 1]
    assert "Worst images" in evaluation.figures
    assert evaluation.headline.startswith("voc07_map 0.500, coco_ap 0.5")


def test_epochs_are_judged_by_validation_images(test_set, tmp_path):
    run = detectors.DetectorOptions(out=tmp_path, data="coco:own.json:images")
    validation = test_set.take(1)
    [measure], options = detectors.watch_epochs(run, test_set, validation)
    assert options["monitor"] == ("val_coco_ap", "max")
    x, y = next(iter(options["validation_data"]))
    assert {"images", "image_sizes"} <= set(x)
    assert {"boxes", "labels"} <= set(y)
    assert measure.dataset is validation
    measure.set_model(Oracle(validation))
    assert measure.measure() == pytest.approx(
        dict.fromkeys(("coco_ap", "coco_ap50", "coco_ap75", "voc07_map"), 1)
    )


def test_held_out_images_are_watched_and_do_not_judge(test_set, tmp_path):
    run = detectors.DetectorOptions(out=tmp_path)
    assert detectors.watch_epochs(run, test_set, None) == ([], {})
    [measure], options = detectors.watch_epochs(run, test_set, None, every=4)
    assert measure.dataset is test_set
    assert measure.every == 4
    assert options == {}


def test_only_preset_small_is_shortened(tmp_path):
    images = TrainingImages(None, None, ("thing",), True, size=24)
    for preset, steps in (("small", 576), ("paper", 4096)):
        run = detectors.DetectorOptions(out=tmp_path, preset=preset)
        plan = Plan(4, 4096, epochs=8, learning_rate=2e-3)
        assert detectors.choose_plan(run, plan, images).steps == steps


def test_a_longer_side_is_at_most_five_thirds():
    assert detectors.scale_to(600) == ShortSide(600, 1000)


def test_a_published_figure_names_its_data():
    figure = detectors.published_map(0.5, "ZF", "A paper", "VOC 2012 train")
    assert figure.metric == "voc07_map"
    assert figure.data == "VOC 2012 train, measured on VOC 2007 test; ZF"


def test_images_of_any_size_are_served_as_they_are():
    prepare = detectors.serve_detector(None, ("cat",)).prepare
    image = np.full((5, 7, 3), 9, np.uint8)
    np.testing.assert_array_equal(prepare(image), image)
