import sys

import numpy as np
import pytest
import tensorflow as tf

from kcv.data import face_scenes
from kcv.data.embedded.face_scenes import real_crops


def test_element_spec_names_and_number():
    opened = face_scenes("test")
    assert opened.size == opened.dataset.cardinality() == 200
    assert opened.class_names == ("face",)
    assert opened.dataset.element_spec == {
        "images": tf.TensorSpec((None, None, 3), tf.uint8),
        "image_id": tf.TensorSpec((), tf.string),
        "bounding_boxes": {
            "boxes": tf.TensorSpec((None, 4), tf.float32),
            "labels": tf.TensorSpec((None,), tf.int32),
        },
        "landmarks": tf.TensorSpec((None, 5, 2), tf.float32),
        "difficult": tf.TensorSpec((None,), tf.bool),
        "is_crowd": tf.TensorSpec((None,), tf.bool),
    }
    endless = face_scenes("train").dataset.cardinality()
    assert endless == tf.data.INFINITE_CARDINALITY


def test_a_stream_starts_anywhere():
    whole = list(face_scenes("train", 4, seed=2).dataset)
    later = list(face_scenes("train", 2, seed=2, start=2).dataset)
    assert later[0]["image_id"] == b"face_scenes/rendered/train/2/2"
    for one, other in zip(later, whole[2:], strict=True):
        np.testing.assert_array_equal(one["images"], other["images"])
        np.testing.assert_array_equal(
            one["bounding_boxes"]["boxes"], other["bounding_boxes"]["boxes"]
        )


def test_real_crops_are_divided():
    pytest.importorskip("skimage")
    faces, others = real_crops("train")
    assert faces.shape == others.shape == (50, 25, 25)
    assert 0 <= faces.min() < faces.max() <= 1
    for one in real_crops("test")[0]:
        assert not (faces == one).all((1, 2)).any()
    (scene,) = face_scenes("test", 1, real=True).dataset
    assert scene["image_id"] == b"face_scenes/real/test/0/0"


def test_real_crops_need_scikit_image(monkeypatch):
    real_crops.cache_clear()
    monkeypatch.setitem(sys.modules, "skimage.data", None)
    with pytest.raises(ImportError, match=r"\[faces\]"):
        face_scenes("train", 1, real=True)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"split": "val"}, "split"),
        ({"size": 0}, "`size` must be"),
        ({"seed": -1}, "`seed` must be"),
        ({"start": 1.5}, "`start` must be"),
        ({"split": "test", "seed": 1}, "`seed` must be 0"),
        ({"split": "test", "start": 200}, "at most 200"),
        ({"split": "test", "size": 3, "start": 198}, "at most 200"),
    ],
)
def test_wrong_arguments_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        face_scenes(**arguments)
