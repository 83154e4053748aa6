"""Training of networks by the features of a VGG (Johnson et al. 2016)."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from types import MappingProxyType

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kcv.layers import GramMatrix
from kcv.style.images import to_batch
from kcv.style.loss_network import compute_features
from kcv.style.loss_network import compute_min_side
from kcv.style.losses import REDUCTIONS
from kcv.style.losses import feature_loss
from kcv.style.losses import gram_loss
from kcv.style.losses import total_variation
from kcv.training.image_model import check_scale
from kcv.training.own_losses import compile_as_saved
from kcv.training.own_losses import refuse_losses
from kcv.training.replicas import divide_by_replicas

#: Content layer of the authors' code. The text of the paper has conv2_2.
CONTENT_LAYER = "conv3_3"
STYLE_LAYERS = ("conv1_2", "conv2_2", "conv3_3", "conv4_3")
#: The only layer for super-resolution.
DETAIL_LAYER = "conv2_2"
#: Layers that a loss network for style transfer must have.
LOSS_LAYERS = STYLE_LAYERS

#: Loss weights of the authors' code.
LOSS_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"content": 1.0, "style": 5.0, "total_variation": 1e-6, "pixel": 0.0}
)


@keras.saving.register_keras_serializable("kcv")
class PerceptualModel(keras.Model):
    """A network from images to images that learns by the features of a VGG.

    The authors' code can also compare content by L1 or smooth L1, take the
    mean of Gram matrices over a whole dataset, and judge by a ResNet. kcv has
    squared differences and VGGs only.

    Train with `compile(optimizer)` and `fit` on images, or on pairs of images
    and targets. The losses are shown separately, each times its weight:

    - "content": mean squared difference of features to those of the target;
    - "style": mean squared difference of Gram matrices to those of the style
      image;
    - "total_variation": half the squared differences of neighbors, summed over
      each image and over the batch, as in the authors' code, where the other
      losses are means over the batch;
    - "pixel": mean squared difference of pixels to the target, which is what
      PSNR measures.

    Call with images (B, h, w, 3). Returns the output of `net`, (B, H, W, 3).
    `model.net` is the model to save and to publish.

    Args:
        net: Model from images (B, h, w, 3), RGB in 0..255, to images
            (B, H, W, 3), such as `StyleTransformNet()` or
            `SuperResolutionNet()`.
        loss_network: Model made by `kcv.style.loss_network`, with the layers
            named below.
        style: Style image (H, W, 3), RGB in 0..255. May be None if the weight
            of its loss is 0. Defaults to None.
        content_layer: Name of the layer where content is compared. Defaults to
            "conv3_3".
        style_layers: Names of the layers where Gram matrices are compared.
            Defaults to `STYLE_LAYERS`.
        loss_weights: Weights of the losses by name. Losses that are not named
            have those of `LOSS_WEIGHTS`. Defaults to none.
        gram_reduction: "mean" over the entries of a Gram matrix, as in the
            authors' code, to which `LOSS_WEIGHTS` belong; or "sum", as in the
            paper, where a layer of N channels counts N^2 times as much.
            Defaults to "mean".
        name: Name of the model. Defaults to "perceptual_model".

    Raises:
        ValueError: If the loss network lacks a layer, a weight has an unknown
            name, no weight is above 0, `gram_reduction` is not "mean" or "sum",
            or style has a weight but no image or no layers.

    Example:

    ```python
    vgg = kcv.style.loss_network(kcv.style.LOSS_LAYERS, "vgg16")
    net = kcv.style.StyleTransformNet()
    model = PerceptualModel(net, vgg, style=painting)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(photographs, steps_per_epoch=1000)
    model.net.save("painter.keras")
    ```
    """

    def __init__(
        self,
        net: keras.Model,
        loss_network: keras.Model,
        style=None,
        content_layer: str = CONTENT_LAYER,
        style_layers: Sequence[str] = STYLE_LAYERS,
        loss_weights: Mapping[str, float] | None = None,
        gram_reduction: str = "mean",
        name: str = "perceptual_model",
    ):
        # Images and losses are float32 even under a policy of mixed precision.
        # `net` and `loss_network` have their own policies.
        super().__init__(name=name, dtype="float32")
        if gram_reduction not in REDUCTIONS:
            raise ValueError(
                f"`gram_reduction` must be one of {REDUCTIONS}. Received: "
                f"gram_reduction={gram_reduction!r}"
            )
        unknown = set(loss_weights or ()) - set(LOSS_WEIGHTS)
        if unknown:
            raise ValueError(
                f"`loss_weights` must be of {[*LOSS_WEIGHTS]}. "
                f"Received: loss_weights={loss_weights}"
            )
        missing = {content_layer, *style_layers} - set(loss_network.output)
        if missing:
            raise ValueError(
                f"`loss_network` must have outputs {sorted(missing)}. "
                f"Received: {[*loss_network.output]}"
            )
        self.net = net
        self.loss_network = loss_network
        self.loss_network.trainable = False
        self.content_layer = content_layer
        self.style_layers = tuple(style_layers)
        self.loss_weights = {**LOSS_WEIGHTS, **(loss_weights or {})}
        if not any(self.loss_weights.values()):
            raise ValueError(
                "`loss_weights` must have one that is not 0. "
                f"Received: loss_weights={self.loss_weights}"
            )
        no_style = style is None or not self.style_layers
        if self.loss_weights["style"] and no_style:
            raise ValueError(
                "`style` must be an image and `style_layers` name a layer, or "
                "`loss_weights` have 0 for style. Received: style_layers="
                f"{self.style_layers}, style={type(style).__name__}"
            )
        self.gram = GramMatrix("chw")
        self.gram_reduction = gram_reduction
        # Weights that are not trainable, so that they are saved with the model.
        self.style_grams = {
            layer: self.add_weight(
                shape=2 * (loss_network.output[layer].shape[-1],),
                initializer="zeros",
                trainable=False,
                name=f"style_{layer}",
            )
            for layer in self.style_layers
        }
        if style is not None:
            self.set_style(style)
        self.trackers = {
            each: keras.metrics.Mean(name=each)
            for each, weight in self.loss_weights.items()
            if weight
        }
        self.built = True

    def set_style(self, style: ArrayLike) -> None:
        """Replace the style image.

        Args:
            style: Style image (H, W, 3), RGB in 0..255.
        """
        min_side = compute_min_side(self.loss_network)
        seen = self.loss_network(to_batch(style, "style", min_side))
        for layer, gram in self.style_grams.items():
            gram.assign(self.gram(seen[layer])[0])

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        **kwargs,
    ):
        """Configure the model for training.

        Args:
            optimizer: Optimizer, as in `keras.Model.compile`. Defaults to
                "rmsprop".
            loss: Not supported, must be None: the model has its own losses.
            loss_weights: Not supported, must be None.
            metrics: Not supported, must be None: the losses are shown.
            weighted_metrics: Not supported, must be None.
            **kwargs: Other arguments of `keras.Model.compile`.

        Raises:
            ValueError: If an argument that is not supported is given.
        """
        refuse_losses(
            self,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
        )
        super().compile(optimizer, **kwargs)

    def compile_from_config(self, config):
        compile_as_saved(self, config)

    def predict(self, x, *args, **kwargs):
        return super().predict(check_scale(self, x), *args, **kwargs)

    def call(self, images, training=False):
        return self.net(images, training=training)

    def compute_losses(
        self, images: tf.Tensor, target: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Compute the losses of each image.

        They are minimized in training, and also when pixels are optimized.

        Args:
            images: Images (B, H, W, 3), RGB in 0..255.
            target: Images of the same shape that they are compared with.

        Returns:
            The losses by name, (B,) each, times their weights. Losses without
            a weight are left out.
        """
        target = tf.cast(target, images.dtype)
        weight = self.loss_weights
        losses = {}
        if weight["content"] or weight["style"]:
            features = compute_features(self.loss_network, images)
        if weight["content"]:
            wanted = compute_features(self.loss_network, target)
            losses["content"] = feature_loss(
                features[self.content_layer],
                tf.stop_gradient(wanted[self.content_layer]),
            )
        if weight["style"]:
            losses["style"] = tf.add_n(
                [
                    gram_loss(
                        self.gram(features[layer]), gram, self.gram_reduction
                    )
                    for layer, gram in self.style_grams.items()
                ]
            )
        if weight["total_variation"]:
            losses["total_variation"] = total_variation(images)
        if weight["pixel"]:
            losses["pixel"] = feature_loss(images, target)
        return {name: weight[name] * loss for name, loss in losses.items()}

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        if sample_weight is not None:
            raise ValueError(
                "`sample_weight` and `class_weight` must be None: "
                "PerceptualModel weights its losses, not its images."
            )
        losses = self.compute_losses(y_pred, x if y is None else y)
        if "total_variation" in losses:
            # The mean over the images becomes the sum over the whole batch.
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            images = tf.cast(replicas * tf.shape(y_pred)[0], tf.float32)
            losses["total_variation"] *= images
        for name, loss in losses.items():
            self.trackers[name].update_state(loss)
        return divide_by_replicas(tf.reduce_mean(tf.add_n([*losses.values()])))

    def get_config(self):
        return {
            "net": keras.saving.serialize_keras_object(self.net),
            "loss_network": keras.saving.serialize_keras_object(
                self.loss_network
            ),
            "content_layer": self.content_layer,
            "style_layers": self.style_layers,
            "loss_weights": self.loss_weights,
            "gram_reduction": self.gram_reduction,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        networks = {
            key: keras.saving.deserialize_keras_object(config[key])
            for key in ("net", "loss_network")
        }
        # Gram matrices of the true style come with the weights.
        side = compute_min_side(networks["loss_network"])
        style = (
            np.zeros((side, side, 3))
            if config["loss_weights"]["style"]
            else None
        )
        return cls(**{**config, **networks, "style": style})


def make_objective(
    model: PerceptualModel, content: np.ndarray
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Return the function that an optimization of one image minimizes.

    Args:
        model: Model whose losses are used.
        content: Content image (1, H, W, 3), RGB in 0..255.

    Returns:
        A function from images (1, H, W, 3) to their losses, for
        `optimize_image`.
    """
    content = tf.constant(content, tf.float32)
    return lambda image: model.compute_losses(image, content)
