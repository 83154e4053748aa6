"""Detectors that are small enough for tests, and batches for them."""

import keras
import numpy as np
import pytest

from kcv.classification import Preprocessing
from kcv.detection import CAFFE_MEAN
from kcv.detection import RCNN
from kcv.detection import Anchors
from kcv.detection import FasterRCNN
from kcv.detection import FastRCNN
from kcv.detection import ProposalSelection
from kcv.detection import RegionProposals
from kcv.detection import RoISampling
from kcv.detection import custom_parts


def _small_parts():
    """Three convolutions with biases, stride 8: always the same weights."""
    keras.utils.set_random_seed(0)
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
    return custom_parts(
        keras.Model(images, x),
        Preprocessing(CAFFE_MEAN, 64.0),
        roi_size=3,
        units=(24,),
    )


@pytest.fixture(scope="session")
def make_detector():
    """Function that builds a small Faster R-CNN with options of its own."""

    def make(classes=3, parts=None, **options):
        settings = {
            "anchors": Anchors(scales=(2, 4, 8)),
            "rpn_filters": 16,
            "train_proposals": ProposalSelection(400, 50, min_side=4),
            "test_proposals": ProposalSelection(400, 20, min_side=4),
            "roi_sampling": RoISampling(16),
            "seed": 0,
            **options,
        }
        return FasterRCNN(classes, parts or _small_parts(), **settings)

    return make


@pytest.fixture(scope="session")
def make_proposer():
    """Function that builds a small RPN with options of its own."""

    def make(parts=None, **options):
        settings = {
            "anchors": Anchors(scales=(2, 4, 8)),
            "rpn_filters": 16,
            "proposals": ProposalSelection(None, 50, min_side=4),
            "seed": 0,
            **options,
        }
        return RegionProposals(parts or _small_parts(), **settings)

    return make


@pytest.fixture(scope="session")
def make_fast():
    """Function that builds a small Fast R-CNN with options of its own."""

    def make(classes=3, parts=None, **options):
        settings = {"roi_sampling": RoISampling(16), "seed": 0}
        parts = parts or _small_parts()
        return FastRCNN(classes, parts, **{**settings, **options})

    return make


@pytest.fixture(scope="session")
def make_rcnn():
    """Function that builds a small R-CNN with options of its own."""

    def make(classes=3, **options):
        keras.utils.set_random_seed(0)
        x = windows = keras.Input((16, 16, 3))
        for filters in (8, 12):
            x = keras.layers.Conv2D(
                filters, 3, 2, padding="same", activation="relu"
            )(x)
        parts = custom_parts(
            keras.Model(windows, x),
            Preprocessing(CAFFE_MEAN, 64.0),
            roi_size=4,
            units=(24,),
        )
        settings = {
            "context": 2,
            "chunk": 7,
            "roi_sampling": RoISampling(32),
            "mirror": False,
            "seed": 0,
            **options,
        }
        return RCNN(classes, parts, **settings)

    return make


def _batch():
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


def _proposed():
    x, y = _batch()
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 40, (2, 30, 2))
    sides = rng.uniform(12, 40, (2, 30, 2))
    proposals = np.concatenate([corners, corners + sides], -1)
    near = y["boxes"][0, [0, 1] * 5] + rng.uniform(-4, 4, (10, 4))
    proposals[0, :10] = near
    proposals[0, 25:] = 0  # padding
    x = {**x, "proposals": proposals.astype("float32")}
    return x, y


@pytest.fixture
def batch():
    """Two images of different sizes; the second has no object."""
    return _batch()


@pytest.fixture
def proposed():
    """The batch, with proposals around its objects and elsewhere."""
    return _proposed()


@pytest.fixture(scope="module")
def module_batch():
    """The batch, for models that a module trains once."""
    return _batch()


@pytest.fixture(scope="module")
def module_proposed():
    """The batch with proposals, for models that a module trains once."""
    return _proposed()
