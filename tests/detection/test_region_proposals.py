from inspect import signature

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.detection import AnchorSampling
from kcv.detection import ProposalSelection
from kcv.detection import RegionProposals

LOSSES = {"loss", "rpn_cls_loss", "rpn_bbox_loss"}


@pytest.fixture
def model(make_proposer):
    return make_proposer()


def test_losses_and_proposals_are_those_of_faster_rcnn(
    make_detector, make_proposer, batch
):
    x, y = batch
    # All anchors are taken, so that no chance is left.
    detector = make_detector(anchor_sampling=AnchorSampling(4000))
    model = make_proposer(
        anchor_sampling=AnchorSampling(4000),
        proposals=detector.test_proposals,
    )
    model.set_weights(_weights_of(detector))
    detector.compute_loss(x, y, training=False)
    loss = model.compute_loss(x, y, training=False)
    expected = {m.name: float(m.result()) for m in detector.metrics}
    for metric in model.metrics[1:]:
        value = float(metric.result())
        assert value == pytest.approx(expected[metric.name], rel=1e-5)
    assert float(loss) == pytest.approx(
        expected["rpn_cls_loss"] + expected["rpn_bbox_loss"], rel=1e-5
    )
    # What the detector's graph calls its proposals.
    inner = keras.Model(detector.input, detector.get_layer("proposals").output)
    regions, logits, valid = inner.predict_on_batch(x)
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found["proposals"], regions, atol=1e-3)
    np.testing.assert_allclose(
        found["scores"],
        np.where(valid, 1 / (1 + np.exp(-logits)), 0),
        atol=1e-5,
    )


def _weights_of(detector):
    return [*detector.trunk.get_weights(), *detector.rpn.get_weights()]


def test_fit_shows_the_two_losses_and_they_fall(model, batch):
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(*batch, batch_size=2, epochs=12, verbose=0).history
    assert set(history) == LOSSES
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    x, y = tf.nest.map_structure(tf.constant, batch)
    with tf.GradientTape() as tape:
        loss = model.compute_loss(x, y)
    variables = model.trainable_variables
    for variable, gradient in zip(
        variables, tape.gradient(loss, variables), strict=True
    ):
        assert np.abs(gradient).max() > 0, variable.path


def test_all_anchors_by_falling_score(make_proposer, batch):
    """Without suppression and limit, every anchor within sight is there."""
    x, _ = batch
    images = x["images"][:1]
    model = make_proposer(
        proposals=ProposalSelection(None, 900, iou=1.0, min_side=0)
    )
    found = model.predict(images, verbose=0)
    # 8 x 12 cells, 9 anchors; those clipped to the same box stay one.
    real = found["proposals"][0, :, 2] > 0
    assert real.sum() > 400
    scores = found["scores"][0]
    assert (np.diff(scores) <= 0).all()
    assert (scores[real] > 0).all()
    assert (scores[~real] == 0).all()
    fewer = make_proposer(
        proposals=ProposalSelection(None, 100, iou=1.0, min_side=0)
    )
    fewer.set_weights(model.get_weights())
    np.testing.assert_array_equal(
        fewer.predict(images, verbose=0)["proposals"],
        found["proposals"][:, :100],
    )


def test_the_defaults_are_the_dumps_of_alternating_training(model):
    assert signature(RegionProposals).parameters["backbone"].default == "vgg16"
    model = RegionProposals(model.parts)
    assert model.proposals == ProposalSelection(None, 2000, 0.7, 16)
    assert model.anchor_sampling == AnchorSampling(256, 0.5, 0.7, 0.3)


def test_published_weights_reach_the_trunk(vgg16_file):
    model = RegionProposals("vgg16", weights=vgg16_file)
    original = keras.applications.VGG16(weights=None, include_top=False)
    original.load_weights(vgg16_file)
    np.testing.assert_array_equal(
        model.parts.trunk.get_layer("conv5_3").kernel,
        original.get_layer("block5_conv3").kernel.numpy(),
    )
