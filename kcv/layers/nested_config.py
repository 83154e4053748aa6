"""Layers whose configuration holds other layers or settings."""

from typing import Any
from typing import Self

import keras


class NestedConfig:
    """Mix-in for a layer that is made of other layers, models or settings.

    `get_config` of such a layer returns them serialized, and Keras leaves it
    to the class to make objects of them again.
    """

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> Self:
        """Create the layer from the result of `get_config`."""
        return cls(
            **keras.saving.deserialize_keras_object(config, custom_objects)
        )
