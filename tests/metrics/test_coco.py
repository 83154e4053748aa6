"""COCO AP against pycocotools fed by hand."""

import builtins
import contextlib
import io

import numpy as np
import pytest

from kcv.metrics.coco import STATISTICS
from kcv.metrics.coco import coco_average_precision
from kcv.metrics.coco import coco_precision_by_class


def random_case(seed, images=30, classes=4):
    """Detections near objects, of all sizes; crowds; images without any."""
    rng = np.random.default_rng(seed)
    ground_truth = {}
    detections = {}
    for image in range(images):
        n = int(rng.integers(0, 6))
        corner = rng.uniform(0, 200, (n, 2))
        size = np.exp(rng.uniform(np.log(8), np.log(300), (n, 2)))
        boxes = np.concatenate([corner, corner + size], axis=1)
        labels = rng.integers(0, classes, n)
        ground_truth[f"{image:03}"] = {
            "boxes": boxes.astype(np.float32),
            "labels": labels.astype(np.int32),
            "is_crowd": rng.random(n) < 0.15,
        }
        if image % 5 == 0:
            continue  # an image without detections
        twice = np.repeat(boxes, 2, axis=0)
        sizes = np.tile(np.repeat(size, 2, axis=0), 2)
        moved = twice + rng.normal(0, 0.05, twice.shape) * sizes
        keep = (moved[:, 2:] > moved[:, :2]).all(axis=1)
        wrong = rng.random(2 * n) < 0.2
        detections[f"{image:03}"] = {
            "boxes": moved[keep].astype(np.float32),
            "scores": rng.random(2 * n)[keep].astype(np.float32),
            "labels": np.where(
                wrong, rng.integers(0, classes, 2 * n), np.repeat(labels, 2)
            )[keep].astype(np.int32),
        }
    return ground_truth, detections


def by_hand(ground_truth, detections, classes):
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    annotations = []
    results = []
    for image_id, image in ground_truth.items():
        for (x1, y1, x2, y2), label, crowd in zip(
            image["boxes"].tolist(),
            image["labels"].tolist(),
            image["is_crowd"].tolist(),
            strict=True,
        ):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": int(image_id),
                    "category_id": label + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": (x2 - x1) * (y2 - y1),
                    "iscrowd": int(crowd),
                }
            )
    for image_id, image in detections.items():
        for (x1, y1, x2, y2), score, label in zip(
            image["boxes"].tolist(),
            image["scores"].tolist(),
            image["labels"].tolist(),
            strict=True,
        ):
            results.append(
                {
                    "image_id": int(image_id),
                    "category_id": label + 1,
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "score": score,
                }
            )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": int(image_id)} for image_id in ground_truth],
            "categories": [{"id": k + 1} for k in range(classes)],
            "annotations": annotations,
        }
        truth.createIndex()
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize("seed", [0, 1])
def test_equals_pycocotools(seed):
    ground_truth, detections = random_case(seed)
    assert any(image["is_crowd"].any() for image in ground_truth.values())
    assert any((image["labels"] == 0).any() for image in detections.values())
    assert any(not len(image["boxes"]) for image in ground_truth.values())
    expected = by_hand(ground_truth, detections, 4)
    assert 0.05 < expected[0] < 0.95
    result = coco_average_precision(ground_truth, detections, classes=4)
    np.testing.assert_allclose(
        [result[name] for name in STATISTICS], expected, rtol=0, atol=1e-12
    )


def test_each_class_has_the_figure_of_an_evaluation_of_its_own():
    truth, found = random_case(4)
    for own in truth.values():  # class 3 is found, but there is none
        own["labels"][own["labels"] == 3] = 0
    assert any((own["labels"] == 3).any() for own in found.values())

    def select(images, label):
        return {
            name: {
                key: column[own["labels"] == label]
                for key, column in own.items()
            }
            for name, own in images.items()
        }

    # Class 4 neither is there nor is found.
    figures, per_class = coco_precision_by_class(truth, found, classes=5)
    expected = [
        coco_average_precision(select(truth, k), select(found, k))["coco_ap"]
        for k in range(5)
    ]
    assert [*per_class] == [*range(5)]
    np.testing.assert_array_equal(np.isnan(expected), [0, 0, 0, 1, 1])
    np.testing.assert_allclose(
        [*per_class.values()], expected, rtol=0, atol=1e-12
    )
    assert figures == coco_average_precision(truth, found)
    assert figures["coco_ap"] == pytest.approx(np.mean(expected[:3]))


def test_images_without_detections_are_missed_objects():
    box = {"boxes": [[0, 0, 10, 10]], "labels": [0]}
    found = box | {"scores": [0.9]}
    # One of two objects at precision 1: 51 of the 101 recalls.
    half = coco_average_precision({"a": box, "b": box}, {"a": found})
    assert half["coco_ap"] == pytest.approx(51 / 101)
    assert half["coco_ar100"] == pytest.approx(0.5)
    assert half["coco_ap_small"] == half["coco_ap"]
    assert np.isnan(half["coco_ap_large"])
    assert coco_average_precision({"a": box}, {})["coco_ap"] == 0


def test_nothing_to_find_is_nan():
    nothing = {"boxes": [], "labels": []}
    for detections in ({}, {"a": nothing | {"scores": []}}):
        result = coco_average_precision({"a": nothing}, detections)
        assert list(result) == list(STATISTICS)
        assert np.isnan(list(result.values())).all()


def test_a_detection_within_a_crowd_is_neither_right_nor_wrong():
    ground_truth = {
        "a": {
            "boxes": [[0, 0, 10, 10], [50, 50, 150, 150]],
            "labels": [0, 0],
            "is_crowd": [False, True],
        }
    }
    detections = {
        "a": {
            "boxes": [[60, 60, 80, 80], [0, 0, 10, 10]],
            "scores": [0.9, 0.8],
            "labels": [0, 0],
        }
    }
    result = coco_average_precision(ground_truth, detections)
    assert result["coco_ap"] == pytest.approx(1)
    ground_truth["a"]["is_crowd"] = [False, False]
    assert coco_average_precision(ground_truth, detections)["coco_ap"] < 0.5


def test_is_silent(capsys):
    coco_average_precision(*random_case(2, images=3))
    assert capsys.readouterr().out == ""


def test_names_the_extra_when_no_evaluator_is_installed(monkeypatch):
    real_import = builtins.__import__

    def import_without_evaluators(name, *args, **kwargs):
        if name.startswith(("pycocotools", "faster_coco_eval")):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", import_without_evaluators)
    with pytest.raises(ImportError, match=r"\[eval\]"):
        coco_average_precision({}, {})


def test_both_evaluators_agree(monkeypatch):
    faster = pytest.importorskip("faster_coco_eval")
    pytest.importorskip("pycocotools")
    case = random_case(3)
    expected = coco_average_precision(*case)
    monkeypatch.setattr(
        "kcv.metrics.coco._evaluator",
        lambda: (faster.COCO, faster.COCOeval_faster),
    )
    result = coco_average_precision(*case)
    for name in STATISTICS:
        assert result[name] == pytest.approx(expected[name], nan_ok=True)
