import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import LocalResponseNormalization


def normalize_by_loops(x, size, a, beta, k):
    """The formula of the paper, one channel at a time."""
    y = np.empty_like(x)
    channels = x.shape[-1]
    for c in range(channels):
        first, end = max(0, c - size // 2), min(channels, c + size // 2 + 1)
        energy = np.square(x[..., first:end]).sum(-1)
        y[..., c] = x[..., c] / (k + a * energy) ** beta
    return y


def maps(channels=16, scale=30.0):
    rng = np.random.default_rng(0)
    return (scale * rng.standard_normal((2, 3, 4, channels))).astype("float32")


@pytest.mark.parametrize("size", [1, 3, 5, 31])
@pytest.mark.parametrize("convention", ["caffe", "alexnet"])
def test_equals_the_formula(size, convention):
    layer = LocalResponseNormalization(size, 1e-2, 0.6, 1.5, convention)
    a = 1e-2 / size if convention == "caffe" else 1e-2
    expected = normalize_by_loops(maps().astype("float64"), size, a, 0.6, 1.5)
    np.testing.assert_allclose(layer(maps()), expected, rtol=2e-6, atol=1e-6)


def test_equals_torch():
    torch = pytest.importorskip("torch")
    x = maps()
    channels_first = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
    for size, alpha, k, options in (
        (5, 1e-4, 1.0, {}),  # Caffe's defaults are torch's convention
        (5, 5e-4, 2.0, {"alpha": 1e-4, "k": 2, "convention": "alexnet"}),
    ):
        torchs = torch.nn.LocalResponseNorm(size, alpha, 0.75, k)
        expected = torchs(channels_first).numpy().transpose(0, 2, 3, 1)
        ours = LocalResponseNormalization(size, **options)(x)
        np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize(("size", "channels"), [(5, 16), (5, 3), (31, 16)])
def test_gradient_is_that_of_differences(size, channels):
    x = maps(channels, scale=2.0)
    upstream = np.random.default_rng(1).standard_normal(x.shape)
    layer = LocalResponseNormalization(size, 0.5)
    with tf.GradientTape() as tape:
        variable = tf.Variable(x)
        loss = tf.reduce_sum(layer(variable) * upstream.astype("float32"))
    gradient = tape.gradient(loss, variable).numpy()

    x = x.astype("float64")
    step = 1e-5
    for index in [(0, 0, 0, 0), (1, 2, 3, channels - 1), (0, 1, 2, 1)]:
        nudge = np.zeros_like(x)
        nudge[index] = step
        difference = normalize_by_loops(
            x + nudge, size, 0.5 / size, 0.75, 1.0
        ) - normalize_by_loops(x - nudge, size, 0.5 / size, 0.75, 1.0)
        expected = (difference * upstream).sum() / (2 * step)
        assert gradient[index] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_squares_are_summed_in_float32():
    layer = LocalResponseNormalization(dtype="mixed_float16")
    x = np.full((1, 1, 1, 5), 400.0)  # its square is beyond float16
    y = layer(x)
    assert y.dtype == "float16"
    # The middle sees five squares, 1 + 2e-5 * 800000 = 17.
    assert float(y[0, 0, 0, 2]) == pytest.approx(400 / 17**0.75, rel=1e-3)


def test_contract(check_layer):
    check_layer(
        LocalResponseNormalization(3, 0.1, 0.5, 2.0, "alexnet"),
        maps(7, scale=2.0),
        expected=normalize_by_loops(maps(7, scale=2.0), 3, 0.1, 0.5, 2.0),
        free=(None, None, None, 7),
        gradient_dtype="float32",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 4}, "size=4"),
        ({"size": 0}, "size=0"),
        ({"alpha": -1}, "alpha=-1"),
        ({"beta": float("nan")}, "beta=nan"),
        ({"k": 0}, "k=0"),
        ({"convention": "torch"}, "convention='torch'"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        LocalResponseNormalization(**arguments)
