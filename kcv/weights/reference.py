"""The names that the reference networks give their layers.

Caffe's VGG: conv1_1 ... conv5_3, fc6, fc7, fc8. He's ResNets: conv1,
bn_conv1, res2a_branch2a, bn2a_branch2a, ..., fc1000.
"""

from collections.abc import Sequence
from typing import Any


def residual_block_name(stage: int, block: int, blocks: Sequence[int]) -> str:
    """Name a residual block as He's released networks do.

    Blocks have letters, but where a network has a long stage (ResNet-101 and
    152) its stages 3 and 4 count: res4a, res4b1, ..., res4b22.

    Args:
        stage: 2 to 5.
        block: From 0.
        blocks: Number of blocks in the stages 2, 3, 4, 5.

    Returns:
        The stage and block, such as "3a" or "4b22".

    Example:

    >>> residual_block_name(4, 5, (3, 4, 6, 3))
    '4f'
    >>> residual_block_name(4, 5, (3, 4, 23, 3))
    '4b5'
    """
    counts = blocks[2] > 6 and stage in (3, 4)
    if counts and block > 0:
        return f"{stage}b{block}"
    return f"{stage}{chr(ord('a') + block)}"


def name_variables(arrays: Sequence[Any]) -> dict[str, Any]:
    """Name the arrays that Keras saves in order, by their number.

    Args:
        arrays: The arrays of a layer in the order of `layer.get_weights()`.

    Returns:
        The arrays by the names that Keras gives the variables of a
        convolution, dense layer or batch normalization; by their places for
        any other layer.
    """
    names = {
        1: ("kernel",),
        2: ("kernel", "bias"),
        4: ("gamma", "beta", "moving_mean", "moving_variance"),
    }.get(len(arrays), map(str, range(len(arrays))))
    return dict(zip(names, arrays, strict=True))
