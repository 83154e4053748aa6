import numpy as np
import pytest

from kcv.layers import Maxout

UNITS = np.random.default_rng(0).standard_normal((2, 5, 12)).astype("float32")


@pytest.mark.parametrize("pieces", [2, 3])
def test_adjacent_units_form_a_group(pieces, check_layer):
    expected = [UNITS[..., piece::pieces] for piece in range(pieces)]
    check_layer(Maxout(pieces), UNITS, expected=np.max(expected, axis=0))


@pytest.mark.parametrize("pieces", [2, 3])
def test_parts_of_the_units_are_compared(pieces, check_layer):
    expected = np.max(np.split(UNITS, pieces, axis=-1), axis=0)
    layer = Maxout(pieces, "halves")
    check_layer(layer, UNITS, expected=expected, free=(None, None, 12))


@pytest.mark.parametrize(
    ("argument", "value"), [("pieces", 1), ("pieces", 2.5), ("pairing", "odd")]
)
def test_arguments_are_checked(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        Maxout(**{argument: value})


def test_units_are_a_multiple_of_the_pieces():
    with pytest.raises(ValueError, match="must have a multiple of"):
        Maxout()(np.zeros((1, 3)))
