"""The end of a recipe: its files, its figures, its export."""

import dataclasses
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from kcv.serving import ServingConfig
from kcv.visualize.report import Published
from recipes.common.evaluate_and_report import Evaluation
from recipes.common.evaluate_and_report import Stage
from recipes.common.evaluate_and_report import evaluate_and_report
from recipes.common.evaluate_and_report import is_own
from recipes.common.evaluate_and_report import save_model
from recipes.common.run import begin

NAMES = ("cat", "dog", "cow")


def test_a_run_of_two_stages(fit, run, tmp_path, capsys):
    run = dataclasses.replace(run, epochs=2, export=tmp_path / "served")
    begin(run)
    stages = []
    for name in ("first", "second"):
        model, plan = fit(run.stage(name))
        stages.append(Stage(run.stage(name).out, plan))
    history = kcv.visualize.losses_figure({"loss": [2.0, 1.0]})

    def evaluate(trained):
        assert trained is model
        return Evaluation(
            {"top1": 0.25, "split": "four images"},
            {"A figure": history},
            "top1 a quarter",
            {"Most confused": [{"class": "cat", "taken for": "dog"}]},
        )

    metrics = evaluate_and_report(
        run,
        "A title",
        model,
        evaluate,
        ServingConfig("segmentation", class_names=NAMES),
        stages,
        [Published("top1", 0.5, "other data", "Someone 1998")],
    )
    assert metrics["top1"] == 0.25
    assert metrics["epochs"] == 4
    assert metrics["parameters"] == model.count_params()
    images = 4 * 3 * 2  # Epochs, steps, batch.
    assert metrics["examples_per_second"] * metrics["seconds"] == (
        pytest.approx(images)
    )
    assert json.loads((run.out / "metrics.json").read_text()) == metrics
    out = capsys.readouterr().out
    assert "\ntop1 a quarter on four images\n" in out
    assert f"Report: {run.out / 'report.html'}\n" in out

    assert (run.out / "labels.txt").read_text() == "cat\ndog\ncow\n"
    assert ServingConfig.load(run.out).class_names == NAMES
    page = (run.out / "report.html").read_text()
    for text in ("A title", "A figure", "Someone 1998", "taken for"):
        assert text in page
    for text in ("Plan of first", "Plan of second", "steps"):
        assert text in page

    saved = keras.models.load_model(run.out / "model.keras")
    image = np.random.default_rng(0).uniform(0, 255, (1, 5, 6, 3))
    expected = saved.predict(image, verbose=0)
    served = tf.saved_model.load(str(run.export / "1"))
    answer = served.signatures["serving_default"](
        tf.constant(image, tf.float32)
    )
    np.testing.assert_array_equal(answer["labels"], expected.argmax(-1))


@pytest.mark.parametrize(
    ("data", "names", "expected"),
    [
        ("digit_scenes", NAMES, False),
        ("voc/2007", kcv.data.VOC_CLASSES, False),
        ("voc:VOC2007", kcv.data.VOC_CLASSES, False),
        ("voc:VOC2007", ("background", *kcv.data.VOC_CLASSES), False),
        ("voc:mine", NAMES, True),
        ("coco:train.json:images", [str(k) for k in range(80)], False),
        ("coco:mine.json:images", NAMES, True),
        ("camvid:CamVid", NAMES, False),
        ("folder:mine", NAMES, True),
        ("folder:photographs", (), True),
    ],
)
def test_data_of_ones_own_have_no_published_figure(data, names, expected):
    assert is_own(data, names) == expected


def test_a_full_disk_leaves_no_half_model(build, tmp_path, monkeypatch):
    model = build()
    save_model(model, tmp_path)
    whole = (tmp_path / "model.keras").read_bytes()

    def full(file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(model, tmp_path)
    assert (tmp_path / "model.keras").read_bytes() == whole
    assert len(list(tmp_path.iterdir())) == 1
