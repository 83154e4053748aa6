"""Conversion of RGB pixels to the inputs that a network was trained with.

The conversion is a layer inside of the model. So training, `predict` and a
server agree, and a saved model takes pixels as they are decoded.
"""

from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from kcv.layers.image_layer import ImageLayer
from kcv.weights import TORCHVISION_MEAN
from kcv.weights import TORCHVISION_STD

#: Means of training images, RGB in 0..255: those of Caffe's AlexNets, of VGG
#: and He's ResNets, of bvlc_googlenet, and of CIFAR-10.
ILSVRC_MEAN = (122.67892, 116.66877, 104.00699)
VGG_MEAN = (123.68, 116.779, 103.939)
GOOGLENET_MEAN = (123.0, 117.0, 104.0)
CIFAR_MEAN = (125.3, 123.0, 113.9)
#: Standard deviations of the training images of CIFAR-10, RGB in 0..255.
CIFAR_STD = (63.0, 62.1, 66.7)


@keras.saving.register_keras_serializable("kcv")
class Preprocessing(ImageLayer):
    """Subtract a mean and divide by a deviation, channel by channel.

    `Preprocessing.caffe()`, `.torch()` and `.tf()` return the layers of the
    three families that `keras.applications` calls so. kcv's models take RGB,
    also with Caffe's weights, whose importers reverse the channels of the first
    convolution. BGR is for networks from elsewhere.

    Call with images (..., channels) of any dtype, RGB in [0, 255]. Returns the
    same shape in the compute dtype. The difference is computed in float32 and
    then cast, because bfloat16 cannot represent 123.68.

    Args:
        mean: Number, or one per channel of RGB in [0, 255], that is subtracted.
        std: Number, or one per channel, that the difference is divided by.
            Defaults to 1.0.
        bgr: Whether to reverse the order of the channels. Defaults to False.
        **kwargs: Options of `keras.layers.Layer`.

    Raises:
        ValueError: If a deviation is not positive, or the number of values is
            not that of the channels.

    Example:

    >>> image = keras.Input((224, 224, 3))
    >>> x = Preprocessing.torch()(image)
    >>> classifier = keras.Model(image, keras.layers.Flatten()(x))
    """

    def __init__(
        self,
        mean: float | Sequence[float],
        std: float | Sequence[float] = 1.0,
        bgr: bool = False,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)
        self.mean = _numbers(mean)
        self.std = _numbers(std)
        self.bgr = bgr
        if min(self.std) <= 0:
            raise ValueError(f"`std` must be positive. Received: std={std}")

    @classmethod
    def caffe(
        cls, mean: Sequence[float] = VGG_MEAN, bgr: bool = False, **kwargs
    ) -> "Preprocessing":
        """Return the preprocessing of Caffe's networks: less the mean.

        Args:
            mean: Mean of RGB in [0, 255]. Defaults to that of VGG.
            bgr: Whether to reverse the order of the channels. Defaults to
                False.
            **kwargs: Options of `keras.layers.Layer`.

        Returns:
            The layer.
        """
        return cls(mean, bgr=bgr, **kwargs)

    @classmethod
    def torch(cls, **kwargs) -> "Preprocessing":
        """Return the preprocessing of torchvision: [0, 1], less mean, over std.

        Args:
            **kwargs: Options of `keras.layers.Layer`.

        Returns:
            The layer.
        """
        mean = [255 * number for number in TORCHVISION_MEAN]
        return cls(mean, [255 * number for number in TORCHVISION_STD], **kwargs)

    @classmethod
    def tf(cls, **kwargs) -> "Preprocessing":
        """Return the preprocessing of TensorFlow's own networks: [-1, 1].

        Args:
            **kwargs: Options of `keras.layers.Layer`.

        Returns:
            The layer.
        """
        return cls(127.5, 127.5, **kwargs)

    def build(self, input_shape):
        channels = input_shape[-1]
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) not in (1, channels):
                raise ValueError(
                    f"{self.name}: {name} has {len(numbers)} numbers for "
                    f"images of {channels} channels."
                )

    def call(self, images):
        x = keras.ops.cast(images, "float32")
        x = (x - keras.ops.array(self.mean)) / keras.ops.array(self.std)
        if self.bgr:
            x = keras.ops.flip(x, axis=-1)
        return keras.ops.cast(x, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = {"mean": self.mean, "std": self.std, "bgr": self.bgr}
        return super().get_config() | config


def _numbers(values):
    values = [values] if isinstance(values, int | float) else values
    return [float(value) for value in values]


def preprocess(
    images: keras.KerasTensor,
    include_preprocessing: bool,
    mean: float | Sequence[float],
    std: float | Sequence[float] = 1.0,
) -> keras.KerasTensor:
    """Apply the first layer of a classifier, "preprocessing", if it has one.

    Args:
        images: Symbolic tensor (B, height, width, channels).
        include_preprocessing: Whether the classifier has the layer.
        mean: Number or one per channel, RGB in 0..255, that is subtracted.
        std: Number or one per channel that the difference is divided by.
            Defaults to 1.0.

    Returns:
        Symbolic tensor of the same shape.
    """
    if not include_preprocessing:
        return images
    return Preprocessing(mean, std, name="preprocessing")(images)


def check_preprocessing(
    backbone: Any, preprocessing: keras.layers.Layer | Callable | None
) -> None:
    """Check that a backbone has preprocessing if only its user can know it.

    Args:
        backbone: A keras.Model, or a backbone of kcv: its name or its parts.
        preprocessing: Layer or function that converts RGB in 0..255 to the
            inputs of a keras.Model. None for a backbone of kcv.

    Raises:
        ValueError: If a keras.Model comes without `preprocessing`, or any
            other backbone with it.
    """
    foreign = isinstance(backbone, keras.Model)
    if foreign and preprocessing is None:
        raise ValueError(
            "`preprocessing` must be a layer or function from RGB in 0..255 to "
            f"what the backbone {backbone.name!r} expects, such as "
            "keras.applications.resnet.preprocess_input, or "
            "keras.layers.Identity() for a model that scales images itself. "
            "Received: preprocessing=None"
        )
    if not foreign and preprocessing is not None:
        raise ValueError(
            "`preprocessing` must be None unless `backbone` is a keras.Model: "
            f"kcv knows the scaling of its own. Received: backbone={backbone!r}"
            f", preprocessing={preprocessing!r}"
        )


def as_preprocessing_layer(
    preprocessing: keras.layers.Layer | Callable,
) -> keras.layers.Layer:
    """Convert a layer or function that scales images to a layer.

    Args:
        preprocessing: Layer, or function of a tensor (B, H, W, 3).

    Returns:
        The layer, or a model named "preprocessing" that applies the function.
    """
    if isinstance(preprocessing, keras.layers.Layer):
        return preprocessing
    images = keras.Input((None, None, 3), name="images")
    return keras.Model(images, preprocessing(images), name="preprocessing")
