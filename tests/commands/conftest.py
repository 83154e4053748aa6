"""Small models of every task, and a folder of images."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from kcv.commands.answers import KerasAnswers

SIZES = [(24, 32), (24, 32), (32, 24), (24, 32)]


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tf.io.encode_png(image).numpy())


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Four images in two folders, and a file that is not an image."""
    folder = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(1)
    names = ("a.png", "b.png", "below/a.png", "below/c.png")
    for name, size in zip(names, SIZES, strict=True):
        write_image(folder / name, random.integers(0, 256, (*size, 3), "uint8"))
    (folder / "below" / "broken.jpg").write_bytes(b"no image")
    return folder


def images_input():
    return keras.Input((None, None, 3), name="images")


@pytest.fixture(scope="session")
def detector():
    """A model in the form of a detector, with eight boxes of each image."""
    keras.utils.set_random_seed(2)
    images = images_input()
    sizes = keras.Input((2,), dtype="int32", name="image_sizes")
    side = ops.expand_dims(ops.cast(sizes, "float32")[:, ::-1], 1)
    # Not the mean, which padding would change.
    pixels = ops.prod(ops.cast(sizes, "float32"), -1, keepdims=True)
    vector = ops.sum(images, (1, 2)) / (255 * pixels)
    places = keras.layers.Dense(32, "sigmoid")(vector)
    places = ops.reshape(places, (-1, 8, 2, 2))
    first = places[:, :, 0] * side * 0.5
    last = first + places[:, :, 1] * side * 0.5
    scores = keras.layers.Dense(8, "sigmoid")(vector)
    labels = ops.cast(scores > 0.5, "int32")
    found = {
        "boxes": ops.concatenate([first, last], -1),
        "scores": -ops.sort(-scores, -1),
        "labels": labels,
        "num_detections": ops.sum(labels, -1) + 4,
    }
    return keras.Model({"images": images, "image_sizes": sizes}, found)


@pytest.fixture
def third_batch(monkeypatch):
    """Make the third batch raise an error."""

    def set_error(error):
        answer, calls = KerasAnswers.answer, []

        def answer_some(self, batch):
            calls.append(batch)
            if len(calls) == 3:
                raise error
            return answer(self, batch)

        monkeypatch.setattr(KerasAnswers, "answer", answer_some)

    return set_error
