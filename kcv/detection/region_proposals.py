"""A region proposal network by itself (Ren et al. 2015, section 3.1).

    image -> trunk -> features -> RPN -> proposals

Shapes: B images of H x W pixels, N padded objects, K proposals per image.
Boxes are xyxy in pixels of the image that is passed in.
"""

import keras
from keras import ops

from kcv.detection.learning.rpn_losses import rpn_losses
from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.learning.targets import get_objects
from kcv.detection.parts.backbones import detector_parts
from kcv.detection.parts.backbones import load_backbone
from kcv.detection.parts.padded_trunk import PaddedTrunk
from kcv.detection.parts.proposal_layer import ProposalLayer
from kcv.detection.parts.rpn import RegionProposalNetwork
from kcv.detection.parts.rpn import foreground_logit
from kcv.detection.settings import Anchors
from kcv.detection.settings import AnchorSampling
from kcv.detection.settings import ProposalSelection
from kcv.detection.settings import check_settings
from kcv.layers.image_inputs import image_inputs
from kcv.layers.image_inputs import with_sizes

# Layers that no classifier has weights for, and those that this model lacks.
_OWN_LAYERS = ("rpn_", "fc6", "fc7", "fc8", "fc1000", "res5", "bn5")


@keras.saving.register_keras_serializable("kcv")
class RegionProposals(SampledTraining):
    """Propose regions that may hold an object of any class.

    Train with `compile(optimizer)` and `fit` on batches of
    `({"images", "image_sizes"}, {"boxes", "labels", ...})`; the two losses of
    the network are shown separately. The defaults are those of the paper's
    alternating training.

    Args:
        backbone: "vgg16", "resnet18", "resnet50", a keras.Model from images to
            features, which needs `preprocessing`, or `Parts`, whose head is
            left out. Defaults to "vgg16".
        weights: Pretrained weights of the trunk: None, "imagenet" (the
            download of keras.applications) or a path for
            `kcv.weights.load_weights`. Lower layers of such a network are
            fixed, see `vgg16_parts` and `resnet_parts`. Defaults to None,
            random weights.
        preprocessing: Layer or function from RGB 0..255 to what a keras.Model
            backbone expects. If that is RGB 0..255, use
            `keras.layers.Identity()`. Must be None for any other backbone.
            Defaults to None.
        frozen_batch_norm: Whether the batch normalization of a ResNet keeps
            its stored statistics. Defaults to None, which freezes it if there
            are weights.
        anchors: `Anchors`, shapes of the boxes that the network scores.
            Defaults to `Anchors()`.
        rpn_filters: Number of filters of the 3x3 convolution. Defaults to
            512.
        anchor_sampling: `AnchorSampling`, anchors that it learns from. Defaults
            to `AnchorSampling()`.
        proposals: `ProposalSelection`, proposals that are kept. Defaults to
            `ProposalSelection(None, 2000)`.
        seed: Seed of the sampling. If None, it is random. Defaults to None.
        name: Name of the model. Defaults to "region_proposals".

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2)}`, RGB 0..255
    padded to the right and below, or with images alone. Returns a dict by
    decreasing score: `proposals` (B, K, 4) float32 and `scores` (B, K) float32
    in 0..1, both zero behind the last proposal.

    Raises:
        ValueError: If an argument is out of its range, or weights do not fit.

    Example:

    >>> import numpy as np
    >>> model = RegionProposals(
    ...     "resnet18", proposals=ProposalSelection(6000, 300)
    ... )
    >>> found = model.predict(np.zeros((1, 96, 128, 3), "float32"), verbose=0)
    >>> found["proposals"].shape
    (1, 300, 4)
    """

    def __init__(
        self,
        backbone="vgg16",
        weights=None,
        *,
        preprocessing=None,
        frozen_batch_norm=None,
        anchors=Anchors(),
        rpn_filters=512,
        anchor_sampling=AnchorSampling(),
        proposals=ProposalSelection(None, 2000),
        seed=None,
        name="region_proposals",
    ):
        check_settings(
            anchor_sampling=(anchor_sampling, AnchorSampling),
            proposals=(proposals, ProposalSelection),
        )
        parts = detector_parts(
            backbone, weights, frozen_batch_norm, preprocessing
        )
        # All parts that a model keeps are saved and trained.
        parts = parts._replace(head=None)
        stride, dtype = parts.stride, parts.dtype_policy

        # === Layers ===
        trunk = PaddedTrunk(parts.trunk, stride, dtype=dtype, name="trunk")
        rpn = RegionProposalNetwork(
            stride, anchors, rpn_filters, dtype=dtype, name="rpn"
        )
        propose = ProposalLayer(proposals, name="proposals")

        # === Functional model ===
        inputs = image_inputs()
        pixels = parts.preprocessing(inputs["images"])
        features, feature_sizes, sizes = trunk(pixels, inputs["image_sizes"])
        logits, deltas, cells, exists = rpn([features, feature_sizes])
        regions, scores, _ = propose(
            [foreground_logit(logits), deltas, cells, exists, sizes]
        )
        super().__init__(
            inputs,
            {"proposals": regions, "scores": ops.sigmoid(scores)},
            parts,
            ("rpn_cls_loss", "rpn_bbox_loss"),
            name,
            anchors=anchors,
            rpn_filters=rpn_filters,
            anchor_sampling=anchor_sampling,
            proposals=proposals,
            seed=seed,
        )
        self.trunk = trunk
        self.rpn = rpn

        if weights is not None:
            load_backbone(self, weights, _OWN_LAYERS)

    def call(self, inputs, training=None, mask=None):
        return super().call(with_sizes(inputs), training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the sum of the two losses and record each.

        Args:
            x: Images, or a dict of `images` and `image_sizes`.
            y: Dict of `boxes` (B, N, 4) xyxy in pixels and `labels` (B, N), -1
                for padding. Objects that are marked by `difficult` or
                `is_crowd` (B, N) bool do not take part. Anchors inside a crowd
                are neither foreground nor background.
            y_pred: Ignored, since training samples anchors.
            sample_weight: Ignored.
            training: Whether batch normalization is in training mode. Defaults
                to True.

        Returns:
            The sum, () float32.
        """
        x = with_sizes(x)
        pixels = self.preprocessing(x["images"])
        features, feature_sizes, sizes = self.trunk(
            pixels, x["image_sizes"], training=training
        )
        values = rpn_losses(
            self.rpn([features, feature_sizes]),
            sizes,
            get_objects(y),
            self.anchor_sampling,
            self.seed_generator,
        )
        return self.record_losses(values, ops.shape(sizes)[0])
