"""DeconvNet's recipe on shapes, and its authors' settings."""

import dataclasses

import keras
import numpy as np
import pytest

from recipes import deconvnet
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
    optimizer = paper.make_optimizer("stage-2", second)
    optimizer.build([keras.Variable(0.0)])
    rates = []
    for step in (0, 79_999, 80_001):
        optimizer._iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.001], rtol=1e-5)


def test_mistakes_leave_no_folder(tmp_path):
    out = tmp_path / "run"
    with pytest.raises(ValueError, match="weights='imagenet'"):
        deconvnet.main(deconvnet.Options(out=out, weights="imagenet"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        deconvnet.main(deconvnet.Options(out=out, data="voc:nowhere"))
    assert not out.exists()
