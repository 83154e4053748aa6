"""A classifier that trains with auxiliary heads (Szegedy et al., 2014)."""

import keras


@keras.saving.register_keras_serializable("kcv")
class AuxiliaryClassifier(keras.Model):
    """Train with every head, answer with the main one.

    A functional model of several classifiers: `AuxiliaryClassifier(images,
    [main, first, second])`. In training the loss is

        loss(main) + auxiliary_weight * (loss(first) + loss(second))

    and all else sees the main output alone: metrics, `evaluate` and its loss,
    `predict`, `export`. `fit` takes images and labels as any classifier's.
    `compile` without a loss takes the cross entropy with integer labels.

    The weight of the auxiliary losses is the class's attribute
    `auxiliary_weight`, the paper's 0.3.

    Example:

    >>> image = keras.Input((4,))
    >>> hidden = keras.layers.Dense(3)(image)
    >>> early = keras.layers.Softmax()(hidden)
    >>> late = keras.layers.Softmax()(keras.layers.Dense(3)(hidden))
    >>> model = AuxiliaryClassifier(image, [late, early])
    >>> model.compile("sgd")
    >>> model(keras.ops.zeros((2, 4))).shape
    TensorShape([2, 3])
    """

    auxiliary_weight = 0.3

    def compile(self, optimizer="rmsprop", loss=None, **kwargs):
        if loss is None:
            # Logits come from a dense layer, probabilities from one behind.
            last = self.get_layer(self.output_names[0])
            loss = keras.losses.SparseCategoricalCrossentropy(
                from_logits=isinstance(last, keras.layers.Dense)
            )
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

    def compile_from_config(self, config):
        # Keras leaves this to whoever overrides `compile`.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        return outputs if training else outputs[0]

    def compute_output_spec(self, inputs, training=None, mask=None):
        outputs = super().compute_output_spec(
            inputs, training=training, mask=mask
        )
        return outputs if training else outputs[0]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        main, *heads = y_pred if training else [y_pred]
        loss = super().compute_loss(x, y, main, sample_weight, training)
        penalties = sum(self.losses)  # counted once, with the main output
        for head in heads:
            penalized = super().compute_loss(
                x, y, head, sample_weight, training
            )
            loss += self.auxiliary_weight * (penalized - penalties)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        main = y_pred[0] if isinstance(y_pred, list) else y_pred
        return super().compute_metrics(x, y, main, sample_weight)
