import numpy as np
import pytest

from kcv.metrics import collect_masks
from kcv.metrics import decode_masks
from kcv.metrics import mask_average_recall

pytest.importorskip("pycocotools")


class Stub:
    """A model that finds two masks, one of them padding."""

    def predict_on_batch(self, images):
        assert images.dtype == "float32"
        height, width = images.shape[1:3]
        masks = np.zeros((1, 2, height, width), np.uint8)
        masks[0, 0, :4, :4] = 1
        return {
            "masks": masks,
            "boxes": np.array([[[0.0, 0, 4, 4], [0, 0, 0, 0]]]),
            "scores": np.array([[0.9, 0.0]]),
            "num_detections": np.array([1]),
        }


def example(name):
    masks = np.zeros((1, 8, 9), np.uint8)
    masks[0, :4, :4] = 1
    return {
        "images": np.zeros((8, 9, 3), np.uint8),
        "instance_masks": masks,
        "bounding_boxes": {"boxes": np.array([[0, 0, 4, 4]])},
        "is_crowd": np.array([False]),
        "image_id": np.array(name.encode(), object),
    }


def test_proposals_without_padding():
    truth, found = collect_masks(Stub(), [example("a"), example("b")])
    assert [*truth] == [*found] == ["a", "b"]
    assert found["a"]["scores"].tolist() == [0.9]
    assert decode_masks(found["a"]["masks"]).shape == (1, 8, 9)
    assert mask_average_recall(truth, found, (1,))["segm_ar1"] == 1


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match="no example"):
        collect_masks(Stub(), [])
    with pytest.raises(ValueError, match="image_id 'a' twice"):
        collect_masks(Stub(), [example("a"), example("a")])
    unmasked = example("a")
    del unmasked["instance_masks"]
    with pytest.raises(ValueError, match="with `instance_masks`"):
        collect_masks(Stub(), [unmasked])
