"""EDeconvNet: DeconvNet together with FCN (Noh, Hong and Han 2015).

B images, P proposals, C classes with background.
"""

from typing import ClassVar

import keras
import tensorflow as tf

from kcv.layers.image_layer import ImageLayer
from kcv.training.image_model import image_model


def EDeconvNet(
    deconvnet: keras.Model,
    fcn: keras.Model,
    rule: str = "mean",
    name: str = "edeconvnet",
) -> keras.Model:
    """Build the ensemble of a DeconvNet on whole images and an FCN.

    The paper takes the mean of the two probabilities of each class. The
    authors' code takes the product of the two scores, where the scores of the
    FCN start from 0; the scores of its DeconvNet do so as well, by
    `label_by_windows(..., from_zero=True)`. The paper reports 71.7% mean IU on
    VOC 2012 test, and 72.5% with a dense conditional random field, which is not
    in kcv. The package pydensecrf2 (MIT license) computes it, here with the
    numbers of the authors' code, from `logits` (C, H, W) and `image` (H, W, 3)
    uint8:

    ```python
    from pydensecrf.densecrf import DenseCRF2D

    classes, height, width = logits.shape
    energies = -scipy.special.log_softmax(logits, axis=0)
    field = DenseCRF2D(width, height, classes)
    field.setUnaryEnergy(energies.reshape(classes, -1).astype("float32"))
    field.addPairwiseGaussian(sxy=3, compat=3)
    field.addPairwiseBilateral(sxy=20, srgb=3, rgbim=image, compat=5)
    labels = np.argmax(field.inference(10), 0).reshape(height, width)
    ```

    Args:
        deconvnet: Model from `{"images": (B, H, W, 3), "proposals":
            (B, P, 4)}` to logits (B, H, W, C), as `label_by_windows` gives it.
        fcn: Model from images (B, H, W, 3) to logits (B, H, W, C).
        rule: "mean", the paper's, or "product", the code's. Defaults to "mean".
        name: Name of the model. Defaults to "edeconvnet".

    Returns:
        A model with the inputs of `deconvnet`, to logits (B, H, W, C) float32:
        logarithms of the mean probabilities, or products of scores.

    Raises:
        ValueError: If `rule` is not one of these, or the models have different
            classes.

    Example:

    ```python
    whole = kcv.segmentation.label_by_windows(kcv.segmentation.DeconvNet(21))
    model = EDeconvNet(whole, kcv.segmentation.FCN8s(21))
    ```
    """
    if rule not in ("mean", "product"):
        raise ValueError(
            f"`rule` must be 'mean' or 'product'. Received: rule={rule!r}"
        )
    if deconvnet.output_shape[-1] != fcn.output_shape[-1]:
        raise ValueError(
            "`fcn` must have the classes of `deconvnet`, "
            f"{deconvnet.output_shape[-1]}. Received: {fcn.output_shape[-1]}"
        )
    inputs = {
        "images": keras.Input((None, None, 3), name="images"),
        "proposals": keras.Input((None, 4), name="proposals"),
    }
    scores = [deconvnet(inputs), fcn(inputs["images"])]
    logits = CombinedScores(rule, dtype="float32", name="combine")(scores)
    return image_model(inputs, logits, name)


@keras.saving.register_keras_serializable("kcv")
class CombinedScores(ImageLayer):
    """Combine the scores of two segmenters.

    Call with two tensors of logits (B, H, W, C). Returns (B, H, W, C).

    Args:
        rule: "mean" for the logarithm of the mean probability, or "product" for
            the first scores times the second, if these are positive.
        **kwargs: Options of `keras.layers.Layer`.
    """

    INPUTS: ClassVar = {
        "first": "(B, H, W, C)",
        "second": "(B, H, W, C)",
    }

    def __init__(self, rule, **kwargs):
        super().__init__(**kwargs)
        self.rule = rule

    def call(self, inputs):
        first, second = inputs
        if self.rule == "product":
            return first * tf.nn.relu(second)
        logs = [tf.nn.log_softmax(scores) for scores in inputs]
        return tf.reduce_logsumexp(tf.stack(logs), 0) - tf.math.log(2.0)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "rule": self.rule}
