"""Down by pooling with switches and up again, as in SegNet and DeconvNet."""

import os
import re
from collections.abc import Callable
from collections.abc import Sequence

import keras

from kcv.layers import BatchNormalization
from kcv.layers import MaxPoolWithSwitches
from kcv.layers import MaxUnpool
from kcv.weights import load_weights

#: Convolutions and filters of the blocks of VGG-16.
VGG16_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))

# Layers of a classifier that have no place here.
_CLASSIFIER = ("fc8", "predictions")

Tensor = keras.KerasTensor
Convolution = Callable[[Tensor, int, str], Tensor]  # x, filters, name
# x, number of the block, what its pooling was given, and its switches
Enlargement = Callable[[Tensor, int, Tensor, Tensor], Tensor]


def encode(
    x: Tensor, blocks: Sequence[tuple[int, int]], convolution: Convolution
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Apply blocks of convolutions, and pool behind each.

    Args:
        x: maps (B, H, W, C).
        blocks: number of convolutions and filters of each.
        convolution: applies one, named conv<block>_<number>.

    Returns:
        What the last pooling gives, and for each block what was pooled and
        the switches. Poolings round sizes up.
    """
    pooled = []
    for block, (count, filters) in enumerate(blocks, start=1):
        for number in range(1, count + 1):
            x = convolution(x, filters, f"conv{block}_{number}")
        before = x
        x, switches = MaxPoolWithSwitches(name=f"pool{block}")(x)
        pooled.append((before, switches))
    return x, pooled


def unpool(x: Tensor, block: int, before: Tensor, switches: Tensor) -> Tensor:
    """Put maps back to where the maxima of a block's pooling were."""
    return MaxUnpool(name=f"upsample{block}")([x, switches, before])


def decode(
    x: Tensor,
    pooled: Sequence[tuple[Tensor, Tensor]],
    blocks: Sequence[tuple[int, int]],
    convolution: Convolution,
    name: str,
    leave_out: int = 0,
    enlarge: Enlargement = unpool,
) -> Tensor:
    """Enlarge what `encode` has pooled, and convolve, from last to first.

    The last convolution of a block has the filters of the block before it.

    Args:
        x: maps like those that `encode` has given.
        pooled: of `encode`.
        blocks: of `encode`.
        convolution: applies one.
        name: of the convolutions, with {block} and {number}.
        leave_out: how many convolutions at the very end are not applied.
        enlarge: brings maps to the size that a pooling was given.

    Returns:
        Maps of the size that `encode` was given.
    """
    for block in range(len(blocks), 0, -1):
        count, filters = blocks[block - 1]
        before, switches = pooled[block - 1]
        x = enlarge(x, block, before, switches)
        for number in range(count, 0 if block > 1 else leave_out, -1):
            if number == 1 and block > 1:
                filters = blocks[block - 2][1]
            x = convolution(x, filters, name.format(block=block, number=number))
    return x


def normalize(x: Tensor, layer: keras.layers.Layer, relu: bool = True):
    """Apply a layer, batch normalization <name>_bn and ReLU <name>_relu."""
    x = layer(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{layer.name}_bn")(
        x
    )
    if relu:
        x = keras.layers.ReLU(name=f"{layer.name}_relu")(x)
    return x


def load_encoder(model: keras.Model, weights: str | os.PathLike) -> None:
    """Take the convolutions of VGG-16 over; fc6 and fc7 too, if there are any.

    Args:
        model: of layers conv<block>_<number>.
        weights: "imagenet" or a file, as for `kcv.weights.load_weights`.

    Raises:
        FileNotFoundError: if `weights` is a file that does not exist.
        ValueError: if a convolution finds no weights.
    """
    report = load_weights(model, weights, strict=False, skip=_CLASSIFIER)
    missing = [name for name in report.missing if re.match(r"conv\d_\d/", name)]
    if missing:
        raise ValueError(
            f"weights={str(weights)!r} are of another network.\n{report}"
        )
