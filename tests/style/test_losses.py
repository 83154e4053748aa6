"""Against the closed forms of the papers and the conventions of public code."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import GramMatrix
from kcv.style import content_loss
from kcv.style import feature_loss
from kcv.style import gram_loss
from kcv.style import style_loss
from kcv.style import total_variation

H, W, N = 4, 5, 6
M = H * W


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return [tf.constant(rng.standard_normal((1, H, W, N))) for _ in range(2)]


def gradient(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x).numpy()


def gram(features):
    """Write G as the paper does: of F (N, M)."""
    f = features.numpy().reshape(M, N).T
    return f @ f.T


def test_content_has_the_gradient_of_equation_2(features):
    f, p = features
    found = gradient(lambda x: content_loss(x, p), f)
    np.testing.assert_allclose(found, f - p, atol=1e-15)
    assert float(content_loss(p, p)[0]) == 0


def test_style_is_equation_4_with_the_gradient_of_equation_6(features):
    picture, style = features
    layer = GramMatrix("hw")
    target = layer(style)
    g, a = gram(picture), gram(style)
    expected = np.sum((g - a) ** 2) / (4 * N**2 * M**2)
    np.testing.assert_allclose(style_loss(layer(picture), target)[0], expected)
    f = picture.numpy().reshape(M, N).T
    closed = ((g - a) @ f / (N**2 * M**2)).T.reshape(1, H, W, N)
    found = gradient(lambda x: style_loss(layer(x), target), picture)
    np.testing.assert_allclose(found, closed, rtol=1e-10, atol=1e-16)
    assert float(style_loss(target, target)[0]) == 0


def test_doubled_features_of_a_doubled_style_cost_16_times(features):
    picture, style = features
    layer = GramMatrix("hw")
    once = style_loss(layer(picture), layer(style))
    twice = style_loss(layer(2 * picture), layer(2 * style))
    np.testing.assert_allclose(twice, 16 * once)


def test_conventions_of_public_code_convert(features):
    """The four rows of the table that compares them."""
    picture, style = features
    g, a = gram(picture), gram(style)
    layer = GramMatrix("hw")
    ours = float(style_loss(layer(picture), layer(style))[0])
    # PytorchNeuralStyleTransfer: the mean squared error of G / M.
    np.testing.assert_allclose(np.mean((g / M - a / M) ** 2), 4 * ours)
    # neural-style: of G / (N M).
    np.testing.assert_allclose(
        np.mean((g / (N * M) - a / (N * M)) ** 2), 4 * ours / N**2
    )
    # Content as a mean squared error.
    np.testing.assert_allclose(
        np.mean((picture - style) ** 2),
        2 / (N * M) * content_loss(picture, style)[0],
    )
    np.testing.assert_allclose(
        feature_loss(picture, style)[0], np.mean((picture - style) ** 2)
    )
    # fast-neural-style: a mean where Johnson's paper has the sum of C^2.
    johnson = GramMatrix("chw")
    both = johnson(picture), johnson(style)
    code = np.mean((g / (N * M) - a / (N * M)) ** 2)
    np.testing.assert_allclose(gram_loss(*both)[0], code)
    np.testing.assert_allclose(gram_loss(*both, "sum")[0], N**2 * code)
    with pytest.raises(ValueError, match="max"):
        gram_loss(*both, "max")


def test_total_variation_has_the_gradient_of_neural_style():
    x = np.random.default_rng(0).standard_normal((1, 5, 7, 3))
    expected = np.zeros_like(x)
    across = x[:, :-1, :-1] - x[:, :-1, 1:]
    down = x[:, :-1, :-1] - x[:, 1:, :-1]
    expected[:, :-1, :-1] += across + down
    expected[:, :-1, 1:] -= across
    expected[:, 1:, :-1] -= down
    found = gradient(total_variation, tf.constant(x))
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert float(total_variation(tf.fill((1, 4, 4, 3), 7.0))[0]) == 0


def test_each_image_is_by_itself(features):
    both = tf.concat(features, 0)
    target = features[1]
    np.testing.assert_allclose(
        content_loss(both, target),
        [content_loss(x, target)[0] for x in features],
    )
