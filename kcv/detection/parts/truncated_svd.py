"""Fewer parameters for dense layers (Girshick 2015, section 3.1)."""

import keras
import numpy as np

from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.parts.parts import Parts
from kcv.detection.parts.parts import copy_parts


def truncated_svd(
    model: SampledTraining, fc6: int = 1024, fc7: int = 256
) -> SampledTraining:
    """Factorize fc6 and fc7 into two layers each, with few units in between.

    A kernel W (v, u) = A diag(s) B is truncated to its t largest singular
    values: fc6_L is A (v, t) without a bias, and fc6_U is diag(s) B (t, u)
    with the old bias. The v * u parameters become t * (v + u), which makes the
    head faster on the 2000 regions of an image. The defaults are the paper's
    numbers for VGG-16.

    Args:
        model: A trained `FastRCNN` or `FasterRCNN`. It is not changed.
        fc6: Number t of singular values of the layer fc6. Defaults to 1024.
        fc7: Number t of singular values of the layer fc7. Defaults to 256.

    Returns:
        A model of the same class that shares no variable with `model`.

    Raises:
        ValueError: If the head lacks such a layer, or a layer has fewer
            singular values.

    Example:

    ```python
    small = kcv.detection.truncated_svd(model)
    small.save("fast_rcnn_svd.keras")
    ```
    """
    parts = copy_parts(model.parts)
    head = _compressed(parts.head, {"fc6": fc6, "fc7": fc7})
    compressed = type(model)(
        backbone=Parts(parts.preprocessing, parts.trunk, head),
        name=model.name,
        **model.settings(),
    )
    # The shapes and the order of the other layers are the same.
    old, new = model.head, compressed.head
    new.cls_score.set_weights(old.cls_score.get_weights())
    new.bbox_pred.set_weights(old.bbox_pred.get_weights())
    if hasattr(model, "rpn"):
        compressed.rpn.set_weights(model.rpn.get_weights())
    return compressed


def _compressed(head, ranks):
    there = [layer.name for layer in head.layers]
    missing = [name for name in ranks if name not in there]
    if missing:
        raise ValueError(
            f"`model` must have a head with layers {', '.join(ranks)}. "
            f"Received: a head of {there}"
        )
    x = regions = keras.Input(head.input_shape[1:], name="regions")
    for layer in head.layers[1:]:
        if layer.name in ranks:
            x = _divided(layer, ranks[layer.name], x)
        else:
            x = layer(x)
    return keras.Model(regions, x, name=head.name)


def _divided(layer, count, x):
    kernel = layer.kernel.numpy()
    most = min(kernel.shape)
    if not 1 <= count <= most:
        raise ValueError(
            f"`{layer.name}` must be from 1 to {most}, the number of singular "
            f"values of the layer. Received: {layer.name}={count}"
        )
    # In float64, since the smallest of 4096 values are as small as the
    # rounding errors of float32.
    left, values, right = np.linalg.svd(
        kernel.astype("float64"), full_matrices=False
    )
    lower = keras.layers.Dense(
        count, use_bias=False, dtype=layer.dtype_policy, name=f"{layer.name}_L"
    )
    upper = keras.layers.Dense(
        layer.units,
        activation=layer.activation,
        use_bias=layer.use_bias,
        dtype=layer.dtype_policy,
        name=f"{layer.name}_U",
    )
    x = upper(lower(x))
    lower.set_weights([left[:, :count]])
    upper.kernel.assign(values[:count, None] * right[:count])
    if layer.use_bias:
        upper.bias.assign(layer.bias)
    return x
