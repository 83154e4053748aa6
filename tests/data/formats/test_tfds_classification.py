"""TFDS's own builders, fed by hand instead of by net."""

import functools
import io
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data.formats.tfds_classification import tfds_classification

COUNT = 7
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (COUNT, 28, 28, 1), np.uint8)
COLOUR = RNG.integers(0, 256, (COUNT, 32, 32, 3), np.uint8)


@pytest.fixture
def tfds(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    def grey():
        for k in range(COUNT):
            yield k, {"image": GREY[k], "label": k % 10}

    def colour(**more):
        for k in range(COUNT):
            others = {name: value(k) for name, value in more.items()}
            yield k, {"image": COLOUR[k], "label": k, **others}

    def photographs():
        for k in range(COUNT):
            stream = io.BytesIO()
            Image.fromarray(COLOUR[k]).save(stream, "JPEG", quality=95)
            stream.seek(0)
            file = f"n0144{k}_1.JPEG"
            yield k, {"image": stream, "label": k, "file_name": file}

    def id_of(k):
        return f"train_{k:05d}"

    for name, examples in (
        ("mnist", grey),
        ("fashion_mnist", grey),
        ("cifar10", lambda: colour(id=id_of)),
        ("cifar100", lambda: colour(id=id_of, coarse_label=lambda k: 19 - k)),
        ("imagenet2012", photographs),
    ):
        monkeypatch.setattr(
            tfds.builder_cls(name),
            "_split_generators",
            lambda self, manager, examples=examples: {"train": examples()},
        )
    load = functools.partial(tfds.load, data_dir=str(tmp_path))
    monkeypatch.setattr(tfds, "load", load)
    return tfds


def by_label(found):
    return {int(example["labels"]): example for example in found.dataset}


@pytest.mark.parametrize(
    ("name", "pixels", "classes", "third", "image_id"),
    [
        ("mnist", GREY, 10, "3", None),
        ("fashion_mnist", GREY, 10, "Dress", None),
        # The names of CIFAR's classes come with the download.
        ("cifar10", COLOUR, 10, "3", b"train_00003"),
        ("cifar100", COLOUR, 100, "3", b"train_00003"),
    ],
)
def test_pixels_and_labels(tfds, name, pixels, classes, third, image_id):
    found = tfds_classification(name, "train")
    assert found.size == COUNT
    assert len(found.class_names) == classes
    assert found.class_names[3] == third
    examples = by_label(found)
    assert sorted(examples) == list(range(COUNT))
    for label, example in examples.items():
        assert example["images"].dtype == tf.uint8
        assert example["labels"].dtype == tf.int32
        np.testing.assert_array_equal(example["images"], pixels[label])
    assert len({x["image_id"].numpy() for x in examples.values()}) == COUNT
    if image_id is not None:
        assert examples[3]["image_id"] == image_id


def test_imagenet(tfds):
    found = tfds_classification("imagenet2012", "train")
    assert len(found.class_names) == 1000
    # Sorted WordNet ids: the tench is the first.
    assert found.class_names[0] == "n01440764"
    assert list(found.class_names) == sorted(found.class_names)
    example = by_label(found)[2]
    assert example["image_id"] == b"n01442_1.JPEG"
    assert example["images"].shape == (32, 32, 3)


def test_stream_is_shuffled_endless_and_resumable(tfds):
    def labels(start, count):
        found = tfds_classification("mnist", "train", seed=1, start=start)
        return [int(x["labels"]) for x in found.dataset.take(count)]

    whole = labels(0, 3 * COUNT)
    epochs = [whole[k : k + COUNT] for k in (0, COUNT, 2 * COUNT)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(COUNT))] * 3
    assert epochs[0] != epochs[1]
    assert labels(COUNT + 2, 5) == whole[COUNT + 2 : COUNT + 7]


def test_a_set_of_another_kind_is_named(monkeypatch):
    monkeypatch.setattr(
        "kcv.data.formats.tfds_classification.open_tfds",
        lambda name, split: (None, {"image": None, "objects": None}, 1),
    )
    with pytest.raises(ValueError, match="image, objects, not image and lab"):
        tfds_classification("voc/2007", "train")


def test_without_tfds_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'pip install "kcv\[data\]"'):
        tfds_classification("mnist", "train")
