"""The 1,797 handwritten digits that are part of kcv."""

import numpy as np
import tensorflow as tf

from kcv.data.embedded.scenes.material import digit_cells
from kcv.data.streams.arrays import choose
from kcv.data.streams.arrays import stream
from kcv.data.streams.holdout import source_split


def digits(
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    validation: float = 0.0,
) -> tf.data.Dataset:
    """Read the handwritten digits of E. Alpaydin and C. Kaynak, 8 x 8 pixels.

    These are the digits of scikit-learn's `load_digits`. Of the 1,797 digits,
    1,433 are for training and 364 are held out: the last fifth of each class,
    as in `kcv.data.digit_scenes`. The class names are `kcv.data.DIGIT_CLASSES`.
    The function needs no network.

    Args:
        split: "train", "validation" or "test". Defaults to "train".
        seed: Integer that determines the shuffling. Every epoch has a different
            order, the stream repeats forever, and example number p is a pure
            function of (split, seed, p). If None, the examples are read once,
            in order. Defaults to None.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        validation: Part of the training digits of each class that "validation"
            has, and "train" does not have. It is the same in every run. Float
            in [0, 1). Defaults to 0.

    Returns:
        Dataset of single examples: `images` (8, 8, 1) uint8, ink 255 on 0;
        `labels` () int32, `image_id` () string.

    Raises:
        ValueError: If `split` or `validation` is out of range, or `start`
            is negative.

    Example:

    ```python
    model.fit(kcv.data.digits("train", seed=1).batch(32), steps_per_epoch=45)
    ```
    """
    own = source_split(split, validation)
    cells, labels = digit_cells(own)
    images = np.rint(cells * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    chosen = choose(labels, split, validation)
    return stream(images, labels, f"digits/{own}", seed, start, chosen)
