"""TFDS's own builder of LFW, fed by hand instead of by net."""

import functools
import io

import numpy as np
import pytest
from PIL import Image

from kcv.data import load_faces
from kcv.data.formats.faces.tfds_lfw import tfds_lfw

NAMES = ("Bo", "Al", "Di", "Cy", "Em")


@pytest.fixture
def lfw(tmp_path, monkeypatch):
    """Five people with two photos each, whose gray tells who it is."""
    tfds = pytest.importorskip("tensorflow_datasets")

    def examples():
        for k in range(10):
            stream = io.BytesIO()
            pixels = np.full((250, 250, 3), 20 * (k % 5), np.uint8)
            Image.fromarray(pixels).save(stream, "PNG")
            stream.seek(0)
            name = NAMES[k % 5]
            yield f"{name}/{k}", {"image": stream, "label": name}

    monkeypatch.setattr(
        tfds.builder_cls("lfw"),
        "_split_generators",
        lambda self, manager: {"train": examples()},
    )
    load = functools.partial(tfds.load, data_dir=str(tmp_path))
    monkeypatch.setattr(tfds, "load", load)


def test_people_are_sorted_by_name(lfw):
    found = tfds_lfw()
    assert found.size == 10
    assert found.class_names == tuple(sorted(NAMES))
    examples = list(found.dataset.as_numpy_iterator())
    for example in examples:
        gray = 20 * NAMES.index(found.class_names[example["labels"]])
        assert (example["images"] == gray).all()
        assert example["images"].shape == (250, 250, 3)
    assert len({example["image_id"] for example in examples}) == 10


def test_parts_share_nobody_and_streams_resume(lfw):
    train, test = load_faces("lfw", "train"), load_faces("lfw", "test")
    assert (train.size, test.size) == (8, 2)
    assert {*train.class_names, *test.class_names} == set(NAMES)
    labels = [int(example["labels"]) for example in train.dataset]
    assert sorted(labels) == [0, 0, 1, 1, 2, 2, 3, 3]

    def ids(start, count):
        dataset = load_faces("lfw", "train", seed=1, start=start).dataset
        return [x["image_id"].numpy() for x in dataset.take(count)]

    assert ids(11, 6) == ids(0, 17)[11:]
