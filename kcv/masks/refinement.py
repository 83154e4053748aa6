"""The refinement modules of SharpMask (Pinheiro et al. 2016, section 3.2).

Shapes: N patches, V features of a patch, c x c cells of a patch, K channels of
the coarsest mask encoding, C channels of a level of the trunk. Module number i
has maps of c * 2^(i - 1) rows and columns.
"""

from collections.abc import Sequence

import keras

from kcv.layers import Interpolation2D
from kcv.layers import SymmetricPadding2D

# Filters of the first horizontal convolution, and of that of the last module.
_FIRST, _FIRST_OF_LAST = 64, 32


def horizontal_model(filters: Sequence[int], channels: int = 32) -> keras.Model:
    """Build the horizontal convolutions, which reduce the levels of the trunk.

    Three 3x3 convolutions per level, h1_1, h1_2, h1_3, h2_1 and so on. The
    first one has 64 filters, 32 at the finest level, the second as many as the
    mask encoding has channels there, the third half of them.

    Args:
        filters: Channels of the levels of the trunk, the coarsest first.
        channels: Channels K of the coarsest mask encoding. Every module halves
            them. Defaults to 32.

    Returns:
        Model from the levels, the coarsest first, to a list of maps of the
        same sizes.

    Example:

    >>> model = horizontal_model((1024, 512, 256, 64))
    >>> model.count_params()
    1090466
    """
    inputs, outputs = [], []
    for number, size in enumerate(filters, start=1):
        x = keras.Input((None, None, size), name=f"level{number}")
        inputs.append(x)
        own = channels // 2 ** (number - 1)
        first = _FIRST_OF_LAST if number == len(filters) else _FIRST
        x = _conv(x, first, f"h{number}_1", "relu")
        x = _conv(x, own, f"h{number}_2", "relu")
        outputs.append(_conv(x, own // 2, f"h{number}_3"))
    return keras.Model(inputs, outputs, name="horizontal")


def vertical_model(
    vector: int,
    cells: int,
    modules: int = 4,
    channels: int = 32,
    upsampling: str = "nearest",
) -> keras.Model:
    """Build the vertical path, which refines a mask from module to module.

    M1 makes a mask encoding of the features of a patch. A module adds its two
    convolutions, v1_1 and v1_2 and so on, to its horizontal maps, and doubles
    the size. The sum is the paper's convolution of the concatenation.

    Args:
        vector: Number V of features of a patch.
        cells: Rows and columns c of the coarsest mask encoding.
        modules: Number of refinement modules. Defaults to 4.
        channels: Channels K of the coarsest mask encoding. Every module halves
            them. Defaults to 32.
        upsampling: "nearest", as in the authors' code, or "bilinear", as in
            the paper. Defaults to "nearest".

    Returns:
        Model from `[vectors, maps_1, maps_2, ...]`, vectors (N, V) and the
        windows of the horizontal maps, the coarsest first, to logits (N,
        c * 2^modules, c * 2^modules, 1).

    Example:

    >>> model = vertical_model(512, 10)
    >>> model.output_shape, model.count_params()
    ((None, 160, 160, 1), 1660069)
    """
    vectors = keras.Input((vector,), name="vectors")
    inputs = [vectors]
    x = keras.layers.Dense(channels * cells**2, name="M1")(vectors)
    # The units are in Torch's order: channel, row, column.
    x = keras.layers.Reshape((channels, cells, cells), name="M1_maps")(x)
    x = keras.layers.Permute((2, 3, 1), name="M1_last")(x)
    for number in range(1, modules + 1):
        side, own = cells * 2 ** (number - 1), channels // 2 ** (number - 1)
        maps = keras.Input((side, side, own // 2), name=f"maps{number}")
        inputs.append(maps)
        x = _conv(x, own, f"v{number}_1", "relu")
        # Most pixels are background. Without a positive bias the first updates
        # push the two channels of the last module below zero, for all pixels,
        # where no gradient reaches them. The authors' code has Torch's bias.
        x = _conv(x, own // 2, f"v{number}_2", bias="ones")
        x = keras.layers.Add(name=f"sum{number}")([x, maps])
        x = keras.layers.ReLU(name=f"relu{number}")(x)
        x = Interpolation2D(2, upsampling, name=f"M{number + 1}")(x)
    return keras.Model(inputs, _conv(x, 1, "final"), name="vertical")


def _conv(x, filters, name, activation=None, bias="zeros"):
    x = SymmetricPadding2D(1, name=f"{name}_pad")(x)
    return keras.layers.Conv2D(
        filters,
        3,
        activation=activation,
        kernel_initializer="he_normal",
        bias_initializer=bias,
        name=name,
    )(x)
