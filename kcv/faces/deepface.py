"""DeepFace (Taigman, Yang, Ranzato and Wolf, CVPR 2014).

Layers have the names of the paper: C1, M2, C3, L4, L5, L6, F7. Its F8 is the
softmax of the objective.
"""

import os
from typing import NamedTuple

import keras

from kcv.classification.pooling import ceil_max_pooling
from kcv.faces.assembly import activate
from kcv.faces.assembly import check_choice
from kcv.faces.assembly import embedder
from kcv.faces.assembly import face_inputs
from kcv.faces.face_embedder import FaceEmbedder
from kcv.faces.objectives import Objective
from kcv.layers import LocallyConnected2D


class _Size(NamedTuple):
    """Filters, window and stride of the layers, and units of F7."""

    input_shape: tuple[int, int, int]
    layers: dict[str, tuple[int, int, int]]
    embedding_size: int
    batch_norm: bool


_SIZES = {
    "paper": _Size(
        (152, 152, 3),
        {
            "C1": (32, 11, 1),
            "C3": (16, 9, 1),
            "L4": (16, 9, 1),
            "L5": (16, 7, 2),
            "L6": (16, 5, 1),
        },
        4096,
        batch_norm=False,
    ),
    "small": _Size(
        (64, 64, 3),
        {
            "C1": (32, 5, 1),
            "C3": (32, 3, 2),
            "L4": (32, 3, 1),
            "L5": (32, 3, 2),
            "L6": (32, 3, 1),
        },
        256,
        batch_norm=True,
    ),
}


def DeepFace(
    objective: Objective | None = None,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int | None = None,
    dropout: float = 0.5,
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str = "deepface",
) -> FaceEmbedder:
    """Build DeepFace of Taigman et al. (2014).

    Two convolutions, and then three layers of local connections, which share no
    weights between places. They need faces that are aligned: the paper renders
    them from the front with a 3-D model, and kcv maps five landmarks to fixed
    places, see `kcv.faces.alignment`.

        C1 32 11x11, M2 3x3/2, C3 16 9x9, L4 16 9x9, L5 16 7x7/2, L6 16 5x5, F7

    With `Identification(4030)`, the people of the paper, the network has
    118,923,774 parameters, of which 99.96% are in the local and the dense
    layers. (The paper says "more than 120 million".) M2 rounds sizes up.

    The size "small" is kcv's own, for rendered faces and a CPU: the same
    layers for images of 64 x 64 pixels with windows of 3 x 3 and batch
    normalization.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `Identification(people)`. If None, the model cannot be trained.
            Defaults to None.
        size: "paper" or "small". Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (152, 152, 3) for "paper" and (64, 64, 3) for "small".
        embedding_size: Number of units of F7. Defaults to None, which is 4,096
            for "paper" and 256 for "small".
        dropout: Share of the units of F7 that are dropped in training. Float
            in [0, 1). Defaults to 0.5.
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to "deepface".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If `size` is unknown, the images are too small, or the
            weights do not fit.

    Example:

    >>> from kcv.faces import Identification
    >>> model = DeepFace(Identification(400), size="small")
    >>> model.output_shape
    (None, 256)
    """
    check_choice("size", size, _SIZES)
    plan = _SIZES[size]
    if embedding_size is None:
        embedding_size = plan.embedding_size
    images, x = face_inputs(
        input_shape, plan.input_shape, include_preprocessing, name
    )
    for layer, (filters, window, stride) in plan.layers.items():
        kind = LocallyConnected2D if layer[0] == "L" else keras.layers.Conv2D
        x = kind(
            filters,
            window,
            stride,
            name=layer,
            **_initializers(plan.batch_norm),
        )(x)
        x = activate(x, plan.batch_norm, layer)
        if layer == "C1":
            x = ceil_max_pooling(x, "M2")
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(
        embedding_size, name="F7", **_initializers(plan.batch_norm)
    )(x)
    x = activate(x, plan.batch_norm, "F7")
    x = keras.layers.Dropout(dropout, name="F7_dropout")(x)
    return embedder(images, [x], objective, weights, name)


def _initializers(batch_norm):
    if batch_norm:
        return {"kernel_initializer": "he_normal"}
    return {
        "kernel_initializer": keras.initializers.RandomNormal(stddev=0.01),
        "bias_initializer": keras.initializers.Constant(0.5),
    }
