"""The replaceable parts of a region-based detector.

Shapes: B images, N regions of P x P bins, C channels, F features of a region.
"""

from typing import NamedTuple

import keras
import numpy as np


class Parts(NamedTuple):
    """The replaceable parts of a region-based detector.

    Attributes:
        preprocessing: Layer from RGB 0..255 to what the trunk expects.
        trunk: Model from images (B, H, W, 3) to features (B, H', W', C). It
            runs once per image.
        head: Model from pooled regions (N, P, P, C) to vectors (N, F). It
            runs once per region. None for a network that only proposes.
    """

    preprocessing: keras.layers.Layer
    trunk: keras.Model
    head: keras.Model | None

    @property
    def stride(self) -> int:
        """Distance between neighboring cells of the features, in pixels."""
        side = 1024  # large enough for the rounding of sizes not to matter
        cells = self.trunk.compute_output_shape((1, side, side, 3))[1]
        return 2 ** round(np.log2(side / cells))

    @property
    def roi_size(self) -> int:
        """Number of bins along each side of a pooled region.

        Raises:
            ValueError: If the parts have no head.
        """
        if self.head is None:
            raise ValueError("These parts have no head, so they pool nothing.")
        return self.head.input_shape[1]

    @property
    def dtype_policy(self) -> keras.DTypePolicy:
        """Policy under which the trunk was built.

        The layers around the trunk follow it, so that a model that is loaded
        under another global policy computes what it computed before.
        """
        return self.trunk.layers[-1].dtype_policy


def copy_parts(parts: Parts) -> Parts:
    """Copy parts with their weights.

    Args:
        parts: The parts to copy. They stay as they are.

    Returns:
        Parts that share no variable with `parts`.
    """
    copies = []
    for part in parts:
        config = keras.saving.serialize_keras_object(part)
        copy = keras.saving.deserialize_keras_object(config)
        if part is not None:
            copy.set_weights(part.get_weights())
        copies.append(copy)
    return Parts(*copies)
