"""Faster R-CNN (Ren, He, Girshick, Sun 2015), trained jointly.

    image -> trunk -> features -> RPN -> proposals -> RoIPool -> head -> boxes

B images, A anchors, k anchors per cell, N padded objects, R regions, C
classes. Boxes are xyxy in pixels of the image that is passed in. Logits have
background first, as in py-faster-rcnn.
"""

import keras
import numpy as np
from keras import ops

from kcv.detection.learning.head_losses import RoISampling
from kcv.detection.learning.head_losses import head_losses
from kcv.detection.learning.head_losses import objects_of
from kcv.detection.learning.rpn_losses import AnchorSampling
from kcv.detection.learning.rpn_losses import rpn_losses
from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.parts.backbones import detector_parts
from kcv.detection.parts.backbones import load_backbone
from kcv.detection.parts.detections import Detections
from kcv.detection.parts.padded_trunk import PaddedTrunk
from kcv.detection.parts.padded_trunk import with_sizes
from kcv.detection.parts.proposal_layer import Proposals
from kcv.detection.parts.region_head import RegionHead
from kcv.detection.parts.rpn import RegionProposalNetwork
from kcv.detection.parts.rpn import foreground_logit

# Layers that no classifier has weights for.
_DETECTION_LAYERS = ("rpn_", "cls_score", "bbox_pred", "fc8", "fc1000")


@keras.saving.register_keras_serializable("kcv")
class FasterRCNN(SampledTraining):
    """Detect objects by region proposals that share features with the detector.

    Train with `compile(optimizer)` and `fit` on batches of
    `({"images", "image_sizes"}, {"boxes", "labels", ...})` as
    `kcv.data.detection_inputs` makes them; the four losses of the paper are
    shown apart. `predict` runs proposals, decoding and suppression inside the
    graph. The defaults are those of the paper's VOC experiment.

    Args:
        classes: C, number of classes without background.
        backbone: "vgg16", "resnet18", "resnet50", a keras.Model to features,
            from images as `custom_parts` scales them, or `Parts` for full
            control.
        weights: None, "imagenet" (the download of keras.applications) or a
            path for `kcv.weights.load_weights`, for the trunk and, if the
            file has them, fc6 and fc7. Lower layers of such a network are
            fixed, see `vgg16_parts` and `resnet_parts`. A ResNet-50 of
            torchvision needs `backbone=resnet_parts(50, True,
            stride_in="3x3")`.
        frozen_batch_norm: whether the ResNets' batch normalisation keeps its
            stored statistics; None freezes it where there are weights.
        anchor_ratios: height / width of the anchors.
        anchor_scales: sides of the anchors in strides.
        rpn_filters: width of the 3x3 convolution of the RPN.
        rpn_batch: anchors per image that the RPN trains on.
        rpn_fg_fraction: their share of foreground at most.
        rpn_fg_iou: anchors from here on are foreground.
        rpn_bg_iou: anchors below are background.
        train_proposals: regions before and after suppression in training.
        test_proposals: regions before and after suppression in testing.
        proposal_iou: of the suppression among proposals.
        min_proposal_side: pixels of the image that is passed in. The
            reference means 16 pixels before the image was resized.
        roi_batch: regions per image that the head trains on.
        roi_fg_fraction: their share of foreground at most.
        roi_fg_iou: regions from here on are foreground.
        roi_bg_iou: regions in this interval are background.
        box_std: the box targets of the head are divided by these.
        score_threshold: detections score more than this.
        detection_iou: of the suppression within each class.
        max_detections: per image.
        seed: of the sampling; None draws one.

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2)}`, RGB 0..255
    padded right and below, or with images alone. `predict` returns a dict:
    `boxes` (B, 100, 4) float32, `scores` (B, 100) float32, `labels` (B, 100)
    int32 from 0 with -1 for none, `num_detections` (B,) int32.

    Example:

    >>> import numpy as np
    >>> model = FasterRCNN(classes=20, backbone="resnet18")
    >>> found = model.predict(np.zeros((1, 96, 128, 3), "float32"), verbose=0)
    >>> found["boxes"].shape
    (1, 100, 4)
    """

    def __init__(
        self,
        classes,
        backbone="vgg16",
        weights=None,
        frozen_batch_norm=None,
        # Anchors
        anchor_ratios=(0.5, 1.0, 2.0),
        anchor_scales=(8, 16, 32),
        # Region proposal network
        rpn_filters=512,
        rpn_batch=256,
        rpn_fg_fraction=0.5,
        rpn_fg_iou=0.7,
        rpn_bg_iou=0.3,
        # Proposals
        train_proposals=(12000, 2000),
        test_proposals=(6000, 300),
        proposal_iou=0.7,
        min_proposal_side=16,
        # Detection head
        roi_batch=128,
        roi_fg_fraction=0.25,
        roi_fg_iou=0.5,
        roi_bg_iou=(0.0, 0.5),
        box_std=(0.1, 0.1, 0.2, 0.2),
        # Detections
        score_threshold=0.05,
        detection_iou=0.3,
        max_detections=100,
        seed=None,
        name="faster_rcnn",
    ):
        if int(classes) != classes or classes < 1:
            raise ValueError(
                "classes must be the number of classes without background. "
                f"Received: classes={classes}"
            )
        parts = detector_parts(backbone, weights, frozen_batch_norm)
        stride = parts.stride

        # === Layers ===
        trunk = PaddedTrunk(parts.trunk, stride, name="trunk")
        rpn = RegionProposalNetwork(
            stride, anchor_ratios, anchor_scales, rpn_filters, name="rpn"
        )
        propose = Proposals(
            *test_proposals, proposal_iou, min_proposal_side, name="proposals"
        )
        head = RegionHead(classes, parts.head, stride, name="region_head")
        detect = Detections(
            classes,
            box_std=box_std,
            score_threshold=score_threshold,
            iou_threshold=detection_iou,
            max_detections=max_detections,
            name="detections",
        )

        # === Functional model ===
        images = keras.Input((None, None, 3), name="images")
        image_sizes = keras.Input(
            (2,), dtype="int32", name="image_sizes", optional=True
        )
        pixels = parts.normalization(images)
        features, feature_sizes, sizes = trunk(pixels, image_sizes)
        logits, deltas, anchors, exists = rpn([features, feature_sizes])
        regions, _, valid = propose(
            [foreground_logit(logits), deltas, anchors, exists, sizes]
        )
        class_logits, box_deltas = head([features, feature_sizes, regions])
        detections = detect([class_logits, box_deltas, regions, valid, sizes])
        super().__init__(
            inputs={"images": images, "image_sizes": image_sizes},
            outputs=detections,
            name=name,
        )
        # Images may come alone, without their sizes; `call` looks after it.
        self.input_spec = None

        # === Parts ===
        self.normalization = parts.normalization
        self.trunk = trunk
        self.rpn = rpn
        self.head = head
        self.propose = propose
        self.detect = detect
        self.propose_in_training = Proposals(
            *train_proposals,
            proposal_iou,
            min_proposal_side,
            name="proposals_in_training",
        )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.track_losses(
            "rpn_cls_loss", "rpn_bbox_loss", "cls_loss", "bbox_loss"
        )

        # === Config ===
        self.classes = int(classes)
        self.parts = parts
        self.anchor_ratios = tuple(anchor_ratios)
        self.anchor_scales = tuple(anchor_scales)
        self.rpn_filters = rpn_filters
        self.rpn_batch = rpn_batch
        self.rpn_fg_fraction = rpn_fg_fraction
        self.rpn_fg_iou = rpn_fg_iou
        self.rpn_bg_iou = rpn_bg_iou
        self.train_proposals = tuple(train_proposals)
        self.test_proposals = tuple(test_proposals)
        self.proposal_iou = proposal_iou
        self.min_proposal_side = min_proposal_side
        self.roi_batch = roi_batch
        self.roi_fg_fraction = roi_fg_fraction
        self.roi_fg_iou = roi_fg_iou
        self.roi_bg_iou = tuple(roi_bg_iou)
        self.box_std = tuple(box_std)
        self.score_threshold = score_threshold
        self.detection_iou = detection_iou
        self.max_detections = max_detections
        self.seed = seed
        self.anchor_sampling = AnchorSampling(
            rpn_batch, rpn_fg_fraction, rpn_fg_iou, rpn_bg_iou
        )
        self.sampling = RoISampling(
            roi_batch,
            roi_fg_fraction,
            roi_fg_iou,
            self.roi_bg_iou,
            np.zeros(4),
            np.array(box_std),
        )

        if weights is not None:
            load_backbone(self, weights, _DETECTION_LAYERS)

    def call(self, inputs, training=None, mask=None):
        return super().call(with_sizes(inputs), training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the sum of the four losses and record each.

        Args:
            x: images, or a dict of `images` and `image_sizes`.
            y: dict of `boxes` (B, N, 4) xyxy pixels and `labels` (B, N), -1
                for padding; optionally `difficult` and `is_crowd` (B, N)
                bool: such objects do not take part.
            y_pred: not used, since training samples other regions than
                testing keeps.
            sample_weight: not used.
            training: whether dropout and batch normalisation are.

        Returns:
            () float32.
        """
        x = with_sizes(x)
        pixels = self.normalization(x["images"])
        features, feature_sizes, sizes = self.trunk(
            pixels, x["image_sizes"], training=training
        )
        outputs = self.rpn([features, feature_sizes])
        objects = objects_of(y, self.classes)
        values = rpn_losses(
            outputs, sizes, objects, self.anchor_sampling, self.seed_generator
        )
        logits, deltas, anchors, exists = outputs
        regions, _, exists = self.propose_in_training(
            [foreground_logit(logits), deltas, anchors, exists, sizes]
        )
        values |= head_losses(
            self.head,
            features,
            feature_sizes,
            regions,
            exists,
            objects,
            self.sampling,
            self.seed_generator,
            training,
        )
        return self.record_losses(values, ops.shape(sizes)[0])
