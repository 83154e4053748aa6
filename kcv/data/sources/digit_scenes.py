"""Digit scenes as a source of data on a command line."""

import tensorflow as tf

from kcv.data.embedded.digit_scenes import digit_scenes
from kcv.data.embedded.scenes.material import DIGIT_CLASSES
from kcv.examples import DataSet

# Seed of the scenes of a validation part, which no run trains on, and the
# number of training scenes (which do not end) of which the part is taken.
_VALIDATION_SEED = 2**30
_SCENES = 2000


def load_digit_scenes(
    split: str,
    seed: int | None,
    start: int,
    masks: str | None = None,
    validation: float = 0.0,
) -> DataSet:
    """Open the digit scenes of a split.

    Args:
        split: "train", which repeats forever, "validation" or "test".
        seed: Seed of the scenes of "train". If None, it is 0.
        start: Position of the first scene.
        masks: "semantic" or "instance" for masks, see `kcv.data.digit_scenes`.
            If None, there are no masks. Defaults to None.
        validation: Size of "validation", as a part of 2000 scenes. Other scenes
            are drawn of the digits of "train". Defaults to 0.0.

    Returns:
        The `DataSet`.
    """
    if split == "validation":
        count = max(round(validation * _SCENES), 1)
        dataset = digit_scenes(
            "train", count, _VALIDATION_SEED, masks, start=start
        )
    else:
        own = 0 if split == "test" else seed or 0
        dataset = digit_scenes(split, seed=own, masks=masks, start=start)
    size = int(dataset.cardinality())
    return DataSet(
        dataset,
        tuple(DIGIT_CLASSES),
        None if size == tf.data.INFINITE_CARDINALITY else size,
    )
