"""Regions in a crowd of COCO teach nothing, as in py-faster-rcnn."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.detection import AnchorSampling
from kcv.detection import RoISampling
from kcv.detection.learning import head_losses as head_module
from kcv.detection.learning import rpn_losses as rpn_module
from kcv.detection.learning.candidates import list_candidates
from kcv.detection.learning.crowds import inside_crowds
from kcv.detection.learning.sampling import sample_anchors
from kcv.detection.learning.sampling import sample_rois
from kcv.detection.learning.targets import get_objects


def ground_truth(crowds):
    """Two images, each with an object and a large box."""
    return {
        "boxes": np.array([[[4, 4, 40, 40], [30, 0, 90, 60]]] * 2, "float32"),
        "labels": np.array([[0, 1]] * 2),
        "is_crowd": np.array([[False, crowd] for crowd in crowds]),
    }


def test_a_region_is_inside_by_the_share_of_its_own_area():
    random = np.random.default_rng(0)
    corners = random.integers(0, 60, (2, 200, 2))
    regions = np.concatenate([corners, corners + 20], -1).astype("float32")
    objects = get_objects(ground_truth([True, False]))
    found = inside_crowds(tf.constant(regions), objects).numpy()

    x1, y1, x2, y2 = regions[0].T
    width = np.minimum(x2, 90) - np.maximum(x1, 30)
    height = np.minimum(y2, 60) - np.maximum(y1, 0)
    share = width.clip(0) * height.clip(0) / 400
    assert found[0].tolist() == (share > 0.7).tolist()
    assert 0 < found[0].sum() < 200
    assert not found[1].any()


def test_a_proposal_inside_is_no_candidate_and_an_object_is():
    y = ground_truth([True, True])
    y["boxes"][:, 0] = [40, 10, 60, 30]  # inside of the crowd
    proposals = tf.constant([[[40.0, 10, 60, 31], [0, 0, 9, 9]]] * 2)
    _, exists, _, overlap = list_candidates(
        proposals, tf.ones((2, 2), "bool"), get_objects(y)
    )
    # Two proposals, the object, the crowd and the row to point at.
    assert exists.numpy().tolist() == 2 * [[False, True, True, False, False]]
    assert overlap.numpy()[0, 0] > 0.9


@pytest.mark.parametrize("share", [0.7, 1.0])
def test_none_is_sampled_in_training(make_detector, batch, monkeypatch, share):
    """By the RPN or by the head; with a share of 1, they are background."""
    x, _ = batch
    y = ground_truth([True, True])
    crowd = tf.constant(y["boxes"][:, 1:])
    model = make_detector(
        anchor_sampling=AnchorSampling(4000, crowd_share=share),
        roi_sampling=RoISampling(60, crowd_share=share),
    )
    seen = {}

    def watch_anchors(labels, *arguments):
        seen["anchors"] = sample_anchors(labels, *arguments)
        return seen["anchors"]

    def watch_rois(overlap, valid, *arguments):
        seen["valid"] = valid
        return sample_rois(overlap, valid, *arguments)

    def watch_candidates(*arguments):
        seen["candidates"] = list_candidates(*arguments)
        return seen["candidates"]

    monkeypatch.setattr(rpn_module, "sample_anchors", watch_anchors)
    monkeypatch.setattr(head_module, "sample_rois", watch_rois)
    monkeypatch.setattr(head_module, "list_candidates", watch_candidates)
    assert np.isfinite(model.compute_loss(x, y))

    _, _, anchors, _ = model.rpn(
        model.trunk(model.preprocessing(x["images"]), x["image_sizes"])[:2]
    )
    objects = get_objects({**y, "boxes": np.repeat(crowd, 2, 1)})
    inside = inside_crowds(anchors[None], objects).numpy()
    sampled = np.logical_or(*(np.asarray(mask) for mask in seen["anchors"]))
    assert sampled[~inside].any()
    assert (sampled & inside).any() == (share == 1)

    regions = seen["candidates"].regions[:, :50]
    inside = inside_crowds(regions, objects).numpy()
    valid = seen["valid"].numpy()[:, :50]
    assert inside.any()
    assert (valid & inside).any() == (share == 1)


def test_a_crowd_flag_of_false_changes_nothing(make_detector, batch):
    x, _ = batch
    y = ground_truth([False, False])
    losses = []
    for truth in (y, {k: v for k, v in y.items() if k != "is_crowd"}):
        losses.append(float(make_detector().compute_loss(x, truth)))
    assert losses[0] == losses[1]
