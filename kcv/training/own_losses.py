"""What models with losses of their own share: `compile` takes no others.

These are functions, not a base class: Keras rewrites the bases of a class whose
instances are functional models, and would rewrite those of all others with it.
"""

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
        config: What `model.get_compile_config` returned.
    """
    model.compile(**keras.saving.deserialize_keras_object(config))
    if model.built:
        model.optimizer.build(model.trainable_variables)


def minimize(model: keras.Model, compute_loss: Callable[[], tf.Tensor]) -> None:
    """Update the weights of a compiled model once.

    Args:
        model: Compiled model.
        compute_loss: Function that computes the loss of the batch, () float32.
    """
    with tf.GradientTape() as tape:
        loss = divide_by_replicas(compute_loss())
        loss = model.optimizer.scale_loss(loss)
    variables = model.trainable_variables
    gradients = tape.gradient(loss, variables)
    model.optimizer.apply_gradients(zip(gradients, variables, strict=True))
