"""The figures that a fit shows, records and monitors."""

import csv

import keras
import numpy as np
import pytest

from kcv.metrics.callbacks import DetectionEvaluation

SQUARE = {"boxes": np.array([[[0, 0, 8, 8]]], np.float32)}
HELD_OUT = [
    {
        "images": np.ones((1, 4, 4, 3), np.float32),
        "image_sizes": np.array([[4, 4]], np.int32),
        "image_id": np.array([b"a"], object),
        "bounding_boxes": SQUARE | {"labels": np.array([[0]], np.int32)},
        "difficult": np.array([[False]]),
        "is_crowd": np.array([[False]]),
    }
]


@keras.saving.register_keras_serializable("kcv_tests")
class Growing(keras.Model):
    """A detector of one box, whose height is the weight it learns."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.height = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs):
        count = keras.ops.shape(inputs["images"])[0]
        zeros = keras.ops.zeros((count, 1))
        sides = [zeros, zeros, zeros + 8, zeros + self.height]
        return {
            "boxes": keras.ops.stack(sides, axis=-1),
            "scores": zeros + 0.5,
            "labels": keras.ops.cast(zeros, "int32"),
            "num_detections": keras.ops.ones((count,), "int32"),
        }

    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        return -self.height  # one more pixel per step of SGD(1)


def fit(callbacks, epochs=5, **options):
    model = Growing()
    model.compile(keras.optimizers.SGD(1.0))
    inputs = {key: HELD_OUT[0][key] for key in ("images", "image_sizes")}
    return model.fit(
        inputs,
        np.zeros(1),
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
        **options,
    ).history


def test_history_has_the_figures_of_every_epoch():
    # Heights 2 3 4 5 6 of 8: right from IoU .5 = height 4 on.
    history = fit([DetectionEvaluation(HELD_OUT)])
    assert history["val_voc07_map"] == [0, 0, 1, 1, 1]
    assert "val_average_precision" not in history  # not a number


def iou_and_none(ground_truth, detections):
    height = detections["a"]["boxes"][0, 3]
    return {"iou": height / 8, "by_class": {0: 1.0}}


def test_skipped_epochs_are_nan_and_first_and_last_are_not():
    evaluation = DetectionEvaluation(
        HELD_OUT, metric=iou_and_none, every=3, prefix="test_"
    )
    expected = [2 / 8, np.nan, 4 / 8, np.nan, 6 / 8]
    np.testing.assert_array_equal(fit([evaluation])["test_iou"], expected)
    # The same callback in a second fit starts anew, as after a resumption.
    history = fit([evaluation], epochs=5, initial_epoch=1)
    np.testing.assert_array_equal(
        history["test_iou"], [2 / 8, 3 / 8, np.nan, 5 / 8]
    )


# Keras 3.15 saves with `np.array(variable)`, of which NumPy 2.4 complains.
@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_csv_and_checkpoint_behind_it_see_the_figures(tmp_path):
    log, best = tmp_path / "history.csv", tmp_path / "best.keras"
    fit(
        [
            DetectionEvaluation(HELD_OUT, metric=iou_and_none, every=2),
            keras.callbacks.CSVLogger(log),
            keras.callbacks.ModelCheckpoint(
                best, "val_iou", mode="max", save_best_only=True
            ),
        ],
        epochs=5,
    )
    with open(log) as file:
        rows = [row["val_iou"] for row in csv.DictReader(file)]
    assert rows == ["0.25", "0.375", "nan", "0.625", "0.75"]
    assert float(keras.models.load_model(best).height) == 6


def test_every_must_be_positive():
    with pytest.raises(ValueError, match="`every` must be at least 1.*every=0"):
        DetectionEvaluation(HELD_OUT, every=0)
