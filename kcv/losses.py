"""Losses that more than one chapter uses."""

from keras import ops


def smooth_l1(x, sigma=1.0):
    """Compute the smooth L1 loss of Fast R-CNN (Girshick 2015, equation 3).

    Quadratic for |x| < 1 / sigma^2, linear beyond; sigma is that of Caffe's
    SmoothL1Loss layer.

    Args:
        x: differences, any shape.
        sigma: 1 in Fast R-CNN, 3 in the region proposal network.

    Returns:
        0.5 * (sigma * x)^2 or |x| - 0.5 / sigma^2, in the shape of x.

    Example:

    >>> [float(loss) for loss in smooth_l1([-0.5, 2.0])]
    [0.125, 1.5]
    """
    x = ops.abs(ops.convert_to_tensor(x))
    square = sigma * sigma
    return ops.where(x < 1.0 / square, 0.5 * square * x * x, x - 0.5 / square)
