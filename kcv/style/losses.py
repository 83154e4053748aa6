"""Losses that compare an image with a content image and a style image.

Letters: F are the features of the image and P those of the content image in one
layer of N channels and M positions. G and A are the Gram matrices of the image
and of the style image. Each loss has one value per image, (B,).
"""

import tensorflow as tf

REDUCTIONS = ("mean", "sum")


def content_loss(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Compute half the squared difference of features.

    L = 1/2 sum (F - P)^2, with the gradient F - P (Gatys et al. 2016, equations
    1 and 2). It is a sum, so it grows with the size of the image.

    Args:
        features: Features F (B, H, W, N).
        target: Features P of the same shape, or (1, H, W, N).

    Returns:
        Loss of each image, (B,).

    Example:

    >>> content_loss(tf.ones((1, 2, 2, 1)), tf.zeros((1, 2, 2, 1))).numpy()
    array([2.], dtype=float32)
    """
    return 0.5 * tf.reduce_sum((features - target) ** 2, (1, 2, 3))


def style_loss(gram: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Compare Gram matrices as Gatys et al. do (2016, equation 4).

    E = 1/(4 N^2) sum (G/M - A/M)^2, with the gradient (G - A) F / (N^2 M^2).
    Each matrix is divided by the M of its own image. The paper does not say
    what happens if the style image has another size.

    Args:
        gram: G/M (B, N, N), such as the output of `GramMatrix("hw")`.
        target: A/M (N, N) or (B, N, N).

    Returns:
        Loss of each image, (B,).

    Example:

    >>> style_loss(tf.ones((1, 2, 2)), tf.zeros((2, 2))).numpy()
    array([0.25], dtype=float32)
    """
    channels = tf.cast(tf.shape(gram)[-1], gram.dtype)
    return tf.reduce_sum((gram - target) ** 2, (1, 2)) / (4 * channels**2)


def feature_loss(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Compute the mean squared difference of features.

    This is the feature reconstruction loss of Johnson et al. (2016, equation
    2), 1/(C H W) sum (F - P)^2.

    Args:
        features: Features F (B, H, W, N).
        target: Features P of the same shape, or (1, H, W, N).

    Returns:
        Loss of each image, (B,).

    Example:

    >>> feature_loss(tf.ones((1, 2, 2, 1)), tf.zeros((1, 2, 2, 1))).numpy()
    array([1.], dtype=float32)
    """
    return tf.reduce_mean((features - target) ** 2, (1, 2, 3))


def gram_loss(
    gram: tf.Tensor, target: tf.Tensor, reduction: str = "mean"
) -> tf.Tensor:
    """Compare Gram matrices as Johnson et al. do (2016, equation 4).

    Args:
        gram: G/CHW (B, N, N), such as the output of `GramMatrix("chw")`.
        target: A/CHW (N, N) or (B, N, N).
        reduction: "mean" of the squared differences, as in the authors' code,
            for which their loss weights are made, or "sum", the squared
            Frobenius norm of the paper, which is N^2 times as large. Defaults
            to "mean".

    Returns:
        Loss of each image, (B,).

    Raises:
        ValueError: If `reduction` is not "mean" or "sum".

    Example:

    >>> gram_loss(tf.ones((1, 2, 2)), tf.zeros((2, 2)), "sum").numpy()
    array([4.], dtype=float32)
    """
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"`reduction` must be one of {REDUCTIONS}. Received: "
            f"reduction={reduction!r}"
        )
    reduce = tf.reduce_mean if reduction == "mean" else tf.reduce_sum
    return reduce((gram - target) ** 2, (1, 2))


def total_variation(images: tf.Tensor) -> tf.Tensor:
    """Sum the squared differences of neighboring pixels.

    The result is 1/2 sum (dx^2 + dy^2) over all pixels except for the last row
    and column, so its gradient is that of neural-style's TVLoss.

    Args:
        images: Images (B, H, W, C).

    Returns:
        Loss of each image, (B,).

    Example:

    >>> total_variation(tf.reshape([0.0, 2, 0, 0], (1, 2, 2, 1))).numpy()
    array([2.], dtype=float32)
    """
    corner = images[:, :-1, :-1]
    across = images[:, :-1, 1:] - corner
    down = images[:, 1:, :-1] - corner
    return 0.5 * tf.reduce_sum(across**2 + down**2, (1, 2, 3))
