"""LeNet-5 learns digits it has not seen, and is served with their names."""

import json

import numpy as np
import pytest
import tensorflow as tf

from export.command import export
from recipes import lenet_digits


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("lenet_digits")
    run = lenet_digits.Options(
        out=out / "run", epochs=15, export=out / "served", patience=15
    )
    return out, lenet_digits.main(run)


def test_held_out_digits_are_named(trained):
    out, metrics = trained
    written = json.loads((out / "run" / "metrics.json").read_text())
    assert written == metrics
    assert metrics["top1"] >= 0.95
    assert metrics["top5"] >= metrics["top1"]
    assert metrics["split"] == "digits, 364 held-out images"
    page = (out / "run" / "report.html").read_text()
    assert "LeCun et al. 1998" in page
    assert page.count("<img") == 4
    rows = (out / "run" / "history.csv").read_text().splitlines()
    assert "val_accuracy" in rows[0]
    assert "taken for" in page
    assert "Worst images" in page
    assert "training images" in page


def test_the_run_is_exported_as_the_recipe_publishes_it(trained):
    """By `python -m export`, for an image of any size."""
    out, _ = trained
    version = export(out / "run" / "model.keras", out / "again")
    photo = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    encoded = tf.io.encode_jpeg(photo)[None]
    ours, theirs = (
        tf.saved_model.load(str(folder)).signatures["serving_bytes"](encoded)
        for folder in (version, out / "served" / "1")
    )
    assert ours.keys() == theirs.keys()
    assert "class_names" in ours
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, name)


def test_the_export_names_digits(trained):
    out, _ = trained
    served = tf.saved_model.load(str(out / "served" / "1"))
    digit = next(
        iter(lenet_digits.kcv.data.digits("test").map(lenet_digits.enlarge))
    )
    encoded = tf.io.encode_png(digit["images"])
    answer = served.signatures["serving_bytes"](
        image_bytes=tf.constant([encoded.numpy()])
    )
    assert answer["class_names"].shape == (1, 5)
    assert answer["class_names"][0, 0] == str(digit["labels"].numpy()).encode()
    np.testing.assert_allclose(tf.reduce_sum(answer["probabilities"]), 1, 1e-5)
