"""What all detectors have in common: how they train, and how they are saved.

B images.
"""

from collections.abc import Sequence
from typing import Any
from typing import ClassVar
from typing import Self

import keras

from kcv.detection.parts.parts import Parts
from kcv.training.image_model import ImageModel
from kcv.training.own_losses import build_optimizer
from kcv.training.own_losses import compile_as_saved
from kcv.training.own_losses import minimize
from kcv.training.own_losses import refuse_losses
from kcv.training.replicas import require_examples


class SampledTraining(ImageModel):
    """Base of the detectors, which learn from a sample of regions.

    The functional graph of such a model is the one that predicts. The model
    trains by `compute_loss(x, y)` alone: what it learns from is sampled
    against the ground truth and is not what it finds, so that the training
    step of `keras.Model` would run both for nothing.

    Args:
        inputs: Symbolic inputs of the graph that predicts.
        outputs: Symbolic outputs of it.
        parts: The `Parts` that the model is made of.
        losses: Names of the losses that are shown beside their sum.
        name: Name of the model.
        **config: All other arguments of the constructor, `seed` among them.
            They become attributes, and the model is saved with them.
    """

    MAPPINGS: ClassVar = {
        "bounding_boxes": "dataset.map(kcv.data.detection_inputs)"
    }

    def __init__(
        self,
        inputs: dict[str, Any],
        outputs: dict[str, Any],
        parts: Parts,
        losses: Sequence[str],
        name: str,
        **config: Any,
    ):
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        # A functional model has a specification of its inputs, which refuses
        # calls without `image_sizes`. These models allow them: `call`
        # completes and checks what the graph is given.
        self.input_spec = None
        self.parts = parts
        self.preprocessing = parts.preprocessing
        self.loss_trackers = {
            name: keras.metrics.Mean(name=name) for name in ("loss", *losses)
        }
        self.seed_generator = keras.random.SeedGenerator(config["seed"])
        self._config_names = tuple(config)
        for argument, value in config.items():
            setattr(self, argument, value)

    def record_losses(self, values: dict, batch: Any) -> Any:
        """Add the losses of a batch to the metrics.

        Args:
            values: Losses by name, () float32 each.
            batch: B, by which the losses are weighted.

        Returns:
            The sum of the losses, () float32.
        """
        values = {**values, "loss": sum(values.values())}
        for name, value in values.items():
            self.loss_trackers[name].update_state(value, sample_weight=batch)
        return values["loss"]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers of the losses, their sum first."""
        return list(self.loss_trackers.values())

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
            metrics: Not supported, must be None: the losses are shown, and
                `kcv.metrics.DetectionEvaluation` measures precision.
            weighted_metrics: Not supported, must be None.
            **kwargs: Other arguments of `keras.Model.compile`.

        Raises:
            ValueError: If an argument that is not supported is given.
        """
        refuse_losses(
            self,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
        )
        super().compile(optimizer, **kwargs)

    def compile_from_config(self, config):
        compile_as_saved(self, config)

    def compute_output_spec(self, inputs, *args, **kwargs):
        # As a layer of another model, where images may come alone: the graph
        # by itself would miss their sizes.
        return {
            name: keras.KerasTensor(x.shape, x.dtype)
            for name, x in self.output.items()
        }

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        build_optimizer(self)

    def train_step(self, data):
        x, y = _without_weights(data)
        minimize(self, lambda: self.compute_loss(x, y, training=True))
        return self.get_metrics_result()

    def test_step(self, data):
        x, y = _without_weights(data)
        self.compute_loss(x, y, training=False)
        return self.get_metrics_result()

    def settings(self) -> dict[str, Any]:
        """Return the arguments of the constructor without parts and name.

        Returns:
            Dict from the names of the arguments to their values.
        """
        return {name: getattr(self, name) for name in self._config_names}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, serialized.

        The backbone is saved as its parts, whatever it was given as: they
        know which of their layers are fixed.
        """
        serialize = keras.saving.serialize_keras_object
        config = {name: serialize(x) for name, x in self.settings().items()}
        parts = [serialize(part) for part in self.parts]
        return {**config, "backbone": parts, "name": self.name}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict | None = None
    ) -> Self:
        """Create a model from the result of `get_config`."""
        config = keras.saving.deserialize_keras_object(config, custom_objects)
        return cls(**{**config, "backbone": Parts(*config["backbone"])})


def _without_weights(data):
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    if weights is not None:
        raise ValueError(
            "`sample_weight` must be None, since a detector samples the "
            f"regions that it learns from. Received: sample_weight={weights!r}"
        )
    return require_examples(x), y
