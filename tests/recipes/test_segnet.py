"""SegNet's recipe on shapes, and its authors' settings."""

import pytest

from recipes import segnet
from recipes.common.segmentation import small_segnet
from recipes.common.segmentation.segnet_plans import PLANS
from recipes.common.segmentation.segnet_plans import make_sgd


@pytest.mark.parametrize(
    "network",
    ["segnet", pytest.param("segnet_basic", marks=pytest.mark.slow)],
)
def test_a_users_own_masks_train_and_are_measured(
    network, shapes, tmp_path, monkeypatch
):
    monkeypatch.setattr(small_segnet, "BLOCKS", ((1, 8), (1, 16)))
    monkeypatch.setattr(small_segnet, "LAST_OF_ENCODER", "conv2_1_relu")
    metrics = segnet.main(
        segnet.Options(
            out=tmp_path,
            data=shapes,
            network=network,
            balance="median",
            epochs=1,
            batch_size=2,
            steps_per_epoch=8,
            statistics=2,
        )
    )
    assert 0 <= metrics["mean_iu"] <= 1
    assert metrics["epochs"] == {"segnet": 3, "segnet_basic": 1}[network]


def test_the_authors_settings():
    plan = PLANS["paper", "segnet"]["images"]
    assert (plan.batch_size, plan.steps) == (4, 40_000)
    assert plan.learning_rate == 1e-3
    basic = PLANS["paper", "segnet_basic"]["images"]
    assert basic.learning_rate == 0.1
    assert basic.with_options(segnet.Options()).steps == 10_000
    for network, beta in (("segnet", 0.0), ("segnet_basic", 1.0)):
        optimizer = make_sgd(network, plan)
        decays = optimizer.bias_decay_mult, optimizer.gamma_decay_mult
        assert (*decays, optimizer.beta_decay_mult) == (0.0, 1.0, beta)


def test_mistakes_leave_no_folder(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="preset='small'"):
        segnet.main(segnet.Options(out=out, weights="imagenet"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        segnet.main(segnet.Options(out=out, data="voc:nowhere"))
    assert not out.exists()
