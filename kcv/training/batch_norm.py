"""Statistics of batch normalisation that belong to the final weights."""

from collections.abc import Iterable

import keras

#: Momentum for training from random weights: Keras's default of 0.99 adapts too
#: slowly for runs of a few thousand steps.
QUICK_MOMENTUM = 0.97


def recompute_batch_norm(model: keras.Model, batches: Iterable) -> None:
    """Replace the moving averages by averages over a set.

    In training the weights change while the averages move after them; SegNet
    and DeconvNet measure them anew when the weights are final.

    Args:
        model: with layers of batch normalisation, which keep their momentum.
        batches: images (B, H, W, 3), as the model is called with.

    Raises:
        ValueError: if there is no batch.

    Example:

    ```python
    recompute_batch_norm(model, train.take(100).map(lambda x, y: x))
    ```
    """
    layers = [
        layer
        for layer in model._flatten_layers()  # noqa: SLF001
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    count = 0
    try:
        for batch in batches:
            # So that all batches count alike.
            for layer in layers:
                layer.momentum = count / (count + 1)
            model(batch, training=True)
            count += 1
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    if not count:
        raise ValueError("batches must have one batch at least. Received: none")
