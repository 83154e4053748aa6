"""`fit` on examples, which have no targets yet."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.training.image_model import ImageModel

IMAGES = np.zeros((4, 2, 2, 3), np.float32)


@pytest.fixture
def model():
    images = keras.Input((2, 2, 3))
    x = keras.layers.Dense(2)(keras.layers.Flatten()(images))
    model = ImageModel(images, x, name="small")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    return model


@pytest.mark.parametrize(
    ("key", "mapping"),
    [
        ("labels", r"lambda x: \(x\[\"images\"\], x\[\"labels\"\]\)"),
        ("segmentation_masks", "kcv.data.segmentation_inputs"),
        ("bounding_boxes", "kcv.data.detection_inputs"),
    ],
)
def test_the_mapping_is_named(model, key, mapping):
    examples = {"images": IMAGES, key: np.zeros(4, np.int32)}
    message = f"`x` of small .*{mapping}.* Received: dicts of images, {key}"
    dataset = tf.data.Dataset.from_tensor_slices(examples)
    for x in (dataset, dataset.batch(2), examples):
        for call in (model.fit, model.evaluate):
            with pytest.raises(ValueError, match=message):
                call(x, verbose=0)
    pairs = dataset.batch(2).map(lambda x: (x["images"], x[key]))
    with pytest.raises(ValueError, match=message):
        model.fit(
            pairs, validation_data=dataset.batch(2), shuffle=False, verbose=0
        )


def test_help_shows_the_arguments_of_keras():
    for name in ("fit", "evaluate", "predict"):
        ours, keras_own = getattr(ImageModel, name), getattr(keras.Model, name)
        assert inspect.signature(ours) == inspect.signature(keras_own)
        assert f"see `keras.Model.{name}`" in ours.__doc__
        assert ours.__name__ == name


def test_pairs_are_taken_as_they_are(model):
    labels = np.zeros(4, np.int32)
    model.fit(IMAGES, labels, 2, 1, 0, validation_data=(IMAGES, labels))
    pairs = tf.data.Dataset.from_tensor_slices((IMAGES, labels)).batch(2)
    assert model.evaluate(pairs, verbose=0) < 1
