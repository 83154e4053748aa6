"""What a model takes of a batch, and of an example."""

import numpy as np

from kcv.data import batch
from kcv.data import detection_inputs
from kcv.data import drop_difficult


def test_detection_inputs(make_example, as_dataset):
    dataset = batch(as_dataset([make_example(4, 6, [[0, 0, 2, 2]])]), 1)
    ((x, y),) = dataset.map(detection_inputs)
    (got,) = dataset
    assert set(x) == {"images", "image_sizes"}
    assert set(y) == {"boxes", "labels", "difficult", "is_crowd"}
    np.testing.assert_array_equal(x["images"], got["images"])
    np.testing.assert_array_equal(y["boxes"], got["bounding_boxes"]["boxes"])


def test_drop_difficult(make_example, as_dataset):
    example = make_example(4, 6, [[0, 0, 2, 2], [1, 1, 3, 3], [2, 2, 4, 4]])
    example["difficult"][[0, 2]] = True
    example["is_crowd"][1] = True
    example["instance_masks"] = np.arange(3, dtype=np.uint8)[
        :, None, None
    ] * np.ones((4, 6), np.uint8)
    every = {**example, "difficult": np.ones(3, bool)}
    one, none = as_dataset([example, every]).map(drop_difficult)
    assert one["bounding_boxes"]["boxes"].numpy().tolist() == [[1, 1, 3, 3]]
    assert one["bounding_boxes"]["labels"].numpy().tolist() == [1]
    assert one["difficult"].numpy().tolist() == [False]
    assert one["is_crowd"].numpy().tolist() == [True]
    np.testing.assert_array_equal(one["instance_masks"], np.ones((1, 4, 6)))
    assert none["bounding_boxes"]["boxes"].shape == (0, 4)
