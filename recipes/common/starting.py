"""What a network begins with: weights of another run, and fixed layers."""

import dataclasses
import re
from collections.abc import Sequence

import keras

from kcv.training import freeze
from kcv.training.freezing import layers_with_weights
from kcv.weights import TrainedWeights
from recipes.common.run import Run


@dataclasses.dataclass(frozen=True, kw_only=True)
class StartOptions(Run):
    """Options of the recipes whose network can begin with trained weights.

    Attributes:
        weights: Weights to begin with: imagenet (downloaded, for networks of
            the papers), a file of kcv, keras.applications, torchvision or
            Caffe, or the folder of another run, which may have other classes.
            Defaults to random weights.
        freeze: Layers whose weights do not change: backbone, or beginnings of
            names of layers with commas between them. Defaults to none.
    """

    weights: str | None = None
    freeze: str | None = None

    def __post_init__(self):
        super().__post_init__()
        small = getattr(self, "preset", None) == "small"
        named = getattr(self, "backbone", None) is not None
        if self.weights == "imagenet" and small and not named:
            raise ValueError(
                "`weights` must be a run or a file for preset small, whose "
                "network has no published weights. Received: "
                "weights='imagenet', preset='small'"
            )

    def start_weights(
        self, class_names: Sequence[str] = ()
    ) -> str | TrainedWeights | None:
        """Return what a model takes as `weights`.

        Args:
            class_names: Names of the classes of the new model. Units of
                classes that the trained model has, too, are taken from it.
                Defaults to none.
        """
        if self.weights is None or self.weights == "imagenet":
            return self.weights
        return TrainedWeights(self.weights, tuple(class_names))

    def freeze_layers(
        self, model: keras.Model, backbone: str | None = None
    ) -> None:
        """Fix the layers that the option `freeze` names, before `compile`.

        Args:
            model: Model to be trained.
            backbone: Regular expression for the names of the layers that
                "backbone" stands for. Defaults to None, for the trunk of a
                model that has parts.

        Raises:
            ValueError: If no layer has such a name, or none is left to train.
        """
        if self.freeze is None:
            return
        try:
            if self.freeze != "backbone":
                for beginning in self.freeze.split(","):
                    freeze(model, re.escape(beginning.strip()))
            elif backbone is None:
                freeze(model.parts.trunk)
            else:
                freeze(model, backbone)
        except ValueError:
            names = [layer.name for layer in layers_with_weights(model)]
            raise ValueError(
                "`freeze` must be backbone or beginnings of names of layers, "
                "with commas between them. Received: "
                f"freeze={self.freeze!r}. The layers are "
                f"{', '.join(sorted(names))}."
            ) from None
        if not model.trainable_weights:
            raise ValueError(
                "`freeze` must leave layers to train. Received: "
                f"freeze={self.freeze!r}, which are all of {model.name!r}"
            )
