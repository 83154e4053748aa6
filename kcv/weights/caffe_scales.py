"""Caffe's layers that scale and shift channels, as layers of Keras.

C is the number of channels.
"""

from collections.abc import Sequence

import keras
import numpy as np


def convert_statistics(
    blobs: Sequence[np.ndarray], epsilon: float, own: keras.layers.Layer | None
) -> dict[str, np.ndarray]:
    """Convert a BatchNorm layer to the epsilon of the model's own.

    Args:
        blobs: Three arrays: the sum of the means (C,), the sum of the variances
            (C,), and the weight (1,) by which both are divided.
        epsilon: Epsilon of the file.
        own: Batch normalization of the model. If None, the variances keep the
            epsilon of the file.

    Returns:
        Dict from the names of Keras, "moving_mean" and "moving_variance", to
        arrays (C,) float32.

    Example:

    >>> sums = np.float32([2, 4]), np.float32([6, 8]), np.float32([2])
    >>> convert_statistics(sums, 1e-5, None)["moving_mean"]
    array([1., 2.], dtype=float32)
    """
    mean, variance, factor = (blob.ravel() for blob in blobs)
    # Sums of decaying weight; a network never trained has 0 of each.
    scale = 1 / factor if factor else factor
    excess = epsilon - getattr(own, "epsilon", epsilon)
    return {
        "moving_mean": mean * scale,
        "moving_variance": variance * scale + np.float32(excess),
    }


def convert_scale_and_shift(
    blobs: Sequence[np.ndarray], own: keras.layers.Layer | None
) -> dict[str, np.ndarray]:
    """Convert a BN layer of SegNet or DeconvNet to a batch normalization.

    Args:
        blobs: Two arrays of any shape: C scales and C shifts.
        own: Batch normalization of the model. If None, epsilon is 0.

    Returns:
        Gamma, beta and statistics (C,) by the names of Keras. The statistics
        normalize by 1 with the epsilon of the model.

    Example:

    >>> blobs = np.float32([2, 4]), np.float32([6, 8])
    >>> convert_scale_and_shift(blobs, None)["gamma"]
    array([2., 4.], dtype=float32)
    """
    gamma, beta = (blob.ravel() for blob in blobs)
    return {
        "gamma": gamma,
        "beta": beta,
        "moving_mean": np.zeros_like(gamma),
        "moving_variance": np.full_like(gamma, 1 - getattr(own, "epsilon", 0)),
    }


def require_scale(
    blobs: Sequence[np.ndarray], own: keras.layers.Rescaling, source: str
) -> None:
    """Raise an error if a fixed scale, such as that of FCN's skips, differs.

    Args:
        blobs: Scales of the file, arrays of any shape with C values.
        own: Layer of the model that multiplies by its own scale.
        source: Name of the file in the error message.

    Raises:
        ValueError: If a value differs.
    """
    for blob in blobs:
        if not np.allclose(blob, own.scale, rtol=1e-4, atol=0):
            raise ValueError(
                f"{source}: the scale of {own.name!r} must be that of the "
                f"model, {own.scale}. Received: {blob.ravel()[0]}"
            )
