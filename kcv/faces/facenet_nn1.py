"""NN1 of FaceNet (Schroff, Kalenichenko and Philbin, CVPR 2015).

Layers have the names of the paper's table: conv1, pool1, rnorm1, conv2a, ...,
pool4, fc1, fc2, fc7128.
"""

import os

import keras

from kcv.faces.assembly import check_choice
from kcv.faces.assembly import embedder
from kcv.faces.assembly import face_inputs
from kcv.faces.face_embedder import FaceEmbedder
from kcv.faces.inception import PADDINGS
from kcv.faces.inception import Padding
from kcv.faces.inception import convolve
from kcv.faces.inception import max_pool
from kcv.faces.objectives import Objective
from kcv.layers import BatchNormalization
from kcv.layers import LocalResponseNormalization
from kcv.layers import Maxout

# NN1: filters of the 1x1 and of the 3x3 convolution, and whether a pooling
# layer follows.
_NN1 = {
    "3": (192, 384, True),
    "4": (384, 256, False),
    "5": (256, 256, False),
    "6": (256, 256, True),
}
# The small form of NN1: filters and stride of 3x3 convolutions.
_NN1_SMALL = (
    (24, 2),
    (32, 1),
    (64, 2),
    (64, 1),
    (96, 2),
    (96, 1),
    (128, 2),
)


def FaceNetNN1(
    objective: Objective | None = None,
    size: str = "paper",
    input_shape: tuple[int, int, int] | None = None,
    embedding_size: int = 128,
    padding: str = "symmetric",
    pairing: str = "adjacent",
    weights: str | os.PathLike | None = None,
    include_preprocessing: bool = True,
    name: str = "facenet_nn1",
) -> FaceEmbedder:
    """Build NN1 of FaceNet (Schroff et al. 2015).

    The network of Zeiler and Fergus with convolutions of 1x1 between those of
    3x3, for images of 220 x 220 pixels. The first two dense layers are maxout
    layers of two pieces. It has 140,025,664 parameters, of which 140,006,592
    are not biases: the paper's 140 million.

    The size "small" is kcv's own, for rendered faces of 64 x 64 pixels and a
    CPU: seven convolutions of 3x3 with batch normalization and one dense layer,
    574,840 parameters without moving averages.

    Args:
        objective: Objective that the embedder learns from. The paper's is
            `Triplets()`. If None, the model cannot be trained. Defaults to
            None.
        size: "paper" or "small". Defaults to "paper".
        input_shape: (height, width, channels). Defaults to None, which is
            (220, 220, 3) for "paper" and (64, 64, 3) for "small".
        embedding_size: Number of dimensions of the embedding. Defaults to 128.
        padding: Padding of layers with a stride. "symmetric" adds k // 2 zeros
            on each side, as Caffe and Torch do; "same" is TensorFlow's, which
            adds fewer at the beginning. The outputs differ. Defaults to
            "symmetric".
        pairing: Units of a maxout group, "adjacent" or "halves". Defaults to
            "adjacent".
        weights: Path of a file that `kcv.weights.load_weights` reads, or None
            for random weights. The softmax is not loaded. Defaults to None.
        include_preprocessing: Whether the model takes RGB in 0..255 and divides
            it by 255. Defaults to True.
        name: Name of the model. Defaults to "facenet_nn1".

    Returns:
        A `FaceEmbedder` from images (B, height, width, channels) to unit
        vectors (B, embedding_size).

    Raises:
        FileNotFoundError: If `weights` is not a file.
        ValueError: If an argument is out of its range, the images are too
            small, or the weights do not fit.

    Example:

    >>> from kcv.faces import Triplets
    >>> model = FaceNetNN1(Triplets(), size="small")
    >>> model.output_shape
    (None, 128)
    """
    check_choice("size", size, ("paper", "small"))
    check_choice("padding", padding, ("symmetric", "same"))
    check_choice("pairing", pairing, ("adjacent", "halves"))
    borders = PADDINGS[padding]
    shape = (220, 220, 3) if size == "paper" else (64, 64, 3)
    images, x = face_inputs(input_shape, shape, include_preprocessing, name)
    if size == "small":
        x = _nn1_small(x, borders, embedding_size)
        return embedder(images, [x], objective, weights, name)
    x = nn1_trunk(x, borders)
    x = keras.layers.Flatten(name="flatten")(x)
    for layer in ("fc1", "fc2"):
        x = keras.layers.Dense(
            2 * 4096, kernel_initializer="he_normal", name=layer
        )(x)
        x = Maxout(2, pairing, name=f"{layer}_maxout")(x)
    x = keras.layers.Dense(embedding_size, name="fc7128")(x)
    return embedder(images, [x], objective, weights, name)


def nn1_trunk(
    x: keras.KerasTensor, padding: Padding = PADDINGS["symmetric"]
) -> keras.KerasTensor:
    """Apply the convolutional part of NN1, up to pool4.

    Args:
        x: Images (B, H, W, C), scaled.
        padding: Padding of layers with a stride. Defaults to "symmetric".

    Returns:
        Maps (B, H / 32, W / 32, 256).
    """
    x = convolve(x, 64, 7, "conv1", padding, False, 2)
    x = max_pool(x, "pool1", padding)
    x = LocalResponseNormalization(name="rnorm1")(x)
    x = convolve(x, 64, 1, "conv2a", padding, False)
    x = convolve(x, 192, 3, "conv2", padding, False)
    x = LocalResponseNormalization(name="rnorm2")(x)
    x = max_pool(x, "pool2", padding)
    pools = iter(("pool3", "pool4"))
    for number, (reduce, filters, is_pooled) in _NN1.items():
        x = convolve(x, reduce, 1, f"conv{number}a", padding, False)
        x = convolve(x, filters, 3, f"conv{number}", padding, False)
        if is_pooled:
            x = max_pool(x, next(pools), padding)
    return x


def _nn1_small(x, padding, embedding_size):
    for number, (filters, stride) in enumerate(_NN1_SMALL, start=1):
        x = convolve(
            x, filters, 3, f"conv{number}", padding, True, stride, False
        )
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(embedding_size, use_bias=False, name="fc")(x)
    return BatchNormalization(
        momentum=0.9, epsilon=1e-5, center=False, scale=False, name="fc_bn"
    )(x)
