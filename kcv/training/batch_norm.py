"""Statistics of batch normalization for the final weights."""

from collections.abc import Iterable

import keras

#: Momentum for training from random weights: Keras's default of 0.99 adapts too
#: slowly for runs of a few thousand steps.
QUICK_MOMENTUM = 0.97


def recompute_batch_norm(model: keras.Model, batches: Iterable) -> None:
    """Replace moving averages by averages over a dataset.

    During training the weights change while the moving averages follow them.
    SegNet and DeconvNet therefore compute the statistics again when the weights
    are final.

    Args:
        model: Model with layers of batch normalization. Their momentum is left
            unchanged.
        batches: Batches of images (B, H, W, 3) in the form that the model
            takes.

    Raises:
        ValueError: If there is no batch.

    Example:

    ```python
    recompute_batch_norm(model, train.take(100).map(lambda x, y: x))
    ```
    """
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    count = 0
    try:
        for batch in batches:
            # This momentum gives all batches the same weight.
            for layer in layers:
                layer.momentum = count / (count + 1)
            model(batch, training=True)
            count += 1
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    if not count:
        raise ValueError("`batches` must have one batch at least. Received: 0")
