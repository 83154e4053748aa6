"""A small model with random numbers of its own, and data for it."""

import keras
import numpy as np
import pytest


@pytest.fixture
def build():
    """Return a function that builds the same compiled model each time."""

    def build():
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.Input((3,)),
                keras.layers.Dropout(0.5, seed=0),
                keras.layers.Dense(2),
            ]
        )
        model.compile(keras.optimizers.Adam(0.1), "mse")
        return model

    return build


@pytest.fixture
def data():
    """Return inputs (8, 3) and targets (8, 2)."""
    return np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
