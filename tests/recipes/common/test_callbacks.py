"""Callbacks by their names."""

import keras
import pytest

from recipes.common.callbacks import check_callbacks
from recipes.common.callbacks import load_callbacks


def test_a_class_is_created_and_an_object_is_taken():
    objects = load_callbacks(
        ["keras.callbacks:TerminateOnNaN", f"{__name__}:READY"]
    )
    assert isinstance(objects[0], keras.callbacks.TerminateOnNaN)
    assert objects[1] is READY


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("TerminateOnNaN", "MODULE:NAME"),
        ("keras.callbacks:", "MODULE:NAME"),
        ("no_such_module:Thing", "ModuleNotFoundError: No module named"),
        ("keras.callbacks:Nothing", "AttributeError: .*Nothing"),
        ("keras:Model", "which is <"),
        ("keras:__version__", "which is "),
    ],
)
def test_what_is_no_callback_is_refused(name, message):
    for load in (load_callbacks, check_callbacks):
        with pytest.raises(ValueError, match=message) as error:
            load([name])
        assert f"callbacks={name!r}" in str(error.value)


def test_a_class_that_needs_arguments_is_refused_when_it_is_created():
    name = "keras.callbacks:ModelCheckpoint"
    check_callbacks([name])
    with pytest.raises(ValueError, match="TypeError: .*filepath"):
        load_callbacks([name])


READY = keras.callbacks.TerminateOnNaN()
