"""Kind: images in 0..1, which `predict` warns of once for each model."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification import LeNet5
from kcv.faces import FaceEmbedder
from kcv.segmentation import SegNetBasic
from kcv.training.image_model import ImageModel

UNIT = np.random.default_rng(0).uniform(size=(4, 32, 32, 3)).astype("float32")
DIGITS = UNIT[:, :28, :28, :1]
DARK = np.zeros_like(UNIT)
DARK[0, 0, 0, 0] = 2


def make_model(has_names=False):
    images = keras.Input((32, 32, 3), name="images")
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    inputs = {"images": images} if has_names else images
    return ImageModel(inputs, pooled, name="pooled")


def dataset(images):
    return tf.data.Dataset.from_tensor_slices(images).batch(2)


_FORMS = {
    "array": lambda x: x,
    "tensor": tf.constant,
    "dict": lambda x: {"images": x},
    "dataset": dataset,
    "dataset of dicts": lambda x: dataset({"images": x}),
    "dataset of pairs": lambda x: dataset((x, np.arange(4))),
}


@pytest.mark.parametrize("form", _FORMS)
def test_images_that_look_like_0_to_1_are_warned_of_once(form):
    model, make = make_model("dict" in form), _FORMS[form]
    for images in (255 * UNIT, 0 * UNIT, DARK, UNIT - 0.5):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expected = images.mean((1, 2))
            found = model.predict(make(images), verbose=0)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.warns(UserWarning, match=r"pooled takes images in 0\.\.255"):
        found = model.predict(make(UNIT), verbose=0)
    np.testing.assert_allclose(found, UNIT.mean((1, 2)), rtol=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(make(UNIT), verbose=0)


def test_saved_and_cloned_models_warn_too(tmp_path):
    model = make_model()
    model.save(tmp_path / "model.keras")
    for other in (
        keras.saving.load_model(tmp_path / "model.keras"),
        keras.models.clone_model(model),
    ):
        assert type(other) is ImageModel
        with pytest.warns(UserWarning, match="0..255"):
            other.predict(UNIT, verbose=0)


def make_embedder():
    images = keras.Input((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(images)
    return FaceEmbedder.from_network(keras.Model(images, pooled))


@pytest.mark.parametrize(
    ("make", "images"),
    [(LeNet5, DIGITS), (lambda: SegNetBasic(2), UNIT), (make_embedder, UNIT)],
)
def test_models_of_all_kinds_warn(make, images):
    with pytest.warns(UserWarning, match="0..255"):
        make().predict(images[:1], verbose=0)


def test_models_without_preprocessing_do_not_warn():
    model = LeNet5(include_preprocessing=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(DIGITS, verbose=0)
