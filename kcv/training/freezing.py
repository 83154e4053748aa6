"""Layers whose weights do not change in training."""

import re

import keras


def freeze(model: keras.Model, layers: str = "") -> list[str]:
    """Fix the weights of layers, before `compile`.

    Fixed batch normalization runs in inference mode: it normalizes by its
    stored statistics, which do not change, either. Dropout stays as it is.

    Args:
        model: A built model, or a part of one, such as `model.parts.trunk` of
            a detector.
        layers: Regular expression for the beginnings of the names of layers.
            Layers may stand in models inside the model. Defaults to "", which
            means all layers.

    Returns:
        Names of the layers with weights that are now fixed.

    Raises:
        ValueError: If no layer with weights has such a name.

    Example:

    >>> import kcv
    >>> model = kcv.classification.LeNet5(classes=3)
    >>> freeze(model, "C1|C3")
    ['C1', 'C3']
    >>> [layer.name for layer in model.layers if layer.trainable_weights]
    ['C5', 'F6', 'output']
    """
    leaves = layers_with_weights(model)
    fixed = [layer for layer in leaves if re.match(layers, layer.name)]
    if not fixed:
        names = [layer.name for layer in leaves]
        raise ValueError(
            "`layers` must match the beginnings of names of layers with "
            f"weights. Received: layers={layers!r}, where {model.name!r} has "
            f"{', '.join(names)}"
        )
    for layer in fixed:
        layer.trainable = False
    return [layer.name for layer in fixed]


def layers_with_weights(model: keras.Model) -> list[keras.Layer]:
    """List the layers that have weights of their own.

    Args:
        model: A built model.

    Returns:
        Layers at any depth, without those whose weights all belong to layers
        inside them.
    """
    # _flatten_layers is what Keras itself uses to find all layers.
    return [
        layer
        for layer in model._flatten_layers()
        if layer._trainable_variables or layer._non_trainable_variables
    ]
