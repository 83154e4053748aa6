"""Digit scenes, as other sources are opened."""

import tensorflow as tf

from kcv.data.embedded.digit_scenes import digit_scenes
from kcv.data.embedded.scenes.material import DIGIT_CLASSES
from kcv.examples import DataSet


def load_digit_scenes(
    split: str, seed: int | None, start: int, masks: str | None = None
) -> DataSet:
    """Open the digit scenes of a split.

    Args:
        split: "train", which is without end, or "test".
        seed: Seed of the scenes of "train". None is 0.
        start: Position of the first scene.
        masks: "semantic", "instance" or None, see `kcv.data.digit_scenes`.

    Returns:
        The `DataSet`.
    """
    own = 0 if split == "test" else seed or 0
    dataset = digit_scenes(split, seed=own, masks=masks, start=start)
    size = int(dataset.cardinality())
    return DataSet(
        dataset,
        tuple(DIGIT_CLASSES),
        None if size == tf.data.INFINITE_CARDINALITY else size,
    )
