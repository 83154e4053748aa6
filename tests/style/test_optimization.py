import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.style import NotFinite
from kcv.style import optimize_image
from kcv.style.optimization import Checkpoint

GOAL = np.random.default_rng(0).uniform(0, 255, (1, 6, 8, 3))
START = np.zeros_like(GOAL)
# As steep as a thousand in some directions, as one in others.
STEEP = np.geomspace(1e-3, 1, GOAL.size).reshape(GOAL.shape)


def bowl(image):
    return {"bowl": 0.5 * tf.reduce_sum(STEEP * (image - GOAL) ** 2)}


def optimize(iterations, **options):
    return optimize_image(bowl, START, iterations, verbose=False, **options)


def test_lbfgs_finds_the_bottom_of_a_bowl():
    found = optimize(200)
    np.testing.assert_allclose(found.image, GOAL, atol=0.05)
    assert len(found.history["total_loss"]) == len(found.seconds) <= 200
    assert found.history["total_loss"] == found.history["bowl"]


def test_every_evaluation_counts_and_no_more_are_made():
    assert len(optimize(7).history["total_loss"]) == 7


@pytest.mark.parametrize("method", ["adam", "lbfgs"])
def test_whoever_watches_sees_the_best_of_every_evaluation(method):
    seen = []

    def watch(count, image):
        seen.append((count, float(bowl(image)["bowl"])))

    losses = optimize(9, method=method, watch=watch).history["total_loss"]
    assert [count for count, _ in seen] == [*range(1, 10)]
    best = np.minimum.accumulate(losses)
    np.testing.assert_allclose([loss for _, loss in seen], best, rtol=1e-5)


def test_adam_takes_the_steps_of_keras():
    found = optimize(25, method="adam", learning_rate=2.0)
    image = keras.Variable(START)
    optimizer = keras.optimizers.Adam(2.0)
    optimizer.build([image])
    for number in range(25):
        loss = np.sum(STEEP * (image.numpy() - GOAL) ** 2) / 2
        np.testing.assert_allclose(
            found.history["total_loss"][number], loss, rtol=1e-4
        )
        optimizer.apply([tf.constant(STEEP * (image.numpy() - GOAL))])


@pytest.mark.parametrize("method", ["adam", "lbfgs"])
def test_a_killed_run_goes_on(tmp_path, method):
    checkpoint = Checkpoint(tmp_path / "state.npz", {"goal": 1}, every=10)
    calls = []

    def killed(count, image):
        calls.append(count)
        if count == 20:
            raise KeyboardInterrupt

    options = {"method": method, "checkpoint": checkpoint}
    with pytest.raises(KeyboardInterrupt):
        optimize(40, watch=killed, **options)
    rest = []
    found = optimize(40, watch=lambda count, _: rest.append(count), **options)
    assert calls == [10, 20]
    assert rest[0] == 30
    losses = found.history["total_loss"]
    assert len(losses) == 40
    whole = optimize(40, method=method).history["total_loss"]
    if method == "adam":
        np.testing.assert_array_equal(losses, whole)
    else:
        # Its memory is gathered anew; the picture is not lost.
        np.testing.assert_array_equal(losses[:20], whole[:20])
        assert losses[20] == min(losses[:20])
        assert min(losses[20:]) < losses[20]


def test_a_state_of_other_settings_is_refused(tmp_path):
    file = tmp_path / "state.npz"
    optimize(4, checkpoint=Checkpoint(file, {"size": 1}, 2))
    with pytest.raises(ValueError, match="state.npz is of other settings"):
        optimize(4, checkpoint=Checkpoint(file, {"size": 2}, 2))


@pytest.mark.parametrize("method", ["adam", "lbfgs"])
def test_nan_stops_and_the_best_picture_is_kept(tmp_path, method):
    def cliff(image):
        bottom = bowl(image)["bowl"]
        return {"cliff": tf.where(bottom < 1e5, np.nan, bottom)}

    file = tmp_path / "state.npz"
    with pytest.raises(NotFinite, match="evaluation") as caught:
        optimize_image(
            cliff,
            START,
            500,
            method=method,
            verbose=False,
            checkpoint=Checkpoint(file, {}, 1000),
        )
    best = caught.value.best
    assert np.isfinite(best.image).all()
    assert min(best.history["total_loss"]) >= 1e5
    with np.load(file) as state:
        np.testing.assert_array_equal(state["best"], best.image)


def test_adam_goes_on_after_nan_with_a_lower_rate(tmp_path):
    def narrow(image):
        bottom = bowl(image)["bowl"]
        return {"narrow": tf.where(tf.reduce_max(image) > 250, np.nan, bottom)}

    checkpoint = Checkpoint(tmp_path / "state.npz", {}, 10)
    options = {"method": "adam", "checkpoint": checkpoint, "verbose": False}
    with pytest.raises(NotFinite) as caught:
        optimize_image(narrow, START, 60, learning_rate=100.0, **options)
    before = caught.value.best.history["total_loss"]
    found = optimize_image(
        narrow, START, len(before) + 10, learning_rate=1.0, **options
    )
    losses = found.history["total_loss"]
    assert losses[: len(before)] == before
    assert losses[len(before)] == min(before)
    assert min(losses) < min(before)


def test_nan_at_once_says_that_there_is_no_picture(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.npz", {}, 10)
    with pytest.raises(NotFinite, match="there is no image before"):
        optimize_image(
            lambda image: {"none": np.nan * tf.reduce_sum(image)},
            START,
            5,
            checkpoint=checkpoint,
            verbose=False,
        )
    assert not checkpoint.file.exists()


def test_a_full_disk_costs_a_picture_on_the_way_only(tmp_path, caplog):
    def full(count, image):
        raise OSError(28, "No space left on device", "picture.png")

    checkpoint = Checkpoint(tmp_path / "state.npz", {}, every=5)
    with caplog.at_level(logging.WARNING):
        found = optimize(12, checkpoint=checkpoint, watch=full)
    assert len(found.history["total_loss"]) == 12
    assert "No space left on device" in caplog.text


def test_a_disk_too_full_for_the_state_leaves_the_one_before(
    tmp_path, monkeypatch, caplog
):
    file = tmp_path / "state.npz"
    optimize(5, checkpoint=Checkpoint(file, {}, every=5))
    before = file.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    found = optimize(10, checkpoint=Checkpoint(file, {}, every=5))
    assert len(found.history["total_loss"]) == 10
    assert "the state was not written" in caplog.text
    assert file.read_bytes() == before
    assert [x.name for x in tmp_path.iterdir()] == ["state.npz"]


def test_options_that_make_no_sense(tmp_path):
    with pytest.raises(ValueError, match="newton"):
        optimize(1, method="newton")
    with pytest.raises(ValueError, match="iterations=0"):
        optimize(0)
    with pytest.raises(ValueError, match="every=0"):
        optimize(1, checkpoint=Checkpoint(tmp_path / "state.npz", {}, every=0))
