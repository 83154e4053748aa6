"""Style transfer and super-resolution of images."""

import kcv.backend  # noqa: F401

from kcv.style.feedforward import StyleTransformNet
from kcv.style.gatys import neural_style
from kcv.style.images import median_filter
from kcv.style.loss_network import loss_network
from kcv.style.loss_weights import LossWeights
from kcv.style.losses import content_loss
from kcv.style.losses import feature_loss
from kcv.style.losses import gram_loss
from kcv.style.losses import style_loss
from kcv.style.losses import total_variation
from kcv.style.optimization import Checkpoint
from kcv.style.optimization import NotFinite
from kcv.style.optimization import optimize_image
from kcv.style.perceptual import DETAIL_LAYER
from kcv.style.perceptual import LOSS_LAYERS
from kcv.style.perceptual import PerceptualModel
from kcv.style.super_resolution import SuperResolutionNet
from kcv.style.super_resolution import low_resolution
from kcv.style.super_resolution import super_resolution_scores

__all__ = [
    "Checkpoint",
    "DETAIL_LAYER",
    "LOSS_LAYERS",
    "LossWeights",
    "NotFinite",
    "PerceptualModel",
    "StyleTransformNet",
    "SuperResolutionNet",
    "content_loss",
    "feature_loss",
    "gram_loss",
    "loss_network",
    "low_resolution",
    "median_filter",
    "neural_style",
    "optimize_image",
    "style_loss",
    "super_resolution_scores",
    "total_variation",
]
