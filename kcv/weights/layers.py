"""The layers of a model, and the order of their weights in other libraries.

Caffe and torch have channels first, (C, H, W); kcv has them last.
"""

from collections.abc import Iterator
from collections.abc import Sequence

import keras
import numpy as np

# What may stand between a Flatten and the dense layer that it is for.
_TRANSPARENT = (
    keras.layers.Activation,
    keras.layers.Dropout,
    keras.layers.ReLU,
)


def leaves(model: keras.Model) -> Iterator[keras.Layer]:
    """Give the layers of a model that hold no further ones.

    Args:
        model: A model. Layers may stand in models, in wrappers and in layers
            inside it.

    Returns:
        Every such layer once.
    """
    seen = set()
    todo = [model]
    while todo:
        layer = todo.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        inside = [x for x in vars(layer).values() if isinstance(x, keras.Layer)]
        inside += layer.layers if isinstance(layer, keras.Model) else ()
        if inside:
            todo += reversed(inside)
        else:
            yield layer


def flattened_maps(
    model: keras.Model,
) -> dict[str, tuple[int, int, int] | None]:
    """Find the maps that the inputs of dense layers were flattened from.

    Args:
        model: A model.

    Returns:
        (height, width, channels) of the map, by the dense layer's name; None if
        its inputs are not a flattened map. A layer that was never called on a
        symbolic tensor, as in a subclassed model, is left out: what is below it
        is not known.

    Example:

    >>> image = keras.Input((4, 6, 3))
    >>> x = keras.layers.Flatten()(image)
    >>> x = keras.layers.Dense(5, name="fc6")(x)
    >>> model = keras.Model(image, keras.layers.Dense(2, name="fc7")(x))
    >>> flattened_maps(model)
    {'fc6': (4, 6, 3), 'fc7': None}
    """
    layers = list(leaves(model))
    producers = {id(_symbolic(layer, "output")): layer for layer in layers}
    maps: dict[str, tuple[int, int, int] | None] = {}
    for layer in layers:
        below = _symbolic(layer, "input")
        if not isinstance(layer, keras.layers.Dense) or below is None:
            continue
        while isinstance(producers.get(id(below)), _TRANSPARENT):
            below = _symbolic(producers[id(below)], "input")
        reshape = producers.get(id(below))
        maps[layer.name] = None
        if isinstance(reshape, keras.layers.Flatten | keras.layers.Reshape):
            shape = _symbolic(reshape, "input").shape[1:]
            if len(shape) == 3:
                maps[layer.name] = tuple(shape)
    return maps


def channels_last(
    value: np.ndarray, flattened: Sequence[int] | None = None
) -> np.ndarray:
    """Bring a weight of Caffe or torch into the order of Keras.

    Args:
        value: A kernel (out, in, H, W) or (out, in), or a vector.
        flattened: Size (H, W, C) of the feature map whose values are the inputs
            of a dense kernel. The source flattens it in the order (C, H, W),
            Keras in the order (H, W, C). If None, the inputs keep their order.
            Defaults to None.

    Returns:
        Kernel (H, W, in, out) or (in, out), or the vector. A dense kernel with
        another number of inputs than the feature map has keeps their order, so
        that its shape can be reported.

    Example:

    >>> channels_last(np.zeros((64, 3, 7, 5))).shape
    (7, 5, 3, 64)
    """
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    if flattened is None or value.shape[1] != np.prod(flattened):
        return value.T
    height, width, channels = flattened
    value = value.reshape(-1, channels, height, width)
    return value.transpose(2, 3, 1, 0).reshape(-1, len(value))


def _symbolic(layer, side):
    """Give the one symbolic input or output of a layer's first call, if any."""
    try:
        tensor = getattr(layer, side)
    except (AttributeError, ValueError):  # never called on one
        return None
    return tensor if isinstance(tensor, keras.KerasTensor) else None
