"""The mean that VGG-Face subtracts, which its file does not contain."""

import keras

from kcv.weights.layers import leaves

#: Mean of VGG-Face's training images (Parkhi et al. 2015), RGB in 0..255.
VGG_FACE_MEAN = (129.1863, 104.7624, 93.5940)

#: Number of people that VGG-Face distinguishes.
PEOPLE = 2622


def require_vgg_face_mean(model: keras.Model, source: str) -> None:
    """Raise if a model subtracts another mean than that of VGG-Face.

    The weights of VGG-Face fit a VGG-16 in every shape. With the mean of
    ImageNet its inputs are wrong by up to 12 of 255.

    Args:
        model: Model. One without a layer "preprocessing" passes.
        source: Source of the weights, for the error.

    Raises:
        ValueError: If the layer "preprocessing" subtracts another mean.
    """
    for layer in leaves(model):
        mean = getattr(layer, "mean", VGG_FACE_MEAN)
        if layer.name == "preprocessing" and tuple(mean) != VGG_FACE_MEAN:
            raise ValueError(
                f"{source} is VGG-Face, whose training images have the mean "
                f"{VGG_FACE_MEAN}, and the model {model.name!r} subtracts "
                f"{tuple(mean)}: build it with mean=VGG_FACE_MEAN."
            )
