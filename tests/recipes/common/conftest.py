"""A small recipe: options, a plan, a model, and a stream to train it on."""

import keras
import pytest
import tensorflow as tf

from kcv.training import EpochBackup
from recipes.common.plan import Plan
from recipes.common.run import Run
from recipes.common.train import train


@pytest.fixture
def run(tmp_path):
    return Run(out=tmp_path / "run", epochs=4)


@pytest.fixture
def build():
    """Return a function that builds the same compiled model each time."""

    def build():
        keras.utils.set_random_seed(0)
        pixels = keras.Input((None, None, 3), name="images")
        x = keras.layers.Conv2D(4, 3, padding="same")(pixels)
        x = keras.layers.Dropout(0.5, seed=0)(x)
        x = keras.layers.Conv2D(3, 3, padding="same")(x)
        model = keras.Model(pixels, x)
        model.compile(keras.optimizers.Adam(0.01), "mse")
        return model

    return build


def batches(start: int) -> tf.data.Dataset:
    """Stream pairs of images, each made from its position."""

    def example(position):
        image = tf.random.stateless_uniform((4, 4, 3), [position, 0])
        return image, 1 - image

    positions = tf.data.Dataset.range(start, 10_000)
    return positions.map(example).batch(2)


@pytest.fixture
def fit(build):
    """Return a function that trains the model, or goes on with it."""

    def fit(run, stream=batches, **options):
        model = build()
        plan = Plan(2, 12, 4, learning_rate=0.01).with_options(run, group=1)
        train(run, model, plan, stream, **options)
        return model, plan

    return fit


@pytest.fixture
def stop_after(monkeypatch):
    """Return a function that stops trainings after so many epochs."""
    keep = EpochBackup.on_epoch_end

    def stop_after(epochs):
        def keep_and_stop(self, epoch, logs=None):
            keep(self, epoch, logs)
            if epoch + 1 == epochs:
                self.model.stop_training = True

        monkeypatch.setattr(EpochBackup, "on_epoch_end", keep_and_stop)

    return stop_after
