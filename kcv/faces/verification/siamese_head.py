"""DeepFace's Siamese verification (Taigman et al., CVPR 2014)."""

import keras
from keras import ops


def SiameseHead(dimensions: int, name: str = "siamese_head") -> keras.Model:
    """Build the head that verifies two features of one network.

    The probability that two features show one person is the logistic function
    of a weighted sum of the absolute differences of their components. Train it
    with `compile("adam", "binary_crossentropy")` and `fit` on pairs of features
    and whether they show one person. The paper trains the two upper layers of
    the network along with it. A model that ends with this head can do so, too.

    Args:
        dimensions: D, number of dimensions of a feature. Positive integer;
            4,096 in the paper.
        name: Name of the model. Defaults to "siamese_head".

    Returns:
        A model with D + 1 parameters from `[first, second]`, features (B, D)
        each, to probabilities (B, 1) float32. Exchanging both does not change
        the probability.

    Raises:
        ValueError: If `dimensions` is not positive.

    Example:

    >>> head = SiameseHead(8)
    >>> head.compile("adam", "binary_crossentropy")
    >>> head([ops.zeros((2, 8)), ops.ones((2, 8))]).shape
    TensorShape([2, 1])
    """
    if dimensions < 1:
        raise ValueError(
            "`dimensions` must be a positive integer. Received: "
            f"dimensions={dimensions!r}"
        )
    first = keras.Input((dimensions,), name="first")
    second = keras.Input((dimensions,), name="second")
    x = ops.abs(keras.layers.Subtract(name="difference")([first, second]))
    x = keras.layers.Dense(1, name="alpha")(x)
    # Probabilities near 0 and 1 need float32 under mixed precision.
    x = keras.layers.Activation("sigmoid", dtype="float32", name="same")(x)
    return keras.Model([first, second], x, name=name)
