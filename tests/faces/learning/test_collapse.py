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


@pytest.mark.parametrize("argument", ["margin", "updates", "share"])
def test_numbers_out_of_range_are_refused(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be positive"):
        CollapseWarning(**{argument: 0})
