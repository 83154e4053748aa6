"""Fitting of one network of a cascade on windows in memory.

Shapes: N windows of S x S pixels.
"""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

# Largest gain and offset (in gray levels) by which windows are varied.
_GAIN = 0.25
_OFFSET = 25.0


def fit_windows(
    network: keras.Model,
    crops: np.ndarray,
    labels: np.ndarray,
    rows: Sequence[np.ndarray],
    shares: Sequence[float],
    steps: int,
    batch_size: int,
    rate: float,
    rng: np.random.Generator,
    flip: bool,
    verbose: str | int = 0,
) -> float:
    """Fit a network on batches that have fixed shares of each kind.

    Args:
        network: Classifier of windows, which is compiled and trained.
        crops: Windows (N, S, S, 3) uint8.
        labels: Class of each window, (N,) integer.
        rows: Numbers (M,) of the windows of each kind.
        shares: Share of each kind in a batch. Floats that add up to 1.
        steps: Number of updates. Positive integer.
        batch_size: Number of windows of an update.
        rate: Highest learning rate. Positive float.
        rng: Generator of random numbers.
        flip: Whether windows are flipped with probability 0.5, which would
            change the pattern of a calibration network.
        verbose: Verbosity of `fit`, as in Keras. Defaults to 0, nothing.

    Returns:
        The accuracy of the last tenth of the updates.
    """
    sizes = [round(share * batch_size) for share in shares]
    chosen = [
        own[rng.integers(len(own), size=(steps, size))]
        for own, size in zip(rows, sizes, strict=True)
    ]
    order = np.concatenate(chosen, axis=1)
    seeds = rng.integers(2**31, size=(steps, 2))
    pool, classes = tf.constant(crops), tf.constant(labels)

    def batch(chosen, seed):
        images = tf.cast(tf.gather(pool, chosen), "float32")
        images = _vary(images, seed, flip)
        return images, tf.gather(classes, chosen)

    dataset = tf.data.Dataset.from_tensor_slices((order, seeds))
    dataset = dataset.map(batch, tf.data.AUTOTUNE).prefetch(2)
    rate = keras.optimizers.schedules.CosineDecay(rate, steps)
    if verbose:
        print(f"{network.name}: {len(crops)} windows, {steps} updates")
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=1e-4),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    epochs = 10 if steps >= 10 else 1
    history = network.fit(
        dataset.repeat(),
        epochs=epochs,
        steps_per_epoch=steps // epochs,
        shuffle=False,
        verbose=verbose,
    )
    return history.history["accuracy"][-1]


def _vary(images, seed, flip):
    """Vary brightness, contrast, color and side of windows (N, S, S, 3)."""
    count = tf.shape(images)[0]

    def draw(number, shape, low, high):
        return tf.random.stateless_uniform(shape, seed + number, low, high)

    images *= 1.0 + draw(0, (count, 1, 1, 1), -_GAIN, _GAIN)
    images *= 1.0 + draw(1, (count, 1, 1, 3), -_GAIN / 3, _GAIN / 3)
    images += draw(2, (count, 1, 1, 1), -_OFFSET, _OFFSET)
    if flip:
        turned = draw(3, (count, 1, 1, 1), 0.0, 1.0) < 0.5
        images = tf.where(turned, images[:, :, ::-1], images)
    return tf.clip_by_value(images, 0.0, 255.0)
