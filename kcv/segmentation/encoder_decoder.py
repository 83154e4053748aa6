"""Encoders that pool with switches, and decoders that unpool by them."""

import logging
import os
import re
from collections.abc import Callable
from collections.abc import Sequence
from typing import TypeAlias

import keras

from kcv.layers import BatchNormalization
from kcv.layers import MaxPoolWithSwitches
from kcv.layers import MaxUnpool
from kcv.weights import load_trained
from kcv.weights import load_weights
from kcv.weights.trained import is_trained

#: Convolutions and filters of the blocks of VGG-16.
VGG16_BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))

_LOG = logging.getLogger(__name__)

# Layers of a classifier that these networks do not have, and names of all
# layers that a classifier does not have.
_CLASSIFIER = ("fc8", "predictions")
_BEHIND_ENCODER = r"(?!conv\d+_\d+$)"

Tensor: TypeAlias = keras.KerasTensor
Convolution = Callable[[Tensor, int, str], Tensor]  # x, filters, name
# x, number of the block, what its pooling was given, and its switches
Enlargement = Callable[[Tensor, int, Tensor, Tensor], Tensor]
Block = Callable[[Tensor, int], Tensor]  # x, number of the block


def _keep(x, block):
    return x


def encode(
    x: Tensor,
    blocks: Sequence[tuple[int, int]],
    convolution: Convolution,
    after: Block = _keep,
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """Apply blocks of convolutions, and pool behind each.

    Args:
        x: Maps (B, H, W, C).
        blocks: Number of convolutions and of filters of each block.
        convolution: Function that applies a convolution to maps, with a number
            of filters and a name, conv<block>_<number>.
        after: Function that is applied to the pooled maps of each block.
            Defaults to none.

    Returns:
        The last pooled maps, and for each block the maps that were pooled and
        the switches. Poolings round sizes up.
    """
    pooled = []
    for block, (count, filters) in enumerate(blocks, start=1):
        for number in range(1, count + 1):
            x = convolution(x, filters, f"conv{block}_{number}")
        before = x
        x, switches = MaxPoolWithSwitches(name=f"pool{block}")(x)
        pooled.append((before, switches))
        x = after(x, block)
    return x, pooled


def unpool(x: Tensor, block: int, before: Tensor, switches: Tensor) -> Tensor:
    """Put values back where the maxima of a block's pooling were.

    Args:
        x: Maps (B, H / 2, W / 2, C) to enlarge.
        block: Number of the block, for the name of the layer.
        before: Maps (B, H, W, C) before the pooling, which give the size.
        switches: Positions (B, H / 2, W / 2, C) of the maxima.

    Returns:
        Maps (B, H, W, C), zero where no maximum was.
    """
    return MaxUnpool(name=f"upsample{block}")([x, switches, before])


def decode(
    x: Tensor,
    pooled: Sequence[tuple[Tensor, Tensor]],
    blocks: Sequence[tuple[int, int]],
    convolution: Convolution,
    name: str,
    leave_out: int = 0,
    enlarge: Enlargement = unpool,
    after: Block = _keep,
) -> Tensor:
    """Enlarge maps and convolve them, from the last block to the first.

    The last convolution of a block has the filters of the block before it.

    Args:
        x: Maps (B, h, w, C), of the size of the last pooled maps.
        pooled: Pooled maps (B, h, w, C) and switches of each block, from
            `encode`.
        blocks: The `blocks` that `encode` was given.
        convolution: Function that applies a convolution, as in `encode`.
        name: Name of the convolutions, with {block} and {number}.
        leave_out: Number of convolutions at the end that are not applied.
            Defaults to 0.
        enlarge: Function that enlarges maps to the size that a pooling was
            given. Defaults to `unpool`.
        after: Function that is applied to the last maps of each block. By
            default they are not changed.

    Returns:
        Maps (B, H, W, C), of the size that `encode` was given.
    """
    for block in range(len(blocks), 0, -1):
        count, filters = blocks[block - 1]
        before, switches = pooled[block - 1]
        x = enlarge(x, block, before, switches)
        for number in range(count, 0 if block > 1 else leave_out, -1):
            if number == 1 and block > 1:
                filters = blocks[block - 2][1]
            x = convolution(x, filters, name.format(block=block, number=number))
        x = after(x, block)
    return x


def normalize(
    x: Tensor, layer: keras.layers.Layer, relu: bool = True
) -> Tensor:
    """Apply a layer, batch normalization and optionally ReLU.

    The authors of SegNet and DeconvNet add 1e-9 to a variance, and begin with
    a shift of 0.001. Here these are 1e-5, the minimum of GPU kernels, and
    0. A map of variance 1 differs by 5 millionths. The momentum of 0.9 is
    kcv's: the authors have no moving averages.

    Args:
        x: Maps (B, H, W, C).
        layer: Layer to apply. The names of the others are its name with "_bn"
            and "_relu".
        relu: Whether to apply ReLU. Defaults to True.

    Returns:
        Maps (B, H', W', C') of the last layer.
    """
    x = layer(x)
    x = BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{layer.name}_bn")(
        x
    )
    if relu:
        x = keras.layers.ReLU(name=f"{layer.name}_relu")(x)
    return x


def load_pretrained(
    model: keras.Model, weights: str | os.PathLike, scores: str
) -> None:
    """Load a trained network of this family, or the encoder of a VGG-16.

    Of a classifier, the convolutions are loaded, and fc6 and fc7 if the model
    has them. Of a trained network, everything is. If it has another number of
    classes, the layer of the scores keeps its values, and a warning says so.

    Args:
        model: Model with layers conv<block>_<number>.
        weights: "imagenet" or the path of a file that
            `kcv.weights.load_weights` reads.
        scores: Name of the layer that scores the classes.

    Raises:
        FileNotFoundError: If `weights` is a file that does not exist.
        ValueError: If there are no weights for a convolution, or a trained
            network has more or other layers.
    """
    if is_trained(weights):
        load_trained(model, weights, _BEHIND_ENCODER, {scores: 0})
        return
    report = load_weights(
        model, weights, strict=False, skip=_CLASSIFIER, skip_mismatch=scores
    )
    missing, left_over = [*report.missing], [*report.left_over]
    known = (*report.matched, *(each.target for each in report.mismatched))
    if all(re.match(r"(conv\d+_\d+|fc\d)(_bn)?/", name) for name in known):
        missing = [name for name in missing if re.match(r"conv\d_\d/", name)]
        left_over = []
    if missing or left_over:
        raise ValueError(
            f"weights={str(weights)!r} are of another network.\n{report}"
        )
    if report.mismatched:
        _LOG.warning(
            "%s: weights=%r have no %s of %s classes, which keeps its initial "
            "values.",
            model.name,
            str(weights),
            scores,
            model.output_shape[-1],
        )
