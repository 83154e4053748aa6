"""The warning that embeddings have collapsed."""

import warnings

import pytest

from kcv.faces import CollapseWarning


def run(callback, near, far, updates):
    callback.on_train_begin()
    for batch in range(updates):
        callback.on_train_batch_end(
            batch, {"positive_distance": near, "negative_distance": far}
        )


def test_equal_distances_warn_once():
    callback = CollapseWarning(updates=3)
    with pytest.warns(UserWarning, match="collapsed after 3 updates") as found:
        run(callback, 0.011, 0.012, 10)
    assert len(found) == 1


def test_distances_apart_and_the_beginning_do_not_warn():
    callback = CollapseWarning(updates=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(callback, 0.1, 0.9, 10)
        run(callback, 0.1, 0.1, 2)
        callback.on_train_batch_end(3, {"loss": 1.0})


@pytest.mark.parametrize(
    ("near", "far", "missing"),
    [(0.0, 1.1, "two photos of a person"), (0.4, 0.0, "photos of two people")],
)
def test_an_epoch_without_triplets_warns_at_its_end(near, far, missing):
    callback = CollapseWarning(updates=3)
    logs = {"positive_distance": near, "negative_distance": far}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(callback, near, far, 3)
        callback.on_epoch_end(0, {"loss": 1.0})
        callback.on_epoch_end(
            0, {"positive_distance": 0.4, "negative_distance": 1.1}
        )
    with pytest.warns(UserWarning, match=f"No batch of epoch 2 has {missing}"):
        callback.on_epoch_end(1, logs)


def test_distances_of_zero_beside_tiny_ones_are_a_collapse():
    with pytest.warns(UserWarning, match="collapsed after 3 updates"):
        run(CollapseWarning(updates=3), 0.0, 1e-7, 3)


@pytest.mark.parametrize("argument", ["margin", "updates", "share"])
def test_numbers_out_of_range_are_refused(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be positive"):
        CollapseWarning(**{argument: 0})
