"""1797 handwritten digits that come with kcv."""

import numpy as np
import tensorflow as tf

from kcv.data.embedded.scenes.material import digit_cells
from kcv.data.streams.arrays import stream


def digits(
    split: str = "train", *, seed: int | None = None, start: int = 0
) -> tf.data.Dataset:
    """Read the digits that E. Alpaydin and C. Kaynak collected, 8 x 8 pixels.

    The set of scikit-learn: 1433 digits to train on and 364 held out, the
    last fifth of each class, as in `kcv.data.digit_scenes`. Class names are
    `kcv.data.DIGIT_CLASSES`. Nothing is downloaded.

    Args:
        split: "train" or "test".
        seed: shuffles, every epoch anew, without end; example number p is a
            function of (split, seed, p) alone. None is one pass in order.
        start: position of the first example, as for a run that is resumed.

    Returns:
        A dataset of single examples: `images` (8, 8, 1) uint8, ink 255 on 0;
        `labels` () int32, `image_id` () string.

    Raises:
        ValueError: if `split` is neither, or `start` is negative.

    Example:

    ```python
    model.fit(kcv.data.digits("train", seed=1).batch(32), steps_per_epoch=45)
    ```
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', not {split!r}")
    cells, labels = digit_cells(split)
    images = np.rint(cells * (255 / 16)).astype(np.uint8)[..., np.newaxis]
    return stream(images, labels, f"digits/{split}", seed, start)
