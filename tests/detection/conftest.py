"""A detector that is small enough for tests."""

import keras
import numpy as np
import pytest

from kcv.detection import FasterRCNN
from kcv.detection import FastRCNN
from kcv.detection import RegionProposals
from kcv.detection import custom_parts


def small_trunk():
    """Three convolutions with biases, stride 8."""
    x = images = keras.Input((None, None, 3))
    for filters in (8, 12, 16):
        x = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            activation="relu",
            bias_initializer=keras.initializers.RandomNormal(stddev=0.3),
        )(x)
        x = keras.layers.MaxPooling2D(2, padding="same")(x)
    return keras.Model(images, x)


def small_parts(units=(24,)):
    """Always with the same weights."""
    keras.utils.set_random_seed(0)
    return custom_parts(small_trunk(), roi_size=3, units=units)


@pytest.fixture
def make_detector():
    """Function that builds a small detector with options of its own."""

    def make(classes=3, **options):
        settings = {
            "anchor_scales": (2, 4, 8),
            "rpn_filters": 16,
            "train_proposals": (400, 50),
            "test_proposals": (400, 20),
            "min_proposal_side": 4,
            "roi_batch": 16,
            "seed": 0,
            **options,
        }
        return FasterRCNN(classes, small_parts(), **settings)

    return make


@pytest.fixture
def make_fast_rcnn():
    """Function that builds a small Fast R-CNN with options of its own."""

    def make(classes=3, parts=None, **options):
        settings = {"roi_batch": 16, "seed": 0, **options}
        return FastRCNN(classes, parts or small_parts(), **settings)

    return make


@pytest.fixture
def make_proposer():
    """Function that builds a small RPN with options of its own."""

    def make(parts=None, **options):
        settings = {
            "anchor_scales": (2, 4, 8),
            "rpn_filters": 16,
            "proposals": (None, 50),
            "min_proposal_side": 4,
            "seed": 0,
            **options,
        }
        return RegionProposals(parts or small_parts(), **settings)

    return make


@pytest.fixture
def batch():
    """Two images of different sizes; the second has no object."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (2, 64, 96, 3)).astype("float32")
    sizes = np.array([[64, 96], [50, 70]], "int32")
    images[1, 50:] = images[1, :, 70:] = 0
    x = {"images": images, "image_sizes": sizes}
    y = {
        "boxes": np.zeros((2, 3, 4), "float32"),
        "labels": np.full((2, 3), -1, "int32"),
        "difficult": np.zeros((2, 3), bool),
        "is_crowd": np.zeros((2, 3), bool),
    }
    y["boxes"][0, :2] = [[8, 8, 40, 40], [50, 20, 90, 60]]
    y["labels"][0, :2] = [2, 0]
    return x, y


@pytest.fixture
def given(batch):
    """The two images with proposals: moved objects and others, and padding."""
    x, y = batch
    rng = np.random.default_rng(1)
    proposals = np.zeros((2, 24, 4), "float32")
    corner = rng.uniform(0, [60, 40], (2, 20, 2))
    proposals[:, :20] = np.concatenate(
        [corner, corner + rng.uniform(8, 30, (2, 20, 2))], axis=-1
    )
    proposals[0, :8] = np.repeat(y["boxes"][0, :2], 4, axis=0)
    proposals[0, :8] += rng.uniform(-4, 4, (8, 4))
    proposals[0, 0] = [8, 8, 40, 40]
    limits = np.array([[96, 64, 96, 64], [70, 50, 70, 50]])[:, None]
    proposals = np.minimum(proposals, limits).astype("float32")
    return {**x, "proposals": proposals}, y
