"""Files of the published detectors: all names, and outputs in NumPy.

The networks are those of the authors' prototxt files, in narrow.
"""

import keras
import numpy as np
import pytest

from kcv.classification import Preprocessing
from kcv.classification import vgg
from kcv.detection import CAFFE_MEAN
from kcv.detection import BoxNormalization
from kcv.detection import FasterRCNN
from kcv.detection import FastRCNN
from kcv.detection import custom_parts
from kcv.weights import load_weights
from tests.weights.caffe_writer import convolve
from tests.weights.caffe_writer import normal
from tests.weights.caffe_writer import write

FILTERS = (2, 3, 4, 5, 5)
UNITS, CLASSES, ANCHORS = 6, 2, 9
BLOCKS = [
    [f"conv{block}_{number}" for number in range(1, count + 1)]
    for block, count in enumerate((2, 2, 3, 3, 3), start=1)
]
# A snapshot of the authors' code has layers whose boxes are not normalized.
PLAIN = BoxNormalization(std=(1.0, 1.0, 1.0, 1.0))
REGION = (3.0, 5.0, 40.0, 28.0)


def layers_of_a_file(proposals):
    """Names, kinds and arrays of all layers that have weights."""
    layers, channels = {}, 3
    for block, filters in zip(BLOCKS, FILTERS, strict=True):
        for name in block:
            layers[name] = (filters, channels, 3, 3)
            channels = filters
    if proposals:
        layers["rpn_conv/3x3"] = (UNITS, channels, 3, 3)
        layers["rpn_cls_score"] = (2 * ANCHORS, UNITS, 1, 1)
        layers["rpn_bbox_pred"] = (4 * ANCHORS, UNITS, 1, 1)
    layers["fc6"] = (UNITS, channels * 7 * 7)
    layers["fc7"] = (UNITS, UNITS)
    layers["cls_score"] = (CLASSES + 1, UNITS)
    layers["bbox_pred"] = (4 * (CLASSES + 1), UNITS)
    return {
        name: (
            normal(*shape, seed=k, scale=np.sqrt(2 / np.prod(shape[1:]))),
            normal(shape[0], seed=k),
        )
        for k, (name, shape) in enumerate(layers.items())
    }


def convolve_same(x, arrays):
    edge = arrays[0].shape[-1] // 2
    x = np.pad(x, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    return convolve(x, *arrays)


def features(pixels, layers):
    """conv5_3 (1, C, H, W) of RGB pixels, as Caffe computes it in BGR."""
    x = (pixels - np.array(CAFFE_MEAN))[..., ::-1].transpose(0, 3, 1, 2)
    for block in BLOCKS:
        if block != BLOCKS[0]:
            _, c, h, w = x.shape
            x = x.reshape(1, c, h // 2, 2, w // 2, 2).max((3, 5))
        for name in block:
            x = np.maximum(convolve_same(x, layers[name]), 0)
    return x


def pool(maps, region):
    """RoI pooling of maps (C, H, W) into 7 x 7 bins."""
    x1, y1, x2, y2 = (int(np.floor(v / 16 + 0.5)) for v in region)
    pooled = np.zeros((len(maps), 7, 7))
    for row in range(7):
        for column in range(7):
            top, bottom, left, right = (
                start + int(round_(bin_ * (end - start + 1) / 7))
                for start, end, bin_, round_ in (
                    (y1, y2, row, np.floor),
                    (y1, y2, row + 1, np.ceil),
                    (x1, x2, column, np.floor),
                    (x1, x2, column + 1, np.ceil),
                )
            )
            cells = maps[:, top:bottom, left:right].reshape(len(maps), -1)
            if cells.size:
                pooled[:, row, column] = cells.max(1)
    return pooled


def judge(maps, layers):
    """Scores and deltas of the region, of Caffe's inner products."""
    x = pool(maps[0], REGION).ravel()
    for name in ("fc6", "fc7"):
        x = np.maximum(layers[name][0] @ x + layers[name][1], 0)
    return [
        layers[name][0] @ x + layers[name][1]
        for name in ("cls_score", "bbox_pred")
    ]


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.setattr(vgg, "_FILTERS", FILTERS)
    images = keras.Input((None, None, 3))
    return custom_parts(
        keras.Model(images, vgg.vgg_trunk(images)["conv5_3"]),
        Preprocessing(CAFFE_MEAN),
        units=(UNITS, UNITS),
    )


@pytest.mark.parametrize("system", [FasterRCNN, FastRCNN])
def test_a_published_file_loads_whole(parts, tmp_path, system):
    proposals = system is FasterRCNN
    options = {"rpn_filters": UNITS} if proposals else {}
    model = system(CLASSES, parts, box_normalization=PLAIN, **options)
    layers = layers_of_a_file(proposals)
    file = write(
        tmp_path / f"VGG16_{model.name}_final.caffemodel",
        [
            (
                name,
                "InnerProduct" if arrays[0].ndim == 2 else "Convolution",
                "below",
                name,
                arrays,
            )
            for name, arrays in layers.items()
        ],
    )
    report = load_weights(model, file)
    assert len(report.matched) == len(model.weights) == 2 * len(layers)
    assert not report.missing
    assert not report.left_over

    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 48, 3))
    maps = features(pixels, layers)
    found, sizes, image_sizes = model.trunk(
        model.preprocessing(pixels.astype("float32")),
        np.array([[32, 48]], "int32"),
    )
    scale = np.abs(maps).max()
    np.testing.assert_allclose(
        found / scale, maps.transpose(0, 2, 3, 1) / scale, atol=1e-5
    )
    scores, deltas = model.head([found, sizes, np.array([[REGION]], "float32")])
    for got, expected in zip(
        (scores, deltas), judge(maps, layers), strict=True
    ):
        np.testing.assert_allclose(
            got[0, 0], expected, atol=1e-5 * np.abs(expected).max()
        )
    if proposals:
        hidden = convolve_same(maps, layers["rpn_conv/3x3"])
        hidden = np.maximum(hidden, 0)
        scores = convolve(hidden, *layers["rpn_cls_score"])[0]  # (18, H, W)
        deltas = convolve(hidden, *layers["rpn_bbox_pred"])[0]
        expected = (
            scores.reshape(2, ANCHORS, -1).transpose(2, 1, 0).reshape(-1, 2),
            deltas.reshape(ANCHORS, 4, -1).transpose(2, 0, 1).reshape(-1, 4),
        )
        for got, own in zip(model.rpn([found, sizes]), expected, strict=False):
            np.testing.assert_allclose(
                got[0], own, atol=1e-5 * np.abs(own).max()
            )
