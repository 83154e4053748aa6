"""Images with proposals, an R-CNN that learned them, features made by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.detection.rcnn.features import ImageFeatures

# Colors of the classes on gray noise.
COLORS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]])


@pytest.fixture(scope="session")
def scenes():
    """Twelve images of one to three colored squares, as `batch` gives them.

    Proposals are the objects, moved a little, and random boxes.
    """
    random = np.random.default_rng(0)
    count, height, width, most, regions = 12, 64, 96, 3, 24
    batch = {
        "images": random.uniform(100, 140, (count, height, width, 3)),
        "image_sizes": np.tile([[height, width]], (count, 1)),
        "image_id": np.array([f"scene/{i}".encode() for i in range(count)]),
        "proposals": np.zeros((count, regions, 4)),
        "is_crowd": np.zeros((count, most), bool),
        "difficult": np.zeros((count, most), bool),
    }
    boxes = np.zeros((count, most, 4))
    labels = np.full((count, most), -1)
    for i in range(count):
        for j in range(1 + i % most):
            side = random.integers(14, 24)
            corner = [32 * j + random.integers(0, 8), random.integers(0, 40)]
            boxes[i, j] = [*corner, *(np.array(corner) + side)]
            labels[i, j] = random.integers(3)
            x1, y1, x2, y2 = boxes[i, j].astype(int)
            batch["images"][i, y1:y2, x1:x2] = COLORS[labels[i, j]]
            moved = boxes[i, j] + random.uniform(-3, 3, (4, 4))
            batch["proposals"][i, 4 * j : 4 * j + 4] = moved.clip(
                0, [width, height, width, height]
            )
        corner = random.uniform(0, [width - 25, height - 25], (10, 2))
        sides = random.uniform(8, 25, (10, 2))
        batch["proposals"][i, 12:22] = np.hstack([corner, corner + sides])
    batch["bounding_boxes"] = {
        "boxes": boxes.astype("float32"),
        "labels": labels.astype("int32"),
    }
    for key, dtype in (
        ("images", "float32"),
        ("image_sizes", "int32"),
        ("proposals", "float32"),
    ):
        batch[key] = batch[key].astype(dtype)
    return batch


@pytest.fixture(scope="session")
def dataset(scenes):
    return tf.data.Dataset.from_tensor_slices(scenes).batch(4)


@pytest.fixture(scope="session")
def inputs(scenes):
    """Function of a slice: (x, y) of some scenes, as for `fit`."""

    def part(which=slice(None)):
        x = {
            key: scenes[key][which]
            for key in ("images", "image_sizes", "proposals")
        }
        y = {
            **{k: v[which] for k, v in scenes["bounding_boxes"].items()},
            "is_crowd": scenes["is_crowd"][which],
        }
        return x, y

    return part


@pytest.fixture(scope="session")
def tuned(make_rcnn, inputs):
    """A fine-tuned R-CNN without machines."""
    model = make_rcnn()
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(*inputs(), batch_size=4, epochs=25, verbose=0)
    return model


@pytest.fixture
def make_features():
    """Function that makes features of some images by hand."""

    def make(random, images=30, regions=40, width=6, classes=2):
        made = []
        for number in range(images):
            labels = random.integers(0, classes, 1 + number % 2)
            corner = random.uniform(0, 60, (regions, 2))
            sides = random.uniform(15, 40, (regions, 2))
            boxes = np.hstack([corner, corner + sides])
            fc7 = random.normal(size=(regions, width))
            fc7[: len(labels), :classes] += 3 * np.eye(classes)[labels]
            rows = np.arange(len(labels), len(labels) + 6)
            close = boxes[rows % len(labels)]
            boxes[rows] = close + random.uniform(-2, 2, (6, 4))
            pool5 = random.normal(size=(6, 9))
            arrays = {
                "boxes": boxes.astype("float32"),
                "labels": labels.astype("int32"),
                "fc7": fc7.astype("float32"),
                "pool5_norms": np.ones(regions, "float32"),
                "pool5_rows": rows,
                "pool5": pool5.astype("float32"),
            }
            made.append(ImageFeatures(str(number), arrays))
        return made

    return make
