"""The same features, made by a pipeline on Beam's local runner."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from kcv.detection import extract_features
from kcv.detection import extract_features_by_beam

pytest.importorskip("apache_beam")


def batches(scenes, number):
    own = tf.nest.map_structure(
        lambda x: x[4 * number : 4 * number + 4], scenes
    )
    return tf.data.Dataset.from_tensor_slices(own).batch(4)


def test_features_are_those_of_extract_features(
    tuned, scenes, dataset, tmp_path, monkeypatch
):
    model = tmp_path / "rcnn.keras"
    tuned.save(model)
    folder = tmp_path / "features"
    open_part = functools.partial(batches, scenes)
    found = extract_features_by_beam(model, open_part, 3, folder)
    expected = extract_features(tuned, dataset, tmp_path / "expected")
    assert found.image_ids == expected.image_ids
    for one, other in zip(found, expected, strict=True):
        assert {*one.arrays} == {*other.arrays}
        for name in one.arrays:
            np.testing.assert_array_equal(one.arrays[name], other.arrays[name])

    # `train_rcnn` computes nothing again.
    def fail(x):
        raise AssertionError

    monkeypatch.setattr(tuned, "features", fail)
    assert extract_features(tuned, dataset, folder).image_ids == found.image_ids


@pytest.mark.slow
def test_an_image_in_two_parts_is_told(tuned, scenes, tmp_path):
    model = tmp_path / "rcnn.keras"
    tuned.save(model)
    same = functools.partial(batches, scenes, 0)
    with pytest.raises(ValueError, match="4 images twice"):
        extract_features_by_beam(
            model, lambda number: same(), 2, tmp_path / "features"
        )
    with pytest.raises(ValueError, match="parts=0"):
        extract_features_by_beam(model, same, 0, tmp_path)
