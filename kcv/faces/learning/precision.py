"""The precision in which losses of embeddings are computed."""

from typing import Any

from keras import ops


def at_least_float32(x: Any) -> Any:
    """Convert an array or a tensor to a float tensor for a loss.

    Distances between unit vectors are differences of numbers near 1, of which
    half precision leaves nothing.

    Args:
        x: Tensor of any shape.

    Returns:
        Tensor of the same shape: float64 if `x` is, float32 otherwise.

    Example:

    >>> at_least_float32(ops.ones(2, "bfloat16")).dtype
    tf.float32
    """
    x = ops.convert_to_tensor(x)
    return x if x.dtype == "float64" else ops.cast(x, "float32")
