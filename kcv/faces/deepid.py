"""DeepID, DeepID2 and DeepID2+ (Sun, Wang, Tang and Chen, 2014 and 2015).

All three have four convolutions, of which the first three are pooled, and make
the feature of the third and the fourth one. Layers are conv1, pool1, ...,
conv4 and deepid.
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
from kcv.faces.objectives import Objective
from kcv.layers import LocallyConnected2D
from kcv.layers import PartiallySharedConv2D

_WINDOWS = (4, 3, 3, 2)
_SIZES = ("paper", "small")
# kcv's own filters for 64 x 64 pixels, with batch normalization.
_SMALL = (24, 48, 64, 96)


def DeepID(
    objective: Objective | None = None,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int = 160,
    local_sharing: bool = True,
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str = "deepid",
) -> FaceEmbedder:
    """Build DeepID of Sun, Wang and Tang (CVPR 2014).

        conv1 20 4x4, pool1, conv2 40 3x3, pool2, conv3 60 3x3, pool3,
        conv4 80 2x2, deepid 160 of pool3 and conv4

    The third convolution shares its weights inside regions of 2 x 2 outputs,
    and the fourth one does not share them. The network for patches of 39 x 31
    pixels has 260,100 parameters, 132,520 with ordinary convolutions, and
    161 more for each person of the softmax. The paper has 60 such networks, one
    for each of ten regions, three scales, and color and gray. The square
    patches are (31, 31, 3), the gray ones (39, 31, 1) and (31, 31, 1).

    The size "small" is kcv's own, for rendered faces of 64 x 64 pixels and a
    CPU: the same layers with more filters and batch normalization.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `Identification(people)`. If None, the model cannot be trained.
            Defaults to None.
        size: "paper" or "small". Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (39, 31, 3) for "paper" and (64, 64, 3) for "small".
        embedding_size: Number of units of the feature. Defaults to 160.
        local_sharing: Whether conv3 and conv4 have weights of their own for
            regions and places, as in the paper. If False, they are ordinary
            convolutions, as in most implementations. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to "deepid".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If `size` is unknown, the images are too small, or the
            weights do not fit.

    Example:

    >>> DeepID().count_params()
    260100
    """
    return _deepid(
        (39, 31, 3),
        (20, 40, 60, 80),
        objective,
        size,
        input_shape,
        embedding_size,
        local_sharing,
        weights,
        include_preprocessing,
        name,
    )


def DeepID2(
    objective: Objective | None = None,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int = 160,
    local_sharing: bool = True,
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str = "deepid2",
) -> FaceEmbedder:
    """Build DeepID2 of Sun, Chen, Wang and Tang (NIPS 2014).

    DeepID for patches of 55 x 47 pixels, which learns from pairs of faces. It
    has 1,018,540 parameters, 394,920 with ordinary convolutions, and 161 more
    for each person of the softmax. The paper selects 25 of 400 patches and has
    a network for each.

    The size "small" is kcv's own, for rendered faces of 64 x 64 pixels and a
    CPU: the same layers with more filters and batch normalization.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `IdentificationVerification(people)`. If None, the model cannot be
            trained. Defaults to None.
        size: "paper" or "small". Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (55, 47, 3) for "paper" and (64, 64, 3) for "small".
        embedding_size: Number of units of the feature. Defaults to 160.
        local_sharing: Whether conv3 and conv4 have weights of their own for
            regions and places, as in the paper. If False, they are ordinary
            convolutions, as in most implementations. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to "deepid2".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If `size` is unknown, the images are too small, or the
            weights do not fit.

    Example:

    >>> DeepID2(local_sharing=False).count_params()
    394920
    """
    return _deepid(
        (55, 47, 3),
        (20, 40, 60, 80),
        objective,
        size,
        input_shape,
        embedding_size,
        local_sharing,
        weights,
        include_preprocessing,
        name,
    )


def DeepID2Plus(
    objective: Objective | None = None,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int | None = None,
    local_sharing: bool = True,
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str = "deepid2plus",
) -> FaceEmbedder:
    """Build DeepID2+ of Sun, Wang and Tang (CVPR 2015).

    DeepID2 with 128 filters in each convolution and a feature of 512 units. It
    has 2,464,768 parameters with ordinary convolutions. With an objective of
    every level, each pooling layer has a feature of its own, "level1" to
    "level3", that learns together with the last one. These features are not a
    part of the embedding.

    The size "small" is kcv's own, for rendered faces of 64 x 64 pixels and a
    CPU: the same layers with fewer filters and units, and with batch
    normalization.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `IdentificationVerification(people, every_level=True)`. If None, the
            model cannot be trained. Defaults to None.
        size: "paper" or "small". Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (55, 47, 3) for "paper" and (64, 64, 3) for "small".
        embedding_size: Number of units of the features. Defaults to None, which
            is 512 for "paper" and 256 for "small".
        local_sharing: Whether conv3 and conv4 have weights of their own for
            regions and places, as in DeepID2. If False, they are ordinary
            convolutions. Defaults to True.
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to "deepid2plus".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If `size` is unknown, the images are too small, or the
            weights do not fit.

    Example:

    >>> DeepID2Plus(local_sharing=False).count_params()
    2464768
    """
    if embedding_size is None:
        embedding_size = 256 if size == "small" else 512
    return _deepid(
        (55, 47, 3),
        (128, 128, 128, 128),
        objective,
        size,
        input_shape,
        embedding_size,
        local_sharing,
        weights,
        include_preprocessing,
        name,
    )


def _deepid(
    paper_shape: tuple[int, int, int],
    paper_filters: Sequence[int],
    objective: Objective | None,
    size: str,
    input_shape: tuple[int, int, int] | None,
    embedding_size: int,
    local_sharing: bool,
    weights: str | os.PathLike | None,
    include_preprocessing: bool,
    name: str,
) -> FaceEmbedder:
    """Build one of the three, see their builders for the arguments."""
    check_choice("size", size, _SIZES)
    small = size == "small"
    images, x = face_inputs(
        input_shape,
        (64, 64, 3) if small else paper_shape,
        include_preprocessing,
        name,
    )
    filters = _SMALL if small else paper_filters
    pooled = []
    for number in range(4):
        layer = f"conv{number + 1}"
        x = _convolution(
            x, filters[number], _WINDOWS[number], layer, local_sharing
        )
        if number < 3:
            # Maxima of ReLUs are ReLUs of maxima, which are fewer.
            x = keras.layers.MaxPooling2D(2, name=f"pool{number + 1}")(x)
        x = activate(x, small, layer)
        pooled.append(x)
    parts = [
        keras.layers.Flatten(name=f"{layer}_flatten")(maps)
        for layer, maps in zip(("pool3", "conv4"), pooled[2:], strict=True)
    ]
    x = keras.layers.Concatenate(name="pool3_conv4")(parts)
    levels = lower_levels(pooled[:3], objective, embedding_size, small)
    levels.append(feature(x, embedding_size, "deepid", small))
    return embedder(images, levels, objective, weights, name)


def _convolution(x, filters, window, name, local_sharing):
    options = {"kernel_initializer": "he_normal", "name": name}
    if local_sharing and name == "conv3":
        return PartiallySharedConv2D(filters, window, region=2, **options)(x)
    if local_sharing and name == "conv4":
        return LocallyConnected2D(filters, window, **options)(x)
    return keras.layers.Conv2D(filters, window, **options)(x)
