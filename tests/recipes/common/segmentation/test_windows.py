"""Windows of images, and an encoder that learns to classify them."""

from typing import NamedTuple

import numpy as np
import pytest

import kcv
from recipes.common.history import read_history
from recipes.common.plan import Plan
from recipes.common.run import Run
from recipes.common.segmentation.images import open_images
from recipes.common.segmentation.windows import Windows
from recipes.common.segmentation.windows import learn_classes


class Data(NamedTuple):
    """The options that are about data."""

    data: str
    on_error: str = "raise"
    augment: bool = True
    validation_part: float = 0.0


def test_windows_do_not_depend_on_where_the_stream_begins(shapes):
    images = open_images(Data(shapes), None)
    cut = Windows(32, 36, 2)
    stream = cut.around_objects(images, seed=1)
    whole, rest = [*stream(0).take(6)], [*stream(4).take(2)]
    for window, same in zip(whole[4:], rest, strict=True):
        for key, value in window.items():
            np.testing.assert_array_equal(value, same[key])
    assert whole[0]["images"].shape == (32, 32, 3)
    for window in whole:  # of one object each
        kinds = np.unique(window["segmentation_masks"])
        assert len({*kinds.tolist()} - {0, 255}) == 1


def test_the_encoder_learns_classes_and_the_decoder_nothing(shapes, tmp_path):
    model = kcv.segmentation.SegNet(3, blocks=((1, 4), (1, 8)))
    before = {layer.name: layer.get_weights() for layer in model.layers}
    run, plan = Run(out=tmp_path), Plan(2, 8, 1, 1e-2)
    images = open_images(Data(shapes), None)
    cut = Windows(32, 36, 2)
    features = model.get_layer("conv2_1_relu").output
    learn_classes(run, plan, model, features, cut, images)
    changed = {
        name
        for name, weights in before.items()
        for old, new in zip(
            weights, model.get_layer(name).get_weights(), strict=True
        )
        if not np.array_equal(old, new)
    }
    assert changed == {"conv1_1", "conv1_1_bn", "conv2_1", "conv2_1_bn"}
    history = read_history(tmp_path)
    assert {"accuracy", "loss"} <= {*history}
    # A second call finds it done.
    learnt = model.get_weights()
    learn_classes(run, plan, model, features, cut, images)
    for old, new in zip(learnt, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("everywhere", [False, True])
def test_windows_of_proposals_continue_where_they_stopped(
    everywhere, shapes, tmp_path
):
    images = open_images(Data(shapes), None)
    cache = kcv.proposals.ProposalCache(
        tmp_path, method="uniform", max_proposals=20, seed=3
    )
    windows = Windows(16, 18, 2).around_proposals(
        images, cache, seed=3, scenes=8, everywhere=everywhere
    )
    whole = [*windows(0).take(12).as_numpy_iterator()]
    rest = windows(8).take(4).as_numpy_iterator()
    for window, expected in zip(rest, whole[8:], strict=True):
        np.testing.assert_array_equal(window["images"], expected["images"])
    assert len({window["image_id"] for window in whole}) > 2
