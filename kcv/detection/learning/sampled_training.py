"""What detectors that learn from a sample of regions have in common."""

import inspect

import keras
import tensorflow as tf

from kcv.detection.parts.backbones import Parts
from kcv.training.replicas import divide_by_replicas


class SampledTraining(keras.Model):
    """Train by `compute_loss(x, y)` alone, without the graph that predicts.

    What such a detector learns from is sampled against the ground truth, and
    is not what it finds: the step of `keras.Model` would run both.

    A detector is made of `parts`, and has an attribute for every other
    argument of its constructor: it is saved and loaded by these.
    """

    def track_losses(self, *names):
        """Show these losses and their sum, `loss`, as metrics."""
        self.loss_trackers = {
            name: keras.metrics.Mean(name=name) for name in ("loss", *names)
        }

    def record_losses(self, values, batch):
        """Add the losses of a batch to the metrics, and return their sum."""
        values = {**values, "loss": sum(values.values())}
        for name, value in values.items():
            self.loss_trackers[name].update_state(value, sample_weight=batch)
        return values["loss"]

    @property
    def metrics(self):
        return list(self.loss_trackers.values())

    def compute_output_spec(self, inputs, *args, **kwargs):
        # As a layer of another model, where images may come alone: the graph
        # by itself would miss their sizes.
        return {
            name: keras.KerasTensor(x.shape, x.dtype)
            for name, x in self.output.items()
        }

    def train_step(self, data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        if weights is not None:
            raise ValueError(
                "sample_weight is not for a detector, which samples its "
                "regions. Received: one in fit"
            )
        if self.loss is not None:
            raise ValueError(
                f"{type(self).__name__} has losses of its own: compile it "
                f"without. Received: loss={self.loss!r}"
            )
        with tf.GradientTape() as tape:
            loss = divide_by_replicas(self.compute_loss(x, y, training=True))
            loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self.get_metrics_result()

    def test_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.compute_loss(x, y, training=False)
        return self.get_metrics_result()

    def get_config(self):
        # The parts, not their name: they know which layers are fixed.
        parts = [keras.saving.serialize_keras_object(x) for x in self.parts]
        return {**self.settings(), "backbone": parts, "name": self.name}

    def settings(self):
        """Give what another detector is to be told besides its parts."""
        arguments = inspect.signature(type(self).__init__).parameters
        others = ("self", "backbone", "weights", "frozen_batch_norm", "name")
        return {
            name: getattr(self, name)
            for name in arguments
            if name not in others
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = (
            keras.saving.deserialize_keras_object(part, custom_objects)
            for part in config["backbone"]
        )
        return cls(**{**config, "backbone": Parts(*parts)})
