"""A classifier that trains with auxiliary heads (Szegedy et al., 2014)."""

import keras

from kcv.training.image_model import ImageModel


@keras.saving.register_keras_serializable("kcv")
class AuxiliaryOutput(keras.layers.Layer):
    """Mark an output as that of an auxiliary head, and pass it unchanged.

    Args:
        loss_weight: Weight of the head's loss. Float.
        **kwargs: Options of `keras.layers.Layer`.
    """

    def __init__(self, loss_weight: float, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.loss_weight = loss_weight

    def call(self, x):
        return x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "loss_weight": self.loss_weight}


@keras.saving.register_keras_serializable("kcv")
class AuxiliaryClassifier(ImageModel):
    """Train with every head, answer with the main one.

    A functional model of several classifiers: `AuxiliaryClassifier(images,
    [main, first, second])`. In training the loss is

        loss(main) + auxiliary_weight * (loss(first) + loss(second))

    and all else sees the main output alone: metrics, `evaluate` and its loss,
    `predict`, `export`. `fit` takes images and labels as any classifier's.
    `compile` without a loss takes the cross entropy with integer labels.

    Args:
        *args: Arguments of `keras.Model`: inputs, and a list of outputs whose
            first is the main one.
        auxiliary_weight: Weight of the loss of each auxiliary head. Float.
            Defaults to 0.3, the paper's.
        **kwargs: Options of `keras.Model`.

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

    def __init__(self, *args, auxiliary_weight: float = 0.3, **kwargs):
        # Copies of the model are built from outputs that have their weights.
        names = ("inputs", "outputs")
        kwargs |= dict(zip(names, args, strict=False))
        main, *heads = kwargs["outputs"]
        heads = [_weigh(head, auxiliary_weight) for head in heads]
        super().__init__(**{**kwargs, "outputs": [main, *heads]})
        self.head_weights = [
            self.get_layer(name).loss_weight for name in self.output_names[1:]
        ]

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

    @property
    def is_scaled(self) -> bool:
        return any(layer.name == "preprocessing" for layer in self.layers)

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
        # No heads outside of training.
        for head, weight in zip(heads, self.head_weights, strict=False):
            penalized = super().compute_loss(
                x, y, head, sample_weight, training
            )
            loss += weight * (penalized - penalties)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        main = y_pred[0] if isinstance(y_pred, list) else y_pred
        return super().compute_metrics(x, y, main, sample_weight)


def _weigh(head, weight):
    producer = head._keras_history.operation
    if isinstance(producer, AuxiliaryOutput):
        return head
    return AuxiliaryOutput(weight, name=f"{producer.name}_weighted")(head)
