"""Transposed convolutions that interpolate."""

import keras
import numpy as np
import pytest

from kcv.initializers import Bilinear
from kcv.layers import Interpolation2D


def taps(size):
    return Bilinear()((size, size, 1, 1)).numpy()[:, :, 0, 0]


def test_the_taps_of_factor_2():
    row = np.array([0.25, 0.75, 0.75, 0.25])
    np.testing.assert_allclose(taps(4), np.outer(row, row))


@pytest.mark.parametrize("factor", [2, 3, 4, 8, 16, 32])
def test_the_kernel_sums_to_the_square_of_the_factor(factor):
    # 4, 9, 16, 64, ...: every pixel's weights sum to 1.
    kernel = taps(2 * factor - factor % 2)
    assert kernel.sum() == pytest.approx(factor**2)


def test_maps_are_kept_apart():
    kernel = Bilinear()((4, 4, 3, 3)).numpy()
    others = ~np.eye(3, dtype=bool)
    assert not kernel[:, :, others].any()
    np.testing.assert_array_equal(kernel[..., 0, 0], kernel[..., 2, 2])


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
def test_it_interpolates_but_for_the_border(factor):
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype("float32")
    layer = keras.layers.Conv2DTranspose(
        3,
        2 * factor - factor % 2,
        factor,
        padding="same",
        use_bias=False,
        kernel_initializer=Bilinear(),
    )
    inside = (slice(None), *2 * [slice(factor, -factor)])
    expected = Interpolation2D(factor)(x)[inside]
    np.testing.assert_allclose(layer(x)[inside], expected, atol=1e-5)
    # With the border repeated by a pixel and cropped: everywhere.
    wide = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "edge")
    np.testing.assert_allclose(
        layer(wide)[inside], Interpolation2D(factor)(x), atol=1e-5
    )


@pytest.mark.parametrize("stride", [2, 8])
def test_a_transposed_convolution_is_the_adjoint_of_its_convolution(stride):
    """<conv x, y> = <x, convT y>, in float64."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(2 * stride, 2 * stride, 3, 4))
    x = rng.normal(size=(2, 6 * stride, 4 * stride, 3))
    y = rng.normal(size=(2, 6, 4, 4))
    convolved = keras.ops.conv(x, kernel, stride, "same")
    transposed = keras.ops.conv_transpose(y, kernel, stride, "same")
    assert convolved.dtype == "float64"
    np.testing.assert_allclose(
        np.sum(convolved * y), np.sum(x * transposed), rtol=1e-12
    )


@pytest.mark.parametrize("shape", [(4, 4, 3, 2), (4, 3, 2, 2)])
def test_no_such_kernel(shape):
    with pytest.raises(ValueError, match=r"kernel \(k, k, n, n\)"):
        Bilinear()(shape)


def test_a_model_with_it_is_saved(tmp_path):
    images = keras.Input((4, 4, 2))
    layer = keras.layers.Conv2DTranspose(2, 4, 2, kernel_initializer=Bilinear())
    keras.Model(images, layer(images)).save(tmp_path / "model.keras")
    keras.models.load_model(tmp_path / "model.keras")
