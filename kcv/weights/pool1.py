"""Refuse weights of a ResNet whose first pooling has another border.

He's networks pool without a border and round the size up, as Caffe does. Those
of torchvision and keras.applications have one zero on every side, so that every
window stands one row and column earlier. The weights of either fit the other in
every shape, and the outputs are wrong.
"""

import keras

from kcv.weights.layers import leaves

_BORDERS = {"padded": ((1, 1), (1, 1)), "ceil": ((0, 1), (0, 1))}


def require_pool1(model: keras.Model, pool1: str, source: str) -> None:
    """Raise if the first pooling of a ResNet has the border of the other kind.

    Args:
        model: A model. One without the layers of a ResNet's pool1 passes.
        pool1: "padded" or "ceil", the pooling of the source.
        source: Source of the weights, for the error.

    Raises:
        ValueError: If the model has the other pooling.
    """
    layers = {layer.name: layer for layer in leaves(model)}
    if "bn_conv1" not in layers or "pool1_pad" not in layers:
        return
    other = {"padded": "ceil", "ceil": "padded"}[pool1]
    if layers["pool1_pad"].padding == _BORDERS[other]:
        raise ValueError(
            f"{source} is of a ResNet with {pool1!r} pooling behind conv1, the "
            f"model {model.name!r} has {other!r} pooling: build it with "
            f'pool1="{pool1}".'
        )
