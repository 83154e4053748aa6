"""What models with losses of their own share: `compile` takes no others.

These are functions, not a base class: Keras rewrites the bases of a class whose
instances are functional models, and would rewrite those of all others with it.
"""

import warnings
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from kcv.training.replicas import divide_by_replicas


def refuse_losses(model: keras.Model, **given: Any) -> None:
    """Refuse arguments of `compile` that a model cannot honor.

    Args:
        model: Model that has its own losses and shows them.
        **given: Arguments that must be None, by name: `loss`, `loss_weights`,
            `metrics` and `weighted_metrics`.

    Raises:
        ValueError: If an argument is not None.
    """
    for argument, value in given.items():
        if value is not None:
            raise ValueError(
                f"`{argument}` must be None, since {type(model).__name__} has "
                f"its own losses and shows them. Received: {argument}={value!r}"
            )


def compile_as_saved(model: keras.Model, config: dict) -> None:
    """Compile a loaded model as it was compiled when it was saved.

    Args:
        model: Loaded model.
        config: Result of `model.get_compile_config`.
    """
    model.compile(**keras.saving.deserialize_keras_object(config))
    if model.built:
        model.optimizer.build(model.trainable_variables)


def build_optimizer(model: keras.Model) -> None:
    """Build the optimizer of a compiled model under a strategy.

    Keras builds models from a batch that it averages over the replicas, which
    fails for flags and texts and for batches that do not divide evenly. Models
    with their own losses are built when they are made: what is missing are the
    variables of the optimizer.

    Args:
        model: Model whose layers are built.
    """
    optimizer = model.optimizer
    if optimizer is not None and not optimizer.built:
        with model.distribute_strategy.scope():
            optimizer.build(model.trainable_variables)


def minimize(
    model: keras.Model,
    compute_loss: Callable[[], tf.Tensor],
    is_sum: bool = False,
) -> None:
    """Update the weights of a compiled model once.

    As in Keras, a model without trainable weights computes its losses and is
    warned of.

    Args:
        model: Compiled model.
        compute_loss: Function that computes the loss of the batch, () float32.
        is_sum: Whether the loss is a sum over the batch, and not a mean, which
            is divided by the number of replicas. Defaults to False.
    """
    if not model.trainable_variables:
        warnings.warn(
            f"{model.name} has no trainable weights, so that nothing is "
            "learned",
            stacklevel=2,
        )
        compute_loss()
        return
    with tf.GradientTape() as tape:
        loss = compute_loss()
        loss = loss if is_sum else divide_by_replicas(loss)
        loss = model.optimizer.scale_loss(loss)
    variables = model.trainable_variables
    gradients = tape.gradient(loss, variables)
    model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
