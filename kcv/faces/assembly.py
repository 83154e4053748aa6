"""What all builders of face networks share: input, blocks and weights."""

import os
from collections.abc import Collection
from collections.abc import Sequence

import keras

from kcv.classification.classifier import image_input
from kcv.classification.classifier import require_size
from kcv.classification.preprocessing import preprocess
from kcv.faces.face_embedder import FaceEmbedder
from kcv.faces.objectives import Objective
from kcv.layers import BatchNormalization
from kcv.weights import load_trained
from kcv.weights import load_weights
from kcv.weights.trained import is_trained

#: Beginning of the names of the features of lower levels.
LEVEL = "level"


def face_inputs(
    input_shape: tuple[int, int, int] | None,
    default: tuple[int, int, int],
    include_preprocessing: bool,
    name: str,
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Make the input of a face network and scale it.

    Args:
        input_shape: (height, width, channels), or None for `default`.
        default: (height, width, channels) of the paper.
        include_preprocessing: Whether images in 0..255 are divided by 255.
        name: Name of the network, for an error.

    Returns:
        The input (B, height, width, channels), and what the first layer takes,
        of the same shape.

    Raises:
        ValueError: If the size is not known.
    """
    images = image_input(input_shape or default, True)
    require_size(images, name, "the layer of the feature")
    return images, preprocess(images, include_preprocessing, 0.0, 255.0)


def check_choice(argument: str, value: object, allowed: Collection) -> None:
    """Refuse a value that is not one of a few.

    Args:
        argument: Name of the argument.
        value: Its value.
        allowed: Values that are allowed.

    Raises:
        ValueError: If `value` is not among them.
    """
    if value not in allowed:
        raise ValueError(
            f"`{argument}` must be one of {', '.join(map(repr, allowed))}. "
            f"Received: {argument}={value!r}"
        )


def activate(
    x: keras.KerasTensor, batch_norm: bool, name: str
) -> keras.KerasTensor:
    """Apply ReLU, after batch normalization if it is wanted.

    Args:
        x: Output of a layer, of any shape.
        batch_norm: Whether there is batch normalization.
        name: Name of the layer. The others are `name`_bn and `name`_relu.

    Returns:
        Symbolic tensor of the same shape.
    """
    if batch_norm:
        x = BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def feature(
    x: keras.KerasTensor, units: int, name: str, batch_norm: bool
) -> keras.KerasTensor:
    """Add a dense layer that makes the feature of a level.

    Args:
        x: Vectors (B, n).
        units: Number of units.
        name: Name of the layer.
        batch_norm: Whether there is batch normalization before ReLU. Without
            it, large learning rates leave no unit that is not 0.

    Returns:
        Features (B, units) after ReLU.
    """
    x = keras.layers.Dense(units, kernel_initializer="he_normal", name=name)(x)
    return activate(x, batch_norm, name)


def lower_levels(
    pooled: Sequence[keras.KerasTensor],
    objective: Objective | None,
    units: int,
    batch_norm: bool,
) -> list[keras.KerasTensor]:
    """Add a feature to each pooling layer if the objective uses every level.

    Args:
        pooled: Maps (B, H, W, C) of the lower levels.
        objective: Objective of the training, or None.
        units: Number of units of each feature.
        batch_norm: Whether there is batch normalization before ReLU.

    Returns:
        Features (B, units) with the names level1, level2, .... The list is
        empty if the objective uses the last level alone.
    """
    if objective is None or not objective.every_level:
        return []
    names = [f"{LEVEL}{number}" for number in range(1, len(pooled) + 1)]
    return [
        feature(
            keras.layers.Flatten(name=f"{name}_flatten")(maps),
            units,
            name,
            batch_norm,
        )
        for name, maps in zip(names, pooled, strict=True)
    ]


def embedder(
    images: keras.KerasTensor,
    levels: Sequence[keras.KerasTensor],
    objective: Objective | None,
    weights: str | os.PathLike | None,
    name: str,
) -> FaceEmbedder:
    """Make the model of a face network and load its weights.

    Args:
        images: Input of the network, (B, H, W, C).
        levels: Features (B, D) of its levels. The last one makes the embedding.
        objective: Objective of the training. If None, the model cannot be
            trained.
        weights: Path of a file that `kcv.weights.load_weights` reads. The
            softmax of the objective is not loaded, since its people are those
            of another training set. If None, weights are random.
        name: Name of the model.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If the weights do not fit.
    """
    features = levels[0] if len(levels) == 1 else [*levels]
    network = keras.Model(images, features, name="network")
    model = FaceEmbedder.from_network(network, objective, name)
    if weights is not None:
        lower = (LEVEL,) if len(levels) == 1 else ()
        skip = ("softmax", *lower)
        if is_trained(weights):
            load_trained(model, weights, skip=skip)
        else:
            load_weights(model, weights, skip=skip)
    return model
