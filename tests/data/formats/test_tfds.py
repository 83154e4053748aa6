"""TFDS's own builders, fed by hand instead of by net."""

import functools
import io
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data.formats.coco import coco
from kcv.data.formats.tfds import is_tfds_name
from kcv.data.formats.tfds import tfds_classification
from kcv.data.formats.tfds import tfds_detection
from kcv.data.formats.voc import VOC_CLASSES
from kcv.data.formats.voc import voc
from kcv.data.sources.class_counts import count_classes
from kcv.data.streams.holdout import validation_rule

HEIGHT, WIDTH, COUNT = 375, 500, 7
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), "uint8")
# 1-based and inclusive, as in the XML files; one touches every border.
VOC_BOXES = [[48, 240, 195, 371], [1, 1, 500, 375]]
COCO_BOXES = [[12.34, 0, 487.66, 375], [7.01, 9.99, 3.5, 0.25], [5, 5, 0, 9]]
RNG = np.random.default_rng(0)
GRAY = RNG.integers(0, 256, (COUNT, 28, 28, 1), np.uint8)
COLOR = RNG.integers(0, 256, (COUNT, 32, 32, 3), np.uint8)


def jpeg():
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "JPEG")
    stream.seek(0)
    return stream


@pytest.fixture
def tfds(tmp_path, monkeypatch):
    """TFDS's own builders of VOC and COCO, fed by hand instead of by net."""
    tfds = pytest.importorskip("tensorflow_datasets")
    from tensorflow_datasets.object_detection import coco as coco_builder

    # Its quotients are made as the builders make them.
    def relative(x1, y1, x2, y2):
        return tfds.features.BBox(
            ymin=y1 / HEIGHT, xmin=x1 / WIDTH, ymax=y2 / HEIGHT, xmax=x2 / WIDTH
        )

    def voc_examples():
        for k in range(COUNT):
            objects = [
                {
                    "label": "dog" if k % 2 else "cat",
                    "pose": "left",
                    "bbox": relative(*box),
                    "is_truncated": False,
                    "is_difficult": bool(number),
                }
                for number, box in enumerate(VOC_BOXES)
            ]
            yield (
                k,
                {
                    "image": jpeg(),
                    "image/filename": f"{k:06d}.jpg",
                    "objects": [] if k == 3 else objects,
                    "labels": [],
                    "labels_no_difficult": [],
                },
            )

    def coco_examples():
        objects = [
            {
                "area": 1,
                "id": number,
                "bbox": relative(x, y, x + w, y + h),
                "is_crowd": number == 1,
                "label": number,
            }
            for number, (x, y, w, h) in enumerate(COCO_BOXES)
        ]
        yield (
            1,
            {
                "image": jpeg(),
                "image/filename": "000000000139.jpg",
                "image/id": 139,
                "objects": objects,
            },
        )

    def wider_examples():
        faces = [
            {
                "bbox": relative(x, y, x + w, y + h),
                "blur": 0,
                "expression": False,
                "illumination": False,
                "occlusion": 0,
                "pose": False,
                "invalid": number == 1,
            }
            for number, (x, y, w, h) in enumerate(COCO_BOXES)
        ]
        name = "0--Parade/0_Parade_1.jpg"
        yield name, {"image": jpeg(), "image/filename": name, "faces": faces}

    for builder, examples in (
        (tfds.builder_cls("voc"), voc_examples),
        (coco_builder.Coco, coco_examples),
        (tfds.builder_cls("wider_face"), wider_examples),
    ):
        monkeypatch.setattr(
            builder,
            "_split_generators",
            lambda self, manager, examples=examples: {"train": examples()},
        )
    load = functools.partial(tfds.load, data_dir=str(tmp_path))
    monkeypatch.setattr(tfds, "load", load)
    return tfds


def test_names():
    assert is_tfds_name("voc/2007", "voc")
    assert not is_tfds_name("voc/2007", "coco")
    assert not is_tfds_name("my/voc", "voc")


def test_voc(tfds):
    examples = {x["image_id"].numpy(): x for x in voc("voc/2007", "train")}
    assert sorted(examples) == [b"%06d" % k for k in range(COUNT)]
    got = examples[b"000001"]
    expected = np.asarray(Image.open(jpeg())).astype(int)
    error = np.abs(got["images"].numpy().astype(int) - expected)
    assert error.mean() < 3
    np.testing.assert_array_equal(
        got["bounding_boxes"]["boxes"],
        [[47, 239, 195, 371], [0, 0, WIDTH, HEIGHT]],
    )
    dog = VOC_CLASSES.index("dog")
    assert got["bounding_boxes"]["labels"].numpy().tolist() == [dog, dog]
    assert got["difficult"].numpy().tolist() == [False, True]
    assert got["is_crowd"].numpy().tolist() == [False, False]
    empty = examples[b"000003"]["bounding_boxes"]
    assert empty["boxes"].shape == (0, 4)


def test_stream_is_shuffled_endless_and_resumable(tfds):
    def ids(start, count):
        found = tfds_detection("voc/2007", "train", seed=1, start=start)
        assert found.size == COUNT
        assert found.class_names == VOC_CLASSES
        dataset = found.dataset.take(count)
        return [int(x["image_id"].numpy()) for x in dataset]

    whole = ids(0, 3 * COUNT)
    epochs = [tuple(whole[k : k + COUNT]) for k in (0, COUNT, 2 * COUNT)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len(set(epochs)) == 3
    assert ids(COUNT + 2, 5) == whole[COUNT + 2 : COUNT + 7]
    # The global seed has no say, and zero is a seed like any other.
    tf.random.set_seed(0)
    assert ids(0, 3 * COUNT) == whole


def test_coco(tfds):
    (got,) = coco("coco/2017", "train")
    assert got["image_id"] == b"139"
    # The third has no width.
    np.testing.assert_allclose(
        got["bounding_boxes"]["boxes"],
        [[12.34, 0, 500, 375], [7.01, 9.99, 10.51, 10.24]],
        atol=1e-4,
    )
    assert got["bounding_boxes"]["labels"].numpy().tolist() == [0, 1]
    assert got["is_crowd"].numpy().tolist() == [False, True]
    assert got["difficult"].numpy().tolist() == [False, False]
    assert got["bounding_boxes"]["labels"].dtype == tf.int32


def test_objects_are_counted_without_pixels(tfds, monkeypatch):
    """Neither difficult ones and crowds, nor boxes without extent."""
    monkeypatch.setattr(tf.io, "decode_image", None)
    counts = count_classes("detection", "voc/2012", "train", len(VOC_CLASSES))
    by_name = dict(zip(VOC_CLASSES, counts["training objects"], strict=True))
    assert by_name.pop("dog") == 2
    assert by_name.pop("cat") == 4
    assert not any(by_name.values())
    counts = count_classes("detection", "coco/2017", "train", 80)
    assert counts["training objects"].tolist() == [1] + 79 * [0]


def test_wider_face(tfds):
    found = tfds_detection("wider_face", "train")
    assert found.class_names == ("face",)
    (got,) = found.dataset
    assert got["image_id"] == b"0--Parade/0_Parade_1"
    # The third has no width.
    np.testing.assert_allclose(
        got["bounding_boxes"]["boxes"],
        [[12.34, 0, 500, 375], [7.01, 9.99, 10.51, 10.24]],
        atol=1e-4,
    )
    assert got["bounding_boxes"]["labels"].numpy().tolist() == [0, 0]
    assert got["difficult"].numpy().tolist() == [False, True]
    assert not got["is_crowd"].numpy().any()


def test_without_tfds_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"pip install .*\[data\]"):
        voc("voc/2007")


def test_split_is_needed(tfds):
    with pytest.raises(ValueError, match="`split` of voc/2007"):
        voc("voc/2007", None)


@pytest.fixture
def labeled(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    def gray():
        for k in range(COUNT):
            yield k, {"image": GRAY[k], "label": k % 10}

    def color(**more):
        for k in range(COUNT):
            others = {name: value(k) for name, value in more.items()}
            yield k, {"image": COLOR[k], "label": k, **others}

    def photographs():
        for k in range(COUNT):
            stream = io.BytesIO()
            Image.fromarray(COLOR[k]).save(stream, "JPEG", quality=95)
            stream.seek(0)
            file = f"n0144{k}_1.JPEG"
            yield k, {"image": stream, "label": k, "file_name": file}

    def id_of(k):
        return f"train_{k:05d}"

    for name, examples in (
        ("mnist", gray),
        ("fashion_mnist", gray),
        ("cifar10", lambda: color(id=id_of)),
        ("cifar100", lambda: color(id=id_of, coarse_label=lambda k: 19 - k)),
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
        ("mnist", GRAY, 10, "3", None),
        ("fashion_mnist", GRAY, 10, "Dress", None),
        # The names of CIFAR's classes come with the download.
        ("cifar10", COLOR, 10, "3", b"train_00003"),
        ("cifar100", COLOR, 100, "3", b"train_00003"),
    ],
)
def test_pixels_and_labels(labeled, name, pixels, classes, third, image_id):
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


def test_imagenet(labeled):
    found = tfds_classification("imagenet2012", "train")
    assert len(found.class_names) == 1000
    # Sorted WordNet ids: the tench is the first.
    assert found.class_names[0] == "n01440764"
    assert list(found.class_names) == sorted(found.class_names)
    example = by_label(found)[2]
    assert example["image_id"] == b"n01442_1.JPEG"
    assert example["images"].shape == (32, 32, 3)


def test_labelled_stream_is_shuffled_endless_and_resumable(labeled):
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
        "kcv.data.formats.tfds.open_tfds",
        lambda name, split, belongs: (
            None,
            {"image": None, "objects": None},
            1,
        ),
    )
    with pytest.raises(ValueError, match="image, objects, not image and lab"):
        tfds_classification("voc/2007", "train")


def test_without_tfds_the_extra_is_named_for_labelled_images(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"pip install .*\[data\]"):
        tfds_classification("mnist", "train")


def test_a_validation_part_is_evenly_spaced(labeled):
    def labels(split):
        rule = validation_rule(split, 0.25)
        found = tfds_classification("mnist", "train", belongs=rule)
        own = [int(x["labels"]) for x in found.dataset]
        assert len(own) == found.size
        return own

    validation, train = labels("validation"), labels("train")
    assert len(validation) == COUNT // 4
    assert sorted(validation + train) == list(range(COUNT))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_validation_part_is_not_empty(labeled, split):
    rule = validation_rule(split, 1e-4)
    with pytest.raises(ValueError, match=f"has {COUNT} training.*=0.0001"):
        tfds_classification("mnist", "train", belongs=rule)
