import numpy as np
import pytest

from kcv.layers import WithinChannelNormalization


def normalize_by_loops(x, size, alpha, beta):
    """The formula, one position at a time."""
    y = np.empty_like(x)
    reach = size // 2
    for row in range(x.shape[1]):
        for column in range(x.shape[2]):
            near = x[
                :,
                max(row - reach, 0) : row + reach + 1,
                max(column - reach, 0) : column + reach + 1,
            ]
            mean = np.square(near).sum((1, 2)) / size**2
            y[:, row, column] = x[:, row, column] / (1 + alpha * mean) ** beta
    return y


def maps():
    x = np.random.default_rng(0).standard_normal((2, 6, 7, 4))
    return (3 * x).astype("float32")


@pytest.mark.parametrize("size", [1, 3, 5, 11])
def test_equals_the_formula(size):
    layer = WithinChannelNormalization(size, alpha=0.5, beta=0.6)
    expected = normalize_by_loops(maps().astype("float64"), size, 0.5, 0.6)
    np.testing.assert_allclose(layer(maps()), expected, rtol=2e-6)


def test_contract(check_layer):
    check_layer(
        WithinChannelNormalization(3, 0.1, 0.5),
        maps(),
        expected=normalize_by_loops(maps(), 3, 0.1, 0.5),
        free=(None, None, None, 4),
        gradient_dtype="float32",
    )


@pytest.mark.parametrize(
    "options", [{"size": 4}, {"size": 0}, {"alpha": -1.0}, {"beta": -1.0}]
)
def test_wrong_arguments_are_refused(options):
    (argument,) = options
    with pytest.raises(ValueError, match=f"`{argument}` must"):
        WithinChannelNormalization(**options)
