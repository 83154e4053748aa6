"""Kind: kcv's own batches on several devices, and models that are frozen."""

import keras
import numpy as np
import pytest

from kcv.faces import FaceEmbedder
from kcv.faces.objectives import Identification

_DETECTOR = """
import kcv.data
from kcv.detection import Anchors, AnchorSampling, RegionProposals, custom_parts
from kcv.faces import FaceEmbedder
from kcv.faces.objectives import Identification

scenes = kcv.data.digit_scenes("train", 4)
batches = kcv.data.batch(scenes, 2).map(kcv.data.detection_inputs)
# The first batch does not divide evenly, and the last has nothing for one.
uneven = kcv.data.batch(scenes, 3).map(kcv.data.detection_inputs)
first, last = uneven.take(1), uneven.skip(1)
assert batches.element_spec[1]["difficult"].dtype == tf.bool

def tiny():
    images = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, 8, padding="same")(images)
    parts = custom_parts(
        keras.Model(images, x), keras.layers.Rescaling(1 / 64), 2, (4,)
    )
    return RegionProposals(
        parts, anchors=Anchors(scales=(2, 4)), rpn_filters=4, seed=0
    )

with strategies[1].scope():
    model = tiny()
    model.compile("sgd")
history = model.fit(batches, verbose=0).history
assert np.isfinite(history["loss"]).all(), history
assert np.isfinite(model.evaluate(first, verbose=0)).all(), "uneven"
try:
    model.evaluate(last, verbose=0)
except tf.errors.InvalidArgumentError as error:
    assert "drop_remainder=True" in str(error), error
else:
    raise AssertionError("an empty replica")

# Faces come with texts.
faces = tf.data.Dataset.from_tensor_slices({
    "images": np.zeros((4, 8, 8, 3), "uint8"), "labels": np.arange(4),
    "image_id": list("abcd"),
})
with strategies[1].scope():
    images = keras.Input((8, 8, 3))
    network = keras.Model(images, keras.layers.GlobalAveragePooling2D()(images))
    embedder = FaceEmbedder.from_network(network, Identification(4))
    embedder.compile("sgd")
embedder.fit(faces.batch(2), verbose=0)
assert np.isfinite(embedder.evaluate(faces.batch(2), verbose=0)).all()
"""


def test_batches_of_kcv_train_and_evaluate_on_replicas(on_replicas):
    on_replicas(_DETECTOR)


def test_a_frozen_model_is_warned_of_and_goes_on():
    images = keras.Input((8, 8, 3))
    network = keras.Model(images, keras.layers.Flatten()(images))
    model = FaceEmbedder.from_network(network, Identification(3))
    model.trainable = False
    model.compile("sgd")
    with pytest.warns(UserWarning, match="no trainable weights"):
        history = model.fit(np.zeros((3, 8, 8, 3)), np.arange(3), verbose=0)
    assert np.isfinite(history.history["loss"]).all()
