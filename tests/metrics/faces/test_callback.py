"""The protocol of LFW in the logs of `fit`."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from kcv.metrics import FaceVerification

# Four images of two people, whose first pixel tells the person.
IMAGES = np.zeros((4, 2, 2, 1), "float32")
IMAGES[2:, 0, 0] = 1
PAIRS = SimpleNamespace(
    first=np.array([0, 0, 2, 1]),
    second=np.array([1, 2, 3, 3]),
    same=np.array([True, False, True, False]),
    folds=np.array([0, 0, 1, 1]),
)


def fit(callbacks, epochs=3, scale=1.0):
    model = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Flatten(),
            keras.layers.Rescaling(scale),
            keras.layers.Dense(4, kernel_initializer="identity"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model.fit(
        IMAGES,
        np.zeros((4, 4)),
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
    ).history


def test_figures_join_the_logs_of_measured_epochs():
    history = fit([FaceVerification(IMAGES, PAIRS, every=2, prefix="x_")], 5)
    assert history["x_lfw_accuracy"][:2] == [1, 1]
    for name, value in (
        ("x_lfw_standard_error", 0),
        ("x_lfw_auc", 1),
        ("x_lfw_validation_rate", 1),
    ):
        values = np.array(history[name])
        np.testing.assert_array_equal(
            np.isnan(values), [False, False, True, False, False]
        )
        assert (values[[0, 1, 3, 4]] == value).all()


def test_embeddings_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="`embeddings` must be finite"):
        fit([FaceVerification(IMAGES, PAIRS)], scale=float("inf"))
