"""Streams of training images, which begin anywhere."""

import numpy as np
import pytest

from recipes.common.detection.detectors import scale_to
from recipes.common.run import Run
from recipes.common.training_images import open_training_images
from recipes.common.training_images import stream_batches


def read_ids(dataset, count):
    return [x["image_id"].numpy().decode() for x in dataset.take(count)]


@pytest.fixture(scope="module")
def scenes():
    return open_training_images("digit_scenes", 6, seed=3)


def test_kept_scenes_come_again(scenes):
    once = read_ids(scenes.once, 100)
    assert len(set(once)) == 6
    assert read_ids(scenes.stream(0), 12) == 2 * once
    assert read_ids(scenes.stream(10), 4) == [*once[4:], *once[:2]]
    assert not scenes.mirror


def test_new_scenes_never_end():
    images = open_training_images("digit_scenes", None, seed=3)
    ids = read_ids(images.stream(0), 12)
    assert len(set(ids)) == 12
    assert read_ids(images.stream(8), 4) == ids[8:]


def test_files_are_shuffled_and_mirrored(coco_set, tmp_path):
    images = open_training_images(f"coco:{coco_set}", None, seed=3)
    once = read_ids(images.once, 100)
    assert len(once) == 12
    shuffled = read_ids(images.stream(0), 12)
    assert shuffled != once
    assert sorted(shuffled) == sorted(once)
    assert images.mirror
    assert images.class_names == ("rectangle", "ellipse")

    run = Run(out=tmp_path)
    (plain, _), (mirrored, truth) = (
        next(iter(stream_batches(run, images, 8, None, mirror=mirror)(0)))
        for mirror in (False, True)
    )
    flipped = [
        not np.array_equal(a, b)
        for a, b in zip(plain["images"], mirrored["images"], strict=True)
    ]
    assert 0 < sum(flipped) < 8
    assert truth["boxes"].shape[0] == 8


def test_a_stream_begins_in_the_middle_of_another(scenes, tmp_path):
    """At the end of a group of 8 batches."""
    run = Run(out=tmp_path)
    batches = stream_batches(run, scenes, 2, scale_to(48))
    whole = [x["images"] for x, _ in batches(0).take(10)]
    part = [x["images"] for x, _ in batches(16).take(2)]
    for a, b in zip(whole[8:], part, strict=True):
        np.testing.assert_array_equal(a, b)
    assert min(whole[0].shape[1:3]) == 48


def test_several_scales(scenes, tmp_path):
    run = Run(out=tmp_path)
    batches = stream_batches(run, scenes, 1, None, scales=(32, 64))(0)
    sides = {min(x["images"].shape[1:3]) for x, _ in batches.take(8)}
    assert sides == {32, 64}
