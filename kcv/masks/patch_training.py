"""What the mask models have in common: how they train, and how they are saved.

Shapes: B patches of P x P pixels, M rows and columns of a mask.
"""

from collections.abc import Sequence
from typing import Any
from typing import ClassVar

import keras
import tensorflow as tf

from kcv.examples import VOID
from kcv.masks.losses import PatchLosses
from kcv.masks.losses import patch_losses
from kcv.masks.losses import total_loss
from kcv.masks.parts import MaskParts
from kcv.training.image_model import ImageModel
from kcv.training.own_losses import build_optimizer
from kcv.training.own_losses import compile_as_saved
from kcv.training.own_losses import minimize
from kcv.training.own_losses import refuse_losses
from kcv.training.replicas import require_examples


class PatchTraining(ImageModel):
    """Base of the mask models, which learn from patches and predict scenes.

    The functional graph of such a model is the one that predicts. The model
    trains by `compute_loss(x, y)`, which runs the networks on patches.

    Args:
        inputs: Symbolic images (B, H, W, 3).
        outputs: Symbolic outputs of the graph that predicts.
        parts: The `MaskParts` that the model is made of.
        target_size: Rows and columns of the masks that the model learns from.
        losses: Names of the losses that are shown beside their sum, "mask_loss"
            and "score_loss" among them.
        name: Name of the model.
        **config: All other arguments of the constructor. They become
            attributes, and the model is saved with them.
    """

    MAPPINGS: ClassVar = {
        "masks": "dataset.map(kcv.data.mask_inputs)",
        "instance_masks": "kcv.data.mask_patches(dataset, seed=0).batch(32)"
        ".map(kcv.data.mask_inputs)",
    }

    def __init__(
        self,
        inputs: keras.KerasTensor,
        outputs: dict[str, Any],
        parts: MaskParts,
        target_size: int,
        losses: Sequence[str],
        name: str,
        **config: Any,
    ):
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        self.parts = parts
        self.target_size = target_size
        names = ("loss", *losses, "mask_iou")
        if "score_loss" in losses:
            names = (*names, "score_accuracy")
        self.trackers = {name: keras.metrics.Mean(name=name) for name in names}
        self._config_names = tuple(config)
        for argument, value in config.items():
            setattr(self, argument, value)

    def patch_logits(
        self, images: tf.Tensor, training: bool | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the mask and the score of each patch.

        Args:
            images: Patches with their context, (B, P, P, 3), RGB in 0..255.
            training: Whether dropout and batch normalization are in training
                mode. Defaults to None, which means no.

        Returns:
            Logits of masks (B, M, M) and of scores (B,), both float32.
        """
        raise NotImplementedError

    @property
    def geometry(self):
        """The `PatchGeometry` of the model."""
        return self.parts.geometry

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The trackers of the losses and of the measures of patches."""
        return list(self.trackers.values())

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
            metrics: Not supported, must be None: the model shows its losses,
                the mean IoU of the masks and the accuracy of the scores.
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

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the loss of patches and record it.

        Args:
            x: Patches with their context, (B, P, P, 3), RGB in 0..255.
            y: Dict of `masks` (B, M, M), 1 for the object, 0 for what is around
                it and 255 where there is nothing to learn, and `labels` (B,),
                1 for an object, 0 for none, and -1 for a patch whose score is
                not learned from.
            y_pred: Ignored.
            sample_weight: Ignored.
            training: Whether dropout and batch normalization are in training
                mode. Defaults to True.

        Returns:
            The sum over the patches, () float32. The loss that is shown is the
            mean.

        Raises:
            ValueError: If patches or masks have another size.
        """
        x, masks, labels = self._checked(x, y)
        logits, scores = self.patch_logits(x, training=training)
        losses = patch_losses(logits, scores, masks, labels)
        self._measure(losses, logits, scores, masks, labels)
        loss = total_loss(losses, self.score_weight)
        batch = tf.cast(tf.shape(x)[0], tf.float32)
        self.trackers["loss"].update_state(loss / batch, sample_weight=batch)
        return loss

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        build_optimizer(self)

    def train_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        x = require_examples(x)
        # The loss is a sum, and so is that of several replicas.
        minimize(
            self, lambda: self.compute_loss(x, y, training=True), is_sum=True
        )
        return self.get_metrics_result()

    def test_step(self, data):
        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.compute_loss(require_examples(x), y, training=False)
        return self.get_metrics_result()

    def _checked(self, x, y):
        side, target = self.geometry.input_size, self.target_size
        for name, value, shape in (
            ("images", x, (None, side, side, 3)),
            ("masks", y["masks"], (None, target, target)),
        ):
            if not _fits(value.shape, shape):
                raise ValueError(
                    f"`{name}` of {self.name} must have the shape {shape}. "
                    f"Received: {name}.shape={tuple(value.shape)}"
                )
        return x, y["masks"], y["labels"]

    def _measure(
        self, losses: PatchLosses, logits, scores, masks, labels
    ) -> None:
        """Record the means over the patches that a measure is about."""
        known, found = masks != VOID, logits > 0
        truth = masks == 1
        both = tf.reduce_sum(tf.cast(found & truth, tf.float32), [1, 2])
        either = tf.cast((found | truth) & known, tf.float32)
        iou = both / tf.maximum(tf.reduce_sum(either, [1, 2]), 1)
        right = tf.cast((scores > 0) == (labels == 1), tf.float32)
        for name, values, counts in (
            ("mask_loss", losses.mask, losses.has_mask),
            ("score_loss", losses.score, losses.has_score),
            ("mask_iou", iou, losses.has_mask),
            ("score_accuracy", right, losses.has_score),
        ):
            if name in self.trackers:
                self.trackers[name].update_state(values, sample_weight=counts)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, serialized."""
        serialize = keras.saving.serialize_keras_object
        values = {name: getattr(self, name) for name in self._config_names}
        config = {name: serialize(value) for name, value in values.items()}
        return {**config, "name": self.name}


def _fits(shape, expected) -> bool:
    return len(shape) == len(expected) and all(
        side is None or other is None or side == other
        for side, other in zip(shape, expected, strict=True)
    )
