"""What the recipes of segmenters share."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import kcv
from recipes.common.history import read_history
from recipes.common.plan import Plan
from recipes.common.run import Run
from recipes.common.segmentation.images import open_images
from recipes.common.segmentation.segmenters import balance_classes
from recipes.common.segmentation.segmenters import evaluate_segmenter
from recipes.common.segmentation.segmenters import take_whole_images
from recipes.common.segmentation.segmenters import train_segmenter
from recipes.common.segmentation.segmenters import weigh_background


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data(Run):
    out: Path = Path("runs/any")
    data: str


@pytest.fixture
def images(shapes):
    return open_images(Data(data=shapes), 24)


def test_images_are_flipped_on_request(shapes):
    flipped = []
    for flip in (True, False):
        images = open_images(Data(data=shapes), None, flip)
        stored = kcv.data.load_segmentation(shapes, seed=1).dataset
        pairs = tf.data.Dataset.zip(images.examples(1, 0), stored).take(6)
        flipped.append(
            sum(not np.array_equal(a["images"], b["images"]) for a, b in pairs)
        )
    assert 0 < flipped[0] < 6
    assert flipped[1] == 0
    assert not open_images(Data(data="digit_scenes"), None).flip
    assert not open_images(Data(data=shapes, augment=False), None).flip


@pytest.fixture
def model():
    pixels = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    scores = keras.layers.Conv2D(3, 1, kernel_initializer="zeros")(x)
    model = keras.Model(pixels, scores)
    model.compile(keras.optimizers.SGD(0.1), kcv.losses.PixelwiseCrossEntropy())
    return model


def test_a_segmenter_is_measured_on_whole_images(model, images, shapes):
    """Without weights all is background, whose pixels can be counted."""
    masks = [each["segmentation_masks"].numpy() for each in images.test]
    right = sum((mask == 0).sum() for mask in masks)
    share = right / sum(mask.size for mask in masks)
    whole = take_whole_images(model, images)
    evaluation = evaluate_segmenter(whole, images, Data(data=shapes))
    metrics = evaluation.metrics
    assert metrics["pixel_accuracy"] == pytest.approx(share)
    assert metrics["mean_accuracy"] == pytest.approx(1 / 3)
    assert metrics["iu"] == pytest.approx(
        {"background": share, "rectangle": 0, "ellipse": 0}
    )
    assert metrics["split"] == f"{images.source}, 3 held-out images"
    assert evaluation.headline == f"mean_iu {share / 3:.3f}"
    assert len(evaluation.figures) == 4
    seen = [
        np.unique(each["segmentation_masks"]) for each in images.load("train")
    ]
    for label, row in enumerate(evaluation.tables["Classes"]):
        assert row["images"] == sum((mask == label).any() for mask in masks)
        assert row["training images"] == sum(label in own for own in seen)
        assert row["recall"] == (label == 0)
    worst = evaluation.tables["Worst images"]
    assert len(worst) == 3
    assert worst[0]["mean_iu"] <= worst[1]["mean_iu"] <= worst[2]["mean_iu"]


def test_patience_keeps_the_best_epoch(model, shapes, tmp_path):
    """An answer that gets worse from its second measurement on."""
    run = Data(data=shapes, out=tmp_path, patience=2, validation=0.25)
    images = open_images(run, 24)
    held_back = [x["images"].numpy() for x in images.load("validation")]
    assert len(held_back) == 3
    assert images.num_images == 9
    measured = []

    def answer(image):
        expected = held_back[len(measured) % 3]
        np.testing.assert_array_equal(image, expected)
        measured.append(image)
        wrong = len(measured) > 3  # In all epochs but the first.
        scores = np.zeros((*image.shape[:2], 3))
        scores[..., 1 if wrong else 0] = 1
        return scores

    plan = Plan(batch_size=2, steps=80, epochs=10, learning_rate=0.1)
    train_segmenter(run, model, plan, images, answer=answer)
    history = read_history(tmp_path)
    assert len(history["loss"]) == len(history["val_loss"]) == 3
    first, *later = history["val_mean_iu"]
    assert max(later) < first


def test_stages_that_are_not_measured_train_all_epochs(model, images, tmp_path):
    run = Run(out=tmp_path, patience=1)
    plan = Plan(batch_size=2, steps=24, epochs=3, learning_rate=0.1)

    def examples(start):
        return images.examples(run.seed, start)

    train_segmenter(run, model, plan, images, examples)
    assert len(read_history(tmp_path)["loss"]) == 3


def test_weights_of_classes(images):
    scenes = dataclasses.make_dataclass("Scenes", ["source", "class_names"])
    digits = scenes("digit_scenes", range(11))
    assert weigh_background(images) is None
    assert weigh_background(images, 0.5) == [0.5, 1, 1]
    assert weigh_background(digits) == [0.7] + 10 * [1]
    assert balance_classes(digits, "none", seed=3) is None
    assert balance_classes(digits, None, seed=3) == [0.7] + 10 * [1]
    assert balance_classes(images, None, seed=3) is None
    assert balance_classes(images, "scenes", seed=3) == [0.7, 1, 1]
    assert len(balance_classes(images, "camvid", seed=3)) == 11
    background, *others = balance_classes(images, "median", seed=3)
    assert background < min(others)
