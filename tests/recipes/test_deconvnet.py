"""DeconvNet's recipe on shapes, and its authors' settings."""

import dataclasses

import keras
import numpy as np
import pytest

from recipes import deconvnet
from recipes.common.segmentation.deconvnet_inference import label_whole_images
from recipes.common.segmentation.deconvnet_presets import PRESETS
from recipes.common.segmentation.deconvnet_presets import small_deconvnet
from recipes.common.segmentation.windows import Windows


@pytest.mark.slow
def test_a_users_own_masks_train_and_are_measured(
    shapes, tmp_path, monkeypatch
):
    small = dataclasses.replace(PRESETS["small"], windows=Windows(32, 36, 2))
    monkeypatch.setitem(PRESETS, "small", small)
    metrics = deconvnet.main(
        deconvnet.Options(
            out=tmp_path,
            data=shapes,
            max_proposals=10,
            epochs=1,
            batch_size=2,
            steps_per_epoch=8,
            statistics=2,
            export=tmp_path / "served",
        )
    )
    assert 0 <= metrics["mean_iu"] <= 1
    assert metrics["epochs"] == 3
    assert (tmp_path / "stage-2" / "history.csv").exists()
    assert (tmp_path / "served" / "1" / "saved_model.pb").exists()


def test_the_small_network_begins_alike_everywhere():
    model = small_deconvnet(3, side=64)
    maps = keras.Model(model.input, model.get_layer("fc6-deconv").output)
    noise = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    found = maps(noise.astype("float32")).numpy()
    np.testing.assert_allclose(found, found[:, :1, :1] + 0 * found, rtol=1e-4)
    assert np.std(found[0, 0, 0]) > 0


def test_the_authors_settings():
    paper = PRESETS["paper"]
    first, second = paper.plans.values()
    assert first.steps / first.accumulate == 20_000
    assert second.steps / second.accumulate == 40_000
    assert first.batch_size * first.accumulate == 64
    assert (paper.learned_from, paper.max_proposals) == (2000, 50)
    assert paper.method == "edge_boxes"
    assert paper.certainty is None
    assert (paper.windows.cut, paper.windows.side) == (250, 224)
    assert paper.statistics == (501, 28)


@pytest.mark.parametrize(
    ("stage", "every", "updates"),
    [("stage-1", 9_000, 20_000), ("stage-2", 10_000, 40_000)],
)
def test_the_learning_rate_falls_again_and_again(stage, every, updates):
    """Caffe's policy "step": 0.01 times 0.1 ** floor(update / every)."""
    paper = PRESETS["paper"]
    optimizer = paper.make_optimizer(stage, paper.plans[stage])
    optimizer.build([keras.Variable(0.0)])
    last_of_eight, rates, expected = 7, [], []
    for update in (0, *range(every - 1, updates, every), updates - 1):
        for near in (update, min(update + 1, updates - 1)):
            optimizer._iterations.assign(near * 8 + last_of_eight)
            rates.append(float(optimizer.learning_rate))
            expected.append(0.01 * 0.1 ** (near // every))
    np.testing.assert_allclose(rates, expected, rtol=1e-5)
    assert len({round(np.log10(rate)) for rate in rates}) == -(
        -updates // every
    )
    decays = optimizer.bias_decay_mult, optimizer.gamma_decay_mult
    assert (*decays, optimizer.beta_decay_mult) == (0.0, 1.0, 1.0)


def test_the_rule_of_the_code_labels_by_the_first_large_windows(monkeypatch):
    """Windows of 6 and 40 pixels, grown by 1.2, for a side of at least 12."""
    preset = dataclasses.replace(
        PRESETS["paper"], windows=Windows(24, 27, 1), learned_from=9
    )
    asked = []

    def propose(image, method, *, max_proposals, seed):
        asked.append(max_proposals)
        return np.float32([[2, 2, 8, 8], [0, 0, 40, 40]])[:max_proposals]

    monkeypatch.setattr("kcv.proposals.propose", propose)
    windows = keras.Input((24, 24, 3))
    model = keras.Model(windows, keras.layers.Rescaling(-1.0)(windows))
    image = np.full((40, 40, 3), 9, np.uint8)
    for rule, score in (("paper", -9.0), ("code", 0.0)):
        _, answer = label_whole_images(model, preset, "m", 1, 0, rule)
        found = answer(image)
        assert found[4, 4, 0] == pytest.approx(score, abs=1e-3)
        assert found[30, 30, 0] == pytest.approx(0.0)
    assert asked == [1, 9]


def test_mistakes_leave_no_folder(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="weights='imagenet'"):
        deconvnet.main(deconvnet.Options(out=out, weights="imagenet"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        deconvnet.main(deconvnet.Options(out=out, data="voc:nowhere"))
    assert not out.exists()
