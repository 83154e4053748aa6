"""Layers give the same by the operations that converters take."""

import numpy as np
import pytest

from kcv.layers import HistogramMatching
from kcv.layers import InstanceNormalization
from kcv.layers import LocallyConnected2D
from kcv.layers import PartiallySharedConv2D
from kcv.layers.portable import is_portable
from kcv.layers.portable import portable_operations

RANDOM = np.random.default_rng(0)
MAPS = RANDOM.normal(2, 3, (2, 9, 11, 4)).astype("float32")
# Few values, so that many pixels are equal.
COARSE = RANDOM.integers(0, 7, (2, 6, 13, 4)).astype("float32")


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (InstanceNormalization(), MAPS),
        (InstanceNormalization(scale=False, center=False), MAPS),
        (LocallyConnected2D(3, (3, 2), strides=(2, 3)), MAPS),
        (PartiallySharedConv2D(3, 3, region=2), MAPS),
        (HistogramMatching(), [MAPS, COARSE]),
        (HistogramMatching(), [COARSE, MAPS]),
        (HistogramMatching(), [COARSE[:, :1, :1], MAPS]),
    ],
)
def test_both_ways_give_the_same(layer, inputs):
    expected = layer(inputs)
    with portable_operations():
        found = layer(inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_an_error_ends_the_context():
    def fail():
        with portable_operations():
            assert is_portable()
            raise KeyError

    pytest.raises(KeyError, fail)
    assert not is_portable()
