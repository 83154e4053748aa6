"""The training step of detectors that learn from a sample of regions."""

import keras
import tensorflow as tf


class SampledTraining(keras.Model):
    """Train by `compute_loss(x, y)` alone, without the graph that predicts.

    What such a detector learns from is sampled against the ground truth, and
    is not what it finds: the step of `keras.Model` would run both.
    """

    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, training=True) / replicas
            loss = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self.get_metrics_result()

    def test_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.compute_loss(x, y, training=False)
        return self.get_metrics_result()
