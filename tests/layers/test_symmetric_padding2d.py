import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import SymmetricPadding2D


def test_it_equals_the_golden_values(golden):
    stored = np.load(golden / "networks" / "deepmask.npz")
    x = stored["symmetric_pad_input"][None, :, :, None]
    padded = SymmetricPadding2D(2, dtype="float64")(tf.constant(x))
    np.testing.assert_array_equal(padded[0, ..., 0], stored["symmetric_pad_2"])


@pytest.mark.parametrize("padding", [0, 1, 4])
def test_it_equals_numpys(padding):
    x = np.random.default_rng(0).standard_normal((2, 4, 7, 3)).astype("f")
    margins = [(0, 0), (padding, padding), (padding, padding), (0, 0)]
    expected = np.pad(x, margins, mode="symmetric")
    np.testing.assert_array_equal(SymmetricPadding2D(padding)(x), expected)


def test_a_negative_padding_is_refused():
    with pytest.raises(ValueError, match="Received: padding=-1"):
        SymmetricPadding2D(-1)


def test_contract(check_layer):
    maps = np.random.default_rng(0).standard_normal((2, 6, 7, 3))
    check_layer(
        SymmetricPadding2D(2),
        maps.astype("float32"),
        expected=np.pad(maps, [(0, 0), (2, 2), (2, 2), (0, 0)], "symmetric"),
        free=(None, None, None, 3),
    )
