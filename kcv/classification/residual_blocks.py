"""The residual blocks of ResNets (He et al., arXiv:1512.03385, 2015).

Padding stands in layers of its own: "same" padding of a strided convolution
pads the bottom and right only, where the paper's networks pad all sides.
"""

import keras

from kcv.layers import IdentityShortcut
from kcv.layers import SymmetricPadding2D

_PADDINGS = {
    "zeros": keras.layers.ZeroPadding2D,
    "symmetric": SymmetricPadding2D,
}


def basic_block(
    x: keras.KerasTensor,
    filters: int,
    stride: int = 1,
    name: str = "2a",
    shortcut: str | None = "B",
    frozen_batch_norm: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply a residual block of two 3x3 convolutions.

    Args:
        x: Maps (B, height, width, channels).
        filters: Number of channels of the block's output.
        stride: Stride of the first convolution and of the projection. Defaults
            to 1.
        name: Stage and block. Defaults to "2a".
        shortcut: Shortcuts past the blocks: "B" with a projection where the
            shape changes (the released networks), "A" with zeros there and no
            parameters, "C" with a projection at every block, or None for the
            paper's plain network. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        padding: Border of the maps before 3x3 and 7x7 convolutions: "zeros", or
            "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        Maps (B, ceil(height / stride), ceil(width / stride), filters).

    Example:

    >>> basic_block(keras.Input((8, 8, 64)), 128, stride=2, name="3a").shape
    (None, 4, 4, 128)
    """
    past = _shortcut(x, filters, stride, name, shortcut, frozen_batch_norm)
    for branch, branch_stride in (("2a", stride), ("2b", 1)):
        address = f"{name}_branch{branch}"
        x = convolution(
            x, filters, 3, branch_stride, f"res{address}", padding=padding
        )
        x = batch_norm(x, f"bn{address}", frozen_batch_norm)
        if branch == "2a":
            x = keras.layers.ReLU(name=f"res{address}_relu")(x)
    return _merge(x, past, name)


def bottleneck_block(
    x: keras.KerasTensor,
    filters: int,
    stride: int = 1,
    name: str = "2a",
    stride_in: str = "1x1",
    shortcut: str | None = "B",
    frozen_batch_norm: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply a residual block of a 1x1, a 3x3 and a widening 1x1 convolution.

    Args:
        x: Maps (B, height, width, channels).
        filters: Number of channels of the first two convolutions. The output
            has four times as many.
        stride: Stride of the projection and of the convolution that `stride_in`
            selects. Defaults to 1.
        name: Stage and block. Defaults to "2a".
        stride_in: The convolution that has the stride: "1x1", the first one, or
            "3x3". Defaults to "1x1".
        shortcut: Shortcuts past the blocks: "B" with a projection where the
            shape changes (the released networks), "A" with zeros there and no
            parameters, "C" with a projection at every block, or None for the
            paper's plain network. Defaults to "B".
        frozen_batch_norm: Whether batch normalization is constant: neither its
            scale and shift nor its statistics train. For fine-tuning with few
            images per step. Defaults to False.
        padding: Border of the maps before 3x3 and 7x7 convolutions: "zeros", or
            "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        Maps (B, ceil(height / stride), ceil(width / stride), 4 * filters).

    Example:

    >>> bottleneck_block(keras.Input((8, 8, 256)), 64).shape
    (None, 8, 8, 256)
    """
    past = _shortcut(x, 4 * filters, stride, name, shortcut, frozen_batch_norm)
    for branch, width, size, branch_stride in (
        ("2a", filters, 1, stride if stride_in == "1x1" else 1),
        ("2b", filters, 3, stride if stride_in == "3x3" else 1),
        ("2c", 4 * filters, 1, 1),
    ):
        address = f"{name}_branch{branch}"
        x = convolution(
            x, width, size, branch_stride, f"res{address}", padding=padding
        )
        x = batch_norm(x, f"bn{address}", frozen_batch_norm)
        if branch != "2c":
            x = keras.layers.ReLU(name=f"res{address}_relu")(x)
    return _merge(x, past, name)


def convolution(
    x: keras.KerasTensor,
    filters: int,
    size: int,
    stride: int,
    name: str,
    use_bias: bool = False,
    padding: str = "zeros",
) -> keras.KerasTensor:
    """Apply a convolution in front of a batch normalization.

    Args:
        x: Maps (B, height, width, channels).
        filters: Number of channels of the output.
        size: Side of the filters. Those of more than one pixel are padded on
            all sides.
        stride: Stride of the convolution.
        name: Name of the layer. The padding before it is `<name>_pad`.
        use_bias: Whether there is a bias, which normalization has one for.
            Defaults to False.
        padding: Border of the maps before 3x3 and 7x7 convolutions: "zeros", or
            "symmetric" for their own reflection, see
            `kcv.layers.SymmetricPadding2D`. Defaults to "zeros".

    Returns:
        Maps with that many filters, before normalization.

    Raises:
        ValueError: If `padding` is unknown.
    """
    if padding not in _PADDINGS:
        raise ValueError(
            f"`padding` must be one of {[*_PADDINGS]}. Received: "
            f"padding={padding!r}"
        )
    # "same" padding of stride 1 is the same as zeros on all sides.
    is_same = size == 3 and stride == 1 and padding == "zeros"
    if size > 1 and not is_same:
        pad = _PADDINGS[padding]
        x = pad(size // 2, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        size,
        stride,
        padding="same" if is_same else "valid",
        use_bias=use_bias,
        # MSRA: N(0, 2 / fan_out) keeps the gradients' variance.
        kernel_initializer=keras.initializers.VarianceScaling(
            2.0, "fan_out", "untruncated_normal"
        ),
        name=name,
    )(x)


def batch_norm(
    x: keras.KerasTensor, name: str, frozen: bool
) -> keras.KerasTensor:
    """Apply the batch normalization of the ResNets.

    Args:
        x: Maps (B, height, width, channels).
        name: Name of the layer.
        frozen: Whether neither scale and shift nor statistics train.

    Returns:
        Maps of the same shape.
    """
    return keras.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, trainable=not frozen, name=name
    )(x)


def _shortcut(x, filters, stride, name, option, frozen_batch_norm):
    """Add the shortcut past a block, the input itself if shapes agree."""
    if option not in ("A", "B", "C", None):
        raise ValueError(
            '`shortcut` must be "A", "B", "C" or None. Received: '
            f"shortcut={option!r}"
        )
    if option is None:
        return None
    if option != "C" and stride == 1 and x.shape[-1] == filters:
        return x
    if option == "A":
        return IdentityShortcut(filters, stride, name=f"res{name}_branch1")(x)
    x = convolution(x, filters, 1, stride, f"res{name}_branch1")
    return batch_norm(x, f"bn{name}_branch1", frozen_batch_norm)


def _merge(x, past, name):
    if past is not None:
        x = keras.layers.Add(name=f"res{name}")([past, x])
    return keras.layers.ReLU(name=f"res{name}_relu")(x)
