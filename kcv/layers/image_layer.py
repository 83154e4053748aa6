"""What the layers of kcv have in common."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import ClassVar

from kcv.backend import require_channels_last

import keras
import tensorflow as tf

from kcv.layers.list_inputs import check_list


class ImageLayer(keras.layers.Layer):
    """A layer for images or maps (batch, height, width, channels).

    A layer that is called with a list of tensors declares them in `INPUTS`. A
    call then raises an error that names an input that is missing or has the
    wrong shape.

    Args:
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If Keras is set to have channels first.
    """

    #: Shapes of the inputs by their names, in the order of the list, such as
    #: {"features": "(B, H, W, C)", "boxes": "(B, N, 4)"}. None for one tensor.
    INPUTS: ClassVar[Mapping[str, str]] = {}
    #: Shapes of the inputs that may follow.
    OPTIONAL: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **kwargs):
        require_channels_last()
        super().__init__(**kwargs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.INPUTS and args:
            name = type(self).__name__
            check_list(name, args[0], self.INPUTS, self.OPTIONAL)
        return super().__call__(*args, **kwargs)


def set_shape(x: tf.Tensor, shape: Sequence[int | None]) -> tf.Tensor:
    """Set what is known of the static shape of a tensor.

    It adds no operation to the graph, where `tf.ensure_shape` adds one that
    LiteRT does not have.

    Args:
        x: Tensor of any shape.
        shape: Tuple of integers, with None for sides that are not known.

    Returns:
        The same tensor.
    """
    x.set_shape(shape)
    return x


def keep_channels(x: tf.Tensor) -> tf.Tensor:
    """Write the number of channels into the graph.

    Converters compute shapes again from the operations of a graph. Behind a
    slice or a padding whose extent is computed they find no number of channels,
    which a convolution needs.

    Args:
        x: Maps (B, H, W, C), where C is static.

    Returns:
        The same maps.
    """
    *sizes, _ = tf.unstack(tf.shape(x))
    return tf.reshape(x, (*sizes, x.shape[-1]))
