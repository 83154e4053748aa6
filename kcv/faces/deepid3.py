"""DeepID3 (Sun, Liang, Wang and Tang, arXiv:1502.00873, 2015): two networks.

Stages of convolutions are pooled, and each pooling layer has a feature if the
objective uses every level. Layers are conv1_1, conv1_2, pool1, ..., and
inception_3a, ... in the second network.
"""

import os
from collections.abc import Sequence

import keras

from kcv.faces.assembly import activate
from kcv.faces.assembly import check_choice
from kcv.faces.assembly import embedder
from kcv.faces.assembly import face_inputs
from kcv.faces.assembly import feature
from kcv.faces.assembly import lower_levels
from kcv.faces.face_embedder import FaceEmbedder
from kcv.faces.inception import Module
from kcv.faces.inception import inception
from kcv.faces.objectives import Objective
from kcv.layers import LocallyConnected2D

# Filters of the four stages by network and size.
_WIDTHS = {
    (1, "paper"): (64, 96, 192, 256),
    (2, "paper"): (64, 96, 256, 384),
    (1, "small"): (16, 32, 48, 64),
    (2, "small"): (16, 32, 64, 96),
}
# Inception modules of the last two stages of the second network.
_MODULES = {3: "abc", 4: "ab"}


def DeepID3(
    objective: Objective | None = None,
    net: int = 1,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int | None = None,
    widths: Sequence[int] | None = None,
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str | None = None,
) -> FaceEmbedder:
    """Build one of the two networks of DeepID3 (Sun et al. 2015).

    Both have four stages that end with a pooling layer of 2 x 2. The first
    network has two convolutions of 3 x 3 in each stage, as VGG does. The last
    two are locally connected. The second network has two convolutions in each
    of the first two stages, three inception modules in the third and two in the
    fourth, as GoogLeNet does. With an objective of every level, each of the
    first three stages has a feature of its own, "level1" to "level3".

    The paper gives the kinds of layers. The numbers of filters are kcv's, since
    no source was found that states them.

    The size "small" is for rendered faces of 64 x 64 pixels and a CPU: fewer
    filters, and batch normalization.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `IdentificationVerification(people, every_level=True)`. If None, the
            model cannot be trained. Defaults to None.
        net: Number of the network, 1 or 2. Defaults to 1.
        size: "paper" or "small". Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (55, 47, 3) for "paper" and (64, 64, 3) for "small".
        embedding_size: Number of units of the features. Defaults to None, which
            is 512 for "paper" and 256 for "small".
        widths: Numbers of filters of the four stages, for an inception module
            of its output, which must be a multiple of 16. Defaults to None: for
            "paper" (64, 96, 192, 256) and (64, 96, 256, 384), for "small"
            (16, 32, 48, 64) and (16, 32, 64, 96).
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to None, which is "deepid3_net1" or
            "deepid3_net2".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If `net`, `size` or `widths` are out of their range, the
            images are too small, or the weights do not fit.

    Example:

    >>> DeepID3(net=2, size="small").output_shape
    (None, 256)
    """
    check_choice("net", net, (1, 2))
    check_choice("size", size, ("paper", "small"))
    small = size == "small"
    name = f"deepid3_net{net}" if name is None else name
    widths = _check_widths(
        _WIDTHS[net, size] if widths is None else widths, net
    )
    if embedding_size is None:
        embedding_size = 256 if small else 512
    images, x = face_inputs(
        input_shape,
        (64, 64, 3) if small else (55, 47, 3),
        include_preprocessing,
        name,
    )
    pooled = []
    for stage, width in enumerate(widths, start=1):
        if net == 2 and stage in _MODULES:
            for letter in _MODULES[stage]:
                module = f"inception_{stage}{letter}"
                x = inception(x, _module(width), module, batch_norm=small)
        else:
            for layer in (f"conv{stage}_1", f"conv{stage}_2"):
                x = _convolution(x, width, layer, is_local=stage == 4)
                x = activate(x, small, layer)
        x = keras.layers.MaxPooling2D(2, name=f"pool{stage}")(x)
        pooled.append(x)
    levels = lower_levels(pooled[:3], objective, embedding_size, small)
    x = keras.layers.Flatten(name="flatten")(x)
    levels.append(feature(x, embedding_size, "deepid", small))
    return embedder(images, levels, objective, weights, name)


def _convolution(x, filters, name, is_local):
    options = {"kernel_initializer": "he_normal", "name": name}
    if is_local:
        x = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(x)
        return LocallyConnected2D(filters, 3, **options)(x)
    return keras.layers.Conv2D(filters, 3, padding="same", **options)(x)


def _module(width):
    """Divide the filters of a module as GoogLeNet's first one does."""
    shares = (4, 6, 8, 1, 2)  # sixteenths
    one, reduce3, three, reduce5, five = (
        share * width // 16 for share in shares
    )
    return Module(one, reduce3, three, reduce5, five, "max", five)


def _check_widths(widths, net):
    widths = tuple(widths)
    multiples = (1, 1, 16, 16) if net == 2 else (1, 1, 1, 1)
    if len(widths) != 4 or any(
        width < 1 or width % multiple
        for width, multiple in zip(widths, multiples, strict=True)
    ):
        raise ValueError(
            "`widths` must be four positive integers, the last two multiples "
            f"of 16 for `net=2`. Received: widths={widths}, net={net}"
        )
    return widths
