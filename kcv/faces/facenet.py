"""NN2, NN3 and NN4 of FaceNet (Schroff et al., CVPR 2015)."""

import os

import keras

from kcv.faces.assembly import check_choice
from kcv.faces.assembly import embedder
from kcv.faces.assembly import face_inputs
from kcv.faces.face_embedder import FaceEmbedder
from kcv.faces.inception import PADDINGS
from kcv.faces.inception import Module
from kcv.faces.inception import inception_trunk
from kcv.faces.objectives import Objective

_NN2 = {
    "3a": Module(64, 96, 128, 16, 32, "max", 32),
    "3b": Module(64, 96, 128, 32, 64, "l2", 64),
    "3c": Module(0, 128, 256, 32, 64, "max", 0, stride=2),
    "4a": Module(256, 96, 192, 32, 64, "l2", 128),
    "4b": Module(224, 112, 224, 32, 64, "l2", 128),
    "4c": Module(192, 128, 256, 32, 64, "l2", 128),
    "4d": Module(160, 144, 288, 32, 64, "l2", 128),
    "4e": Module(0, 160, 256, 64, 128, "max", 0, stride=2),
    "5a": Module(384, 192, 384, 48, 128, "l2", 128),
    "5b": Module(384, 192, 384, 48, 128, "max", 128),
}
# NN4 has no 5x5 convolutions in the upper modules.
_NN4 = {
    **_NN2,
    "5a": Module(384, 192, 384, 0, 0, "l2", 128),
    "5b": Module(384, 192, 384, 0, 0, "max", 128),
}
_OPENFACE_SMALL1 = {
    name: _NN4[name] for name in _NN4 if name not in ("4c", "4d")
}
_OPENFACE_SMALL2 = {
    **{name: _NN4[name] for name in ("3a", "3b", "3c", "4a", "4e")},
    "5a": Module(256, 96, 384, 0, 0, "l2", 96),
    "5b": Module(256, 96, 384, 0, 0, "max", 96),
}
# The small form of the others: a quarter of the filters.
_WIDTH = 0.25
_SMALL_SHAPE = (64, 64, 3)


def FaceNetNN2(
    objective: Objective | None = None,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int = 128,
    padding: str = "symmetric",
    batch_norm: bool | None = None,
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str = "facenet_nn2",
) -> FaceEmbedder:
    """Build NN2 of FaceNet (Schroff et al. 2015), an inception network.

    For images of 224 x 224 pixels, 7,456,304 parameters, the paper's 7.5
    million. With batch normalization, which is OpenFace's and not the paper's,
    it has 7,472,144 trainable parameters. Most modules pool the norms of
    windows where GoogLeNet pools maxima, see `kcv.layers.L2Pooling2D`.

    The size "small" is kcv's own, for rendered faces of 64 x 64 pixels and a
    CPU: a quarter of the filters and batch normalization.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `Triplets()`. If None, the model cannot be trained. Defaults to
            None.
        size: "paper" or "small". Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (224, 224, 3) for "paper" and (64, 64, 3) for "small".
        embedding_size: Number of dimensions of the embedding. Defaults to 128.
        padding: Padding and pooling. "symmetric" adds k // 2 zeros on each
            side of layers with a stride, as Caffe and Torch do. "same" is
            TensorFlow's, which adds fewer at the beginning. "openface" is
            symmetric, but the pooling of a module has a stride and its maps
            are padded, as in OpenFace's published files. "facenet" is that of
            davidsandberg/facenet: as "same", with maxima in place of norms and
            without local response normalization. The outputs differ. Defaults
            to "symmetric".
        batch_norm: Whether each convolution has batch normalization. Defaults
            to None, which is False for "paper" and True for "small".
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to "facenet_nn2".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If an argument is out of its range, the images are too
            small, or the weights do not fit.

    Example:

    >>> FaceNetNN2(size="small").output_shape
    (None, 128)
    """
    check_choice("size", size, ("paper", "small"))
    return _inception_network(
        _NN2,
        (224, 224, 3),
        objective,
        size,
        input_shape,
        embedding_size,
        padding,
        batch_norm,
        weights,
        include_preprocessing,
        name,
    )


def FaceNetNN3(
    objective: Objective | None = None,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int = 128,
    padding: str = "symmetric",
    batch_norm: bool | None = None,
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str = "facenet_nn3",
) -> FaceEmbedder:
    """Build NN3 of FaceNet (Schroff et al. 2015): NN2 for 160 x 160 pixels.

    It has the 7,456,304 parameters of NN2.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `Triplets()`. If None, the model cannot be trained. Defaults to
            None.
        size: "paper", or "small" for kcv's own network of a quarter of the
            filters with batch normalization. Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (160, 160, 3) for "paper" and (64, 64, 3) for "small".
        embedding_size: Number of dimensions of the embedding. Defaults to 128.
        padding: Padding and pooling: "symmetric", "same", "openface" or
            "facenet", as in `FaceNetNN2`. Defaults to "symmetric".
        batch_norm: Whether each convolution has batch normalization. Defaults
            to None, which is False for "paper" and True for "small".
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to "facenet_nn3".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If an argument is out of its range, the images are too
            small, or the weights do not fit.

    Example:

    >>> FaceNetNN3(size="small").output_shape
    (None, 128)
    """
    check_choice("size", size, ("paper", "small"))
    return _inception_network(
        _NN2,
        (160, 160, 3),
        objective,
        size,
        input_shape,
        embedding_size,
        padding,
        batch_norm,
        weights,
        include_preprocessing,
        name,
    )


def FaceNetNN4(
    objective: Objective | None = None,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int = 128,
    padding: str = "symmetric",
    batch_norm: bool | None = None,
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str = "facenet_nn4",
) -> FaceEmbedder:
    """Build NN4 of FaceNet (Schroff et al. 2015), for 96 x 96 pixels.

    NN2 without convolutions of 5x5 in the upper modules. With batch
    normalization it has the 6,959,088 trainable parameters of OpenFace's nn4.

    The sizes "openface-small1" (5,579,520 parameters) and "openface-small2"
    (3,733,968) are OpenFace's: NN4 without some of the modules 4b to 4d and,
    in the second one, with narrower modules 5a and 5b. The files that OpenFace
    publishes need `padding="openface"`. The size "small" is kcv's own, for
    rendered faces of 64 x 64 pixels and a CPU: a quarter of the filters.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `Triplets()`. If None, the model cannot be trained. Defaults to
            None.
        size: "paper", "openface-small1", "openface-small2" or "small".
            Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (64, 64, 3) for "small" and (96, 96, 3) otherwise.
        embedding_size: Number of dimensions of the embedding. Defaults to 128.
        padding: Padding and pooling: "symmetric", "same", "openface" or
            "facenet", as in `FaceNetNN2`. Defaults to "symmetric".
        batch_norm: Whether each convolution has batch normalization. Defaults
            to None, which is False for "paper" and True otherwise.
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to "facenet_nn4".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If an argument is out of its range, the images are too
            small, or the weights do not fit.

    Example:

    >>> FaceNetNN4(size="small").output_shape
    (None, 128)
    """
    modules = {
        "paper": _NN4,
        "small": _NN4,
        "openface-small1": _OPENFACE_SMALL1,
        "openface-small2": _OPENFACE_SMALL2,
    }
    check_choice("size", size, modules)
    return _inception_network(
        modules[size],
        (96, 96, 3),
        objective,
        size,
        input_shape,
        embedding_size,
        padding,
        batch_norm,
        weights,
        include_preprocessing,
        name,
    )


def _inception_network(
    modules: dict[str, Module],
    shape: tuple[int, int, int],
    objective: Objective | None,
    size: str,
    input_shape: tuple[int, int, int] | None,
    embedding_size: int,
    padding: str,
    batch_norm: bool | None,
    weights: str | os.PathLike | None,
    include_preprocessing: bool,
    name: str,
) -> FaceEmbedder:
    """Build one of the three, see their builders for the arguments."""
    check_choice("padding", padding, PADDINGS)
    small = size == "small"
    if batch_norm is None:
        batch_norm = size != "paper"
    images, x = face_inputs(
        input_shape,
        _SMALL_SHAPE if small else shape,
        include_preprocessing,
        name,
    )
    x = inception_trunk(
        x, modules, PADDINGS[padding], batch_norm, _WIDTH if small else 1.0
    )
    x = keras.layers.GlobalAveragePooling2D(name="avgpool")(x)
    x = keras.layers.Dense(embedding_size, name="fc")(x)
    return embedder(images, [x], objective, weights, name)
