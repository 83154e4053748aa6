"""Proposals are computed once, and join the images."""

import kcv
from recipes.common.detection.given_proposals import GivenProposalsOptions
from recipes.common.detection.given_proposals import Preset
from recipes.common.detection.given_proposals import propose_regions
from recipes.common.plan import Plan
from recipes.common.training_images import open_training_images


def test_proposals_join_both_splits(tmp_path, monkeypatch):
    run = GivenProposalsOptions(out=tmp_path, proposals="sliding_window")
    preset = Preset(192, 20, Plan(2, 8, 1, 1e-3))
    images = open_training_images("digit_scenes", 3, seed=3)
    test = kcv.data.digit_scenes("test").take(2)
    found = propose_regions(run, preset, images, test)
    for dataset, count in (found.once, 3), (found.test, 2):
        lengths = [len(x["proposals"]) for x in dataset]
        assert len(lengths) == count
        assert 0 < min(lengths) <= max(lengths) <= 20
    stream = found.cache.attach(images.stream(0))
    assert sum(1 for _ in stream.take(5)) == 5
    assert found.seconds > 0

    def refuse(*_, **__):
        raise AssertionError("proposed twice")

    monkeypatch.setattr("kcv.proposals.store.cache.propose", refuse)
    again = propose_regions(run, preset, images, test)
    assert len(again.cache) == 3
