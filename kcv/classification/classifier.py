"""What all builders of classifiers share: input, last layer and weights."""

import os
from collections.abc import Sequence

from kcv.backend import require_channels_last

import keras

from kcv.weights import load_trained
from kcv.weights import load_weights
from kcv.weights.trained import is_trained

# Layers that score the classes, in the names of all networks of this package.
_SCORES = (
    "fc8",
    "fc1000",
    "fc",
    "output",
    "ip2",
    "cccp6",
    "loss1_classifier",
    "loss2_classifier",
    "loss3_classifier",
)


def image_input(
    input_shape: tuple[int | None, int | None, int] | None,
    include_top: bool,
    default: tuple[int, int, int] = (224, 224, 3),
) -> keras.KerasTensor:
    """Make the input of a network for images.

    Args:
        input_shape: (height, width, channels); None is `default` for a
            classifier, and free height and width for a trunk alone.
        include_top: Whether the network classifies.
        default: The paper's (height, width, channels). Defaults to `(224, 224,
            3)`.

    Returns:
        A symbolic tensor (B, height, width, channels).

    Raises:
        ValueError: If the shape is not of that form.
    """
    require_channels_last()
    if input_shape is None:
        input_shape = default if include_top else (None, None, default[-1])
    if len(input_shape) != 3 or input_shape[-1] is None:
        raise ValueError(
            "input_shape must be (height, width, channels) with a known "
            f"number of channels, received {input_shape}."
        )
    return keras.Input(input_shape, name="images")


def require_size(
    images: keras.KerasTensor, name: str, layer: str, least: int = 1
) -> None:
    """Refuse images of free size, or too small, where a dense layer follows.

    Args:
        images: The input of the network, (B, height, width, channels).
        name: Name of the network.
        layer: The first dense layer.
        least: Pixels along each side, below which no map reaches it. Defaults
            to 1.

    Raises:
        ValueError: If height or width is free or less.
    """
    size = images.shape[1:3]
    if None in size or min(size) < least:
        raise ValueError(
            f"{name}: {layer} needs images of one size, at least "
            f"{least}x{least}, received input_shape={images.shape[1:]}. Give "
            "height and width, or leave the layer out (include_top=False)."
        )


def probabilities(
    x: keras.KerasTensor,
    classes: int,
    activation: str | None,
    name: str,
    initializer: keras.initializers.Initializer | str = "glorot_uniform",
    activation_name: str = "prob",
) -> keras.KerasTensor:
    """Add the last dense layer and its activation in a layer of its own.

    Args:
        x: Features (B, n).
        classes: Number of classes.
        activation: Activation, as in `keras.layers.Activation`. None gives the
            logits.
        name: Name of the dense layer.
        initializer: Initializer of its kernel. Defaults to "glorot_uniform".
        activation_name: Name of the layer of the activation. Defaults to
            "prob".

    Returns:
        Probabilities or logits (B, classes), float32 whatever the policy: a
        softmax over 1000 classes needs the digits.

    Raises:
        ValueError: If `classes` is not positive.
    """
    if classes < 1:
        raise ValueError(f"classes must be at least 1, received {classes}.")
    x = keras.layers.Dense(classes, kernel_initializer=initializer, name=name)(
        x
    )
    return activate(x, activation, activation_name)


def activate(
    x: keras.KerasTensor, activation: str | None, name: str = "prob"
) -> keras.KerasTensor:
    """Turn logits into what a classifier answers with.

    Args:
        x: Logits (B, classes).
        activation: Activation, as in `keras.layers.Activation`. None leaves the
            logits.
        name: Name of the layer. Defaults to "prob".

    Returns:
        Logits or activations (B, classes), float32.
    """
    return keras.layers.Activation(activation, dtype="float32", name=name)(x)


def initialize(
    model: keras.Model,
    weights: str | os.PathLike | None,
    top: Sequence[str] = (),
) -> keras.Model:
    """Load the weights that a builder was asked for.

    Of a network that kcv has trained, the scores of another number of classes
    are not loaded.

    Args:
        model: The network.
        weights: None for those it has, or a source that
            `kcv.weights.load_weights` takes.
        top: Layers that the network was asked to go without: a file may have
            them. Defaults to none.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If `weights` is not one of these and not a file.
        ValueError: If the weights do not fit.
    """
    if weights is None:
        return model
    classes = model.outputs[0].shape[-1]
    if weights == "imagenet" and not top and classes != 1000:
        raise ValueError(  # before the download
            f'{model.name}: weights="imagenet" has 1000 classes, received '
            f"classes={classes}. Set classes=1000 or include_top=False."
        )
    if is_trained(weights):
        new = rf"({'|'.join(_SCORES)})$"
        load_trained(model, weights, new, dict.fromkeys(_SCORES, 0))
    else:
        load_weights(model, weights, skip=top)
    return model
