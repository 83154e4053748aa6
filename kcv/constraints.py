"""Constraints on weights during training."""

import kcv.backend  # noqa: F401

import keras


@keras.saving.register_keras_serializable("kcv")
class MaxFilterRMS(keras.constraints.Constraint):
    """Rescale every filter whose root mean square exceeds a limit.

    Zeiler and Fergus (arXiv:1311.2901), section 3.1: otherwise a few filters of
    the first layer dominate, because its input is large.

    Call with a kernel (..., filters). Returns the kernel. Filters within the
    limit are unchanged.

    Args:
        limit: Maximum root mean square of a filter. Positive float. Defaults to
            0.1.

    Raises:
        ValueError: If `limit` is not positive.

    Example:

    >>> kernel = keras.ops.convert_to_tensor([[0.3, 0.05], [-0.3, 0.05]])
    >>> MaxFilterRMS(0.1)(kernel).numpy()
    array([[ 0.1 ,  0.05],
           [-0.1 ,  0.05]], dtype=float32)
    """

    def __init__(self, limit=0.1):
        if not limit > 0:
            raise ValueError(
                f"`limit` must be positive. Received: limit={limit}"
            )
        self.limit = float(limit)

    def __call__(self, w):
        axes = tuple(range(len(w.shape) - 1))
        mean_square = keras.ops.mean(keras.ops.square(w), axis=axes)
        rms = keras.ops.sqrt(mean_square)
        return w * (self.limit / keras.ops.maximum(rms, self.limit))

    def get_config(self):
        return {"limit": self.limit}
