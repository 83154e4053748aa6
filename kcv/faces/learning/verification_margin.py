"""The margin of DeepID2's verification loss, estimated while it trains."""

import keras
import tensorflow as tf
from keras import ops

from kcv.boxes import TensorLike


@keras.saving.register_keras_serializable("kcv")
class VerificationMargin(keras.metrics.Metric):
    """Margin that separates recent pairs of one person and of two best.

    DeepID2 (Sun et al., NIPS 2014) does not learn the margin by its gradient.
    After every `every` pairs it becomes the threshold of the distance that
    classified the last `every` pairs most accurately. It is a metric, so that
    `fit` shows it and a saved model keeps it, while it is not a weight of the
    network. Unlike other metrics it is not forgotten when an epoch begins.

    Call `update_state(distances, same)` with Euclidean distances (P,) and
    whether each pair shows one person (P,). `result()` is the margin ().

    Args:
        every: Number of pairs between two estimates, and of pairs that an
            estimate is based on. Positive integer. Defaults to 200,000.
        initial: Margin before the first estimate. Non-negative float, or None:
            then the first pairs give the first estimate. Defaults to None.
        name: Name of the metric. Defaults to "margin".
        **kwargs: Options of `keras.metrics.Metric`.

    Raises:
        ValueError: If `every` or `initial` is out of its range.

    Example:

    >>> margin = VerificationMargin()
    >>> margin.update_state([1.0, 2.0, 4.0], [True, True, False])
    >>> float(margin.result())
    3.0
    """

    def __init__(
        self,
        every: int = 200_000,
        initial: float | None = None,
        name: str = "margin",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        if not isinstance(every, int) or every < 1:
            raise ValueError(
                f"`every` must be a positive integer. Received: every={every!r}"
            )
        if initial is not None and not 0 <= initial < float("inf"):
            raise ValueError(
                "`initial` must be a non-negative number or None. Received: "
                f"initial={initial!r}"
            )
        self.every = every
        self.initial = initial
        constant = keras.initializers.Constant
        # Each replica estimates from its own pairs; the first one is saved.
        option = {"aggregation": "only_first_replica"}
        self.margin = self.add_variable(
            (), constant(initial or 0.0), "float32", name="margin", **option
        )
        self.num_pairs = self.add_variable(
            (), "zeros", "int32", name="num_pairs", **option
        )
        self.distances = self.add_variable(
            (every,), constant(float("inf")), "float32", **option
        )
        self.same = self.add_variable((every,), "zeros", "float32", **option)

    def update_state(self, distances, same):
        distances = ops.stop_gradient(ops.cast(distances, "float32"))
        same = ops.cast(same, "float32")
        recent = ops.concatenate([self.distances, distances])[-self.every :]
        labels = ops.concatenate([self.same, same])[-self.every :]
        before = ops.convert_to_tensor(self.num_pairs)
        count = before + ops.shape(distances)[0]
        is_due = count >= self.every
        if self.initial is None:
            is_due = is_due | (self._is_unset() & (count > 0))
        self.margin.assign(
            tf.cond(
                is_due,
                lambda: best_threshold(recent, labels),
                self.result,
            )
        )
        self.distances.assign(recent)
        self.same.assign(labels)
        self.num_pairs.assign(ops.where(count >= self.every, 0, count))

    def _is_unset(self):
        return ~ops.any(ops.isfinite(self.distances))

    def result(self):
        return tf.convert_to_tensor(self.margin.value)

    def reset_state(self):
        # Keras calls this when an epoch begins, and the margin is kept.
        pass

    # Keras does not save the state of other metrics.

    def save_own_variables(self, store):
        for number, variable in enumerate(self.variables):
            store[str(number)] = variable.numpy()

    def load_own_variables(self, store):
        # A file of a model without a margin has none.
        if store.keys():
            for number, variable in enumerate(self.variables):
                variable.assign(store[str(number)])

    def get_config(self):
        config = {"every": self.every, "initial": self.initial}
        return {**super().get_config(), **config}


def best_threshold(distances: TensorLike, same: TensorLike) -> tf.Tensor:
    """Find the distance that separates pairs of one person and of two best.

    A pair counts as one person if its distance is below the threshold.

    Args:
        distances: Float tensor (P,). Infinite distances are left out.
        same: Whether a pair shows one person. Tensor (P,), 0 or 1.

    Returns:
        The middle between the two neighboring distances where the fewest pairs
        are wrong, the smallest one if there are several. Float32 tensor ().

    Example:

    >>> float(best_threshold([1.0, 3.0, 2.0], [1, 0, 1]))
    2.5
    """
    distances = ops.cast(distances, "float32")
    order = ops.argsort(distances)
    ordered = ops.take(distances, order)
    counts = ops.cast(ops.isfinite(ordered), "float32")
    same = ops.take(ops.cast(same, "float32"), order)
    # Every pair of one person that comes below the threshold makes one more
    # right, and every pair of two people one less.
    gains = ops.cumsum(counts * (2.0 * same - 1.0))
    gains = ops.concatenate([ops.zeros((1,)), gains])
    # No threshold divides equal distances.
    ends = ops.ones((1,), "bool")
    divides = ops.concatenate([ends, ordered[1:] > ordered[:-1], ends])
    gains = ops.where(divides, gains, -float("inf"))
    below = ops.cast(ops.argmax(gains), "int32")
    last = ops.maximum(ops.cast(ops.sum(counts), "int32") - 1, 0)
    lower = ordered[ops.maximum(below - 1, 0)]
    upper = ordered[ops.minimum(below, last)]
    return 0.5 * (lower + upper)
