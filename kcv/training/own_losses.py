"""Models that have losses of their own, and take no others."""

from typing import Any

import keras


class OwnLosses:
    """Refuse, in `compile`, what a model with losses of its own cannot honor.

    A base in front of `keras.Model`: `class Painter(OwnLosses, keras.Model)`.
    """

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        **kwargs,
    ):
        """Configure the model for training.

        Args:
            optimizer: Optimizer, as in `keras.Model.compile`. Defaults to
                "rmsprop".
            loss: Not supported, must be None: the model has its own losses.
            loss_weights: Not supported, must be None.
            metrics: Not supported, must be None: the model shows its losses.
            weighted_metrics: Not supported, must be None.
            **kwargs: Other arguments of `keras.Model.compile`.

        Raises:
            ValueError: If an argument that is not supported is given.
        """
        refused = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        for argument, value in refused.items():
            if value is not None:
                raise ValueError(
                    f"`{argument}` must be None, since {type(self).__name__} "
                    "has its own losses and shows them. "
                    f"Received: {argument}={value!r}"
                )
        super().compile(optimizer, **kwargs)

    def compile_from_config(self: Any, config: dict) -> None:
        """Compile a loaded model as it was compiled when it was saved."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)
