"""Runs that begin with the weights of another, and fix layers of theirs."""

import dataclasses

import keras
import pytest

from kcv.weights import TrainedWeights
from recipes.common.starting import StartOptions


@pytest.fixture
def run(tmp_path):
    return StartOptions(out=tmp_path)


@pytest.fixture
def model():
    images = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(4, 3, name="conv1")(images)
    x = keras.layers.Conv2D(4, 2, name="conv2")(x)
    return keras.Model(images, keras.layers.Dense(2, name="scores")(x))


def trained(model):
    return [layer.name for layer in model.layers if layer.trainable_weights]


def test_weights_have_the_names_of_the_classes(run):
    def weights(option):
        options = dataclasses.replace(run, weights=option)
        return options.start_weights(["cat", "dog"])

    assert weights(None) is None
    assert weights("imagenet") == "imagenet"
    assert weights("runs/a") == TrainedWeights("runs/a", ("cat", "dog"))


@pytest.mark.parametrize(
    ("layers", "left"),
    [
        (None, ["conv1", "conv2", "scores"]),
        ("backbone", ["scores"]),
        ("conv1", ["conv2", "scores"]),
        ("scores, conv1", ["conv2"]),
    ],
)
def test_layers_are_frozen_by_their_names(run, model, layers, left):
    run = dataclasses.replace(run, freeze=layers)
    run.freeze_layers(model, r"(?!scores)")
    assert trained(model) == left


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ("fc6", "Received: freeze='fc6'. The layers are conv1, conv2, scores."),
        ("conv1,fc6", "Received: freeze='conv1,fc6'. The layers"),
        ("c,s", "must leave layers to train. Received: freeze='c,s'"),
    ],
)
def test_what_cannot_be_frozen_is_an_error(run, model, layers, text):
    with pytest.raises(ValueError, match=text):
        dataclasses.replace(run, freeze=layers).freeze_layers(model, "conv")
