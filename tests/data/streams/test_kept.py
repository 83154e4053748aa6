import numpy as np
import pytest
import tensorflow as tf

from kcv.data import keep_faces
from kcv.examples import DataSet


def data_set(sides):
    dataset = tf.data.Dataset.from_generator(
        lambda: (
            {
                "images": np.full((side, 4, 3), number, np.uint8),
                "labels": np.int32(number // 2),
                "image_id": f"{number}",
                "bounding_boxes": {"boxes": np.full((1, 4), number, "float32")},
            }
            for number, side in enumerate(sides)
        ),
        output_signature={
            "images": tf.TensorSpec((None, 4, 3), tf.uint8),
            "labels": tf.TensorSpec((), tf.int32),
            "image_id": tf.TensorSpec((), tf.string),
            "bounding_boxes": {"boxes": tf.TensorSpec((1, 4), tf.float32)},
        },
    )
    return DataSet(dataset, ("a", "b", "c"), len(sides))


def test_kept_examples_are_those_of_the_set():
    opened = data_set([5] * 6)
    faces = keep_faces(opened)
    assert len(faces) == 6
    assert faces.class_names == ("a", "b", "c")
    assert faces.image_ids == ("0", "1", "2", "3", "4", "5")
    np.testing.assert_array_equal(faces.labels, [0, 0, 1, 1, 2, 2])
    for one, other in zip(opened.dataset, faces.dataset(), strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_a_seeded_stream_shuffles_every_epoch_and_resumes():
    faces = keep_faces(data_set([5] * 6))
    numbers = [
        int(example["image_id"].numpy())
        for example in faces.dataset(seed=1).take(12)
    ]
    assert sorted(numbers[:6]) == sorted(numbers[6:]) == list(range(6))
    assert numbers[:6] != numbers[6:]
    rest = faces.dataset(seed=1, start=4).take(8)
    assert [int(x["image_id"].numpy()) for x in rest] == numbers[4:]


def test_images_must_have_one_size_and_an_end():
    with pytest.raises(ValueError, match="images of one size.*align_faces"):
        keep_faces(data_set([5, 5, 6]))
    opened = data_set([5])
    endless = opened._replace(dataset=opened.dataset.repeat())
    with pytest.raises(ValueError, match="must have an end"):
        keep_faces(endless)
    with pytest.raises(ValueError, match="at least one example"):
        keep_faces(opened._replace(dataset=opened.dataset.take(0)))
