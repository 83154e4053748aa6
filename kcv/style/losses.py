"""What a picture has of another's content, and of another's style.

F are the features of the picture, P those of the content image, in one layer
of N channels and M positions; G and A are the Gram matrices of the picture and
of the style image. Each loss is of every image by itself, (B,).
"""

import tensorflow as tf

REDUCTIONS = ("mean", "sum")


def content_loss(features, target):
    """Compute half the squared difference of features.

    L = 1/2 sum (F - P)^2, with the gradient F - P (Gatys et al. 2016,
    equations 1 and 2): a sum, which grows with the image.

    Args:
        features: F (B, H, W, N).
        target: P of the same shape, or (1, H, W, N).

    Returns:
        (B,).

    Example:

    >>> content_loss(tf.ones((1, 2, 2, 1)), tf.zeros((1, 2, 2, 1))).numpy()
    array([2.], dtype=float32)
    """
    return 0.5 * tf.reduce_sum((features - target) ** 2, (1, 2, 3))


def style_loss(gram, target):
    """Compare Gram matrices as Gatys et al. do (2016, equation 4).

    E = 1/(4 N^2) sum (G/M - A/M)^2, with the gradient (G - A) F / (N^2 M^2).
    Where the style image has another size, each matrix is divided by its own
    M, which the paper leaves open.

    Args:
        gram: G/M (B, N, N), as of `GramMatrix("hw")`.
        target: A/M (N, N) or (B, N, N).

    Returns:
        (B,).

    Example:

    >>> style_loss(tf.ones((1, 2, 2)), tf.zeros((2, 2))).numpy()
    array([0.25], dtype=float32)
    """
    channels = tf.cast(tf.shape(gram)[-1], gram.dtype)
    return tf.reduce_sum((gram - target) ** 2, (1, 2)) / (4 * channels**2)


def feature_loss(features, target):
    """Compute the mean squared difference of features.

    1/(C H W) sum (F - P)^2: the feature reconstruction loss of Johnson et al.
    (2016, equation 2).

    Args:
        features: F (B, H, W, N).
        target: P of the same shape, or (1, H, W, N).

    Returns:
        (B,).

    Example:

    >>> feature_loss(tf.ones((1, 2, 2, 1)), tf.zeros((1, 2, 2, 1))).numpy()
    array([1.], dtype=float32)
    """
    return tf.reduce_mean((features - target) ** 2, (1, 2, 3))


def gram_loss(gram, target, reduction="mean"):
    """Compare Gram matrices as Johnson et al. do (2016, equation 4).

    Args:
        gram: G/CHW (B, N, N), as of `GramMatrix("chw")`.
        target: A/CHW (N, N) or (B, N, N).
        reduction: "mean" of the squared differences, as in the authors' code,
            which their weights belong to; or "sum", the squared Frobenius norm
            of the paper, N^2 times as much.

    Returns:
        (B,).

    Raises:
        ValueError: if `reduction` is neither.

    Example:

    >>> gram_loss(tf.ones((1, 2, 2)), tf.zeros((2, 2)), "sum").numpy()
    array([4.], dtype=float32)
    """
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"reduction must be one of {REDUCTIONS}. Received: {reduction!r}"
        )
    reduce = tf.reduce_mean if reduction == "mean" else tf.reduce_sum
    return reduce((gram - target) ** 2, (1, 2))


def total_variation(images):
    """Sum the squared differences of neighbors.

    1/2 sum (dx^2 + dy^2) over all pixels but the last row and column, so that
    its gradient is that of neural-style's TVLoss.

    Args:
        images: (B, H, W, C).

    Returns:
        (B,).

    Example:

    >>> total_variation(tf.reshape([0.0, 2, 0, 0], (1, 2, 2, 1))).numpy()
    array([2.], dtype=float32)
    """
    corner = images[:, :-1, :-1]
    across = images[:, :-1, 1:] - corner
    down = images[:, 1:, :-1] - corner
    return 0.5 * tf.reduce_sum(across**2 + down**2, (1, 2, 3))
