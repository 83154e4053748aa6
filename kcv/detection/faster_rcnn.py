"""Faster R-CNN (Ren, He, Girshick, Sun 2015), trained jointly.

    image -> trunk -> features -> RPN -> proposals -> RoIPool -> head -> boxes

Shapes: B images of H x W pixels, A anchors, N padded objects, R regions, C
classes without background, K detections per image. Boxes are xyxy in pixels of
the image that is passed in. Logits have background first, as in
py-faster-rcnn.
"""

import keras
from keras import ops

from kcv.detection.learning.head_losses import head_losses
from kcv.detection.learning.rpn_losses import rpn_losses
from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.learning.targets import get_objects
from kcv.detection.parts.backbones import detector_parts
from kcv.detection.parts.backbones import load_backbone
from kcv.detection.parts.detections import Detections
from kcv.detection.parts.padded_trunk import PaddedTrunk
from kcv.detection.parts.proposal_layer import ProposalLayer
from kcv.detection.parts.region_head import RegionHead
from kcv.detection.parts.rpn import RegionProposalNetwork
from kcv.detection.parts.rpn import foreground_logit
from kcv.detection.settings import Anchors
from kcv.detection.settings import AnchorSampling
from kcv.detection.settings import BoxNormalization
from kcv.detection.settings import DetectionSelection
from kcv.detection.settings import ProposalSelection
from kcv.detection.settings import RoISampling
from kcv.detection.settings import check_classes
from kcv.detection.settings import check_settings
from kcv.layers.image_inputs import image_inputs
from kcv.layers.image_inputs import with_sizes

# Layers that no classifier has weights for.
_DETECTION_LAYERS = ("rpn_", "cls_score", "bbox_pred", "fc8", "fc1000")


@keras.saving.register_keras_serializable("kcv")
class FasterRCNN(SampledTraining):
    """Detect objects by region proposals that share features with the detector.

    Train with `compile(optimizer)` and `fit` on batches of
    `({"images", "image_sizes"}, {"boxes", "labels", ...})` as
    `kcv.data.detection_inputs` makes them; the four losses of the paper are
    shown separately. `predict` runs proposals, decoding and suppression inside
    the graph. The defaults are those of the paper's VOC experiment.

    Images without objects take part in training, where all their regions are
    background. (py-faster-rcnn removes such images.)

    Args:
        classes: C, number of classes without background.
        backbone: "vgg16", "resnet18", "resnet50", a keras.Model from images to
            features, which needs `preprocessing`, or `Parts` for full control.
            Defaults to "vgg16".
        weights: Pretrained weights of the trunk and, if the file has them, of
            fc6 and fc7: None, "imagenet" (the download of keras.applications)
            or a path for `kcv.weights.load_weights`. Lower layers of such a
            network are fixed, see `vgg16_parts` and `resnet_parts`. A
            ResNet-50 of torchvision needs `backbone=resnet_parts(50, True,
            stride_in="3x3")`. `kcv.weights.load_weights(model, path)` loads all
            layers of a published detector instead, whose `box_normalization`
            is `BoxNormalization(std=(1, 1, 1, 1))`. Defaults to None, random
            weights.
        preprocessing: Layer or function from RGB 0..255 to what a keras.Model
            backbone expects. If that is RGB 0..255, use
            `keras.layers.Identity()`. Must be None for any other backbone.
            Defaults to None.
        frozen_batch_norm: Whether the batch normalization of a ResNet keeps
            its stored statistics. Defaults to None, which freezes it if there
            are weights.
        anchors: `Anchors`, shapes of the boxes that the RPN scores. Defaults to
            `Anchors()`.
        rpn_filters: Number of filters of the RPN's 3x3 convolution. Defaults
            to 512.
        anchor_sampling: `AnchorSampling`, anchors that the RPN learns from.
            Defaults to `AnchorSampling()`.
        train_proposals: `ProposalSelection` in training. Defaults to
            `ProposalSelection(12000, 2000)`.
        test_proposals: `ProposalSelection` otherwise. Defaults to
            `ProposalSelection(6000, 300)`.
        roi_sampling: `RoISampling`, regions that the head learns from. Defaults
            to `RoISampling()`.
        box_normalization: `BoxNormalization` of the head's box targets.
            Defaults to `BoxNormalization()`.
        detections: `DetectionSelection`, detections that are kept. Defaults to
            `DetectionSelection()`.
        roi_end_offset: Number of pixels by which the right and the lower end of
            a region are moved in when it is pooled. Non-negative float. With an
            offset of 0, no region ends beyond the last pixel of its image.
            Published weights were trained so: a region that reaches the lower
            border of an image of 600 pixels ends in row 37 of the features, and
            not in row 38. If None, regions are pooled as they are. Defaults to
            None.
        seed: Seed of the sampling. If None, it is random. Defaults to None.
        name: Name of the model. Defaults to "faster_rcnn".

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2)}`, RGB 0..255
    padded to the right and below, or with images alone. `predict` returns a
    dict by decreasing score: `boxes` (B, K, 4) float32, `scores` (B, K)
    float32, `labels` (B, K) int32 from 0 with -1 for none, and
    `num_detections` (B,) int32.

    Raises:
        ValueError: If an argument is out of its range, or weights do not fit.

    Example:

    >>> import numpy as np
    >>> model = FasterRCNN(classes=20, backbone="resnet18")
    >>> found = model.predict(np.zeros((1, 96, 128, 3), "float32"), verbose=0)
    >>> found["boxes"].shape
    (1, 100, 4)

    A network of keras.applications:

    ```python
    mobile_net = keras.applications.MobileNetV2(
        include_top=False, input_shape=(None, None, 3)
    )
    model = FasterRCNN(
        classes=20,
        backbone=mobile_net,
        preprocessing=keras.layers.Rescaling(1 / 127.5, offset=-1),
    )
    ```
    """

    def __init__(
        self,
        classes,
        backbone="vgg16",
        weights=None,
        *,
        preprocessing=None,
        frozen_batch_norm=None,
        anchors=Anchors(),
        rpn_filters=512,
        anchor_sampling=AnchorSampling(),
        train_proposals=ProposalSelection(12000, 2000),
        test_proposals=ProposalSelection(6000, 300),
        roi_sampling=RoISampling(),
        box_normalization=BoxNormalization(),
        detections=DetectionSelection(),
        roi_end_offset=None,
        seed=None,
        name="faster_rcnn",
    ):
        classes = check_classes(classes)
        check_settings(
            anchor_sampling=(anchor_sampling, AnchorSampling),
            train_proposals=(train_proposals, ProposalSelection),
            test_proposals=(test_proposals, ProposalSelection),
            roi_sampling=(roi_sampling, RoISampling),
            box_normalization=(box_normalization, BoxNormalization),
            detections=(detections, DetectionSelection),
        )
        parts = detector_parts(
            backbone, weights, frozen_batch_norm, preprocessing
        )
        stride, dtype = parts.stride, parts.dtype_policy

        # === Layers ===
        trunk = PaddedTrunk(parts.trunk, stride, dtype=dtype, name="trunk")
        rpn = RegionProposalNetwork(
            stride, anchors, rpn_filters, dtype=dtype, name="rpn"
        )
        propose = ProposalLayer(test_proposals, name="proposals")
        head = RegionHead(
            classes,
            parts.head,
            stride,
            roi_end_offset,
            dtype=dtype,
            name="region_head",
        )
        detect = Detections(
            classes, box_normalization, detections, name="detections"
        )

        # === Functional model ===
        inputs = image_inputs()
        pixels = parts.preprocessing(inputs["images"])
        features, feature_sizes, sizes = trunk(pixels, inputs["image_sizes"])
        logits, deltas, cells, exists = rpn([features, feature_sizes])
        regions, _, valid = propose(
            [foreground_logit(logits), deltas, cells, exists, sizes]
        )
        class_logits, box_deltas = head(
            [features, feature_sizes, regions, sizes]
        )
        found = detect([class_logits, box_deltas, regions, valid, sizes])
        super().__init__(
            inputs,
            found,
            parts,
            ("rpn_cls_loss", "rpn_bbox_loss", "cls_loss", "bbox_loss"),
            name,
            classes=classes,
            anchors=anchors,
            rpn_filters=rpn_filters,
            anchor_sampling=anchor_sampling,
            train_proposals=train_proposals,
            test_proposals=test_proposals,
            roi_sampling=roi_sampling,
            box_normalization=box_normalization,
            detections=detections,
            roi_end_offset=roi_end_offset,
            seed=seed,
        )
        self.trunk = trunk
        self.rpn = rpn
        self.head = head
        self.propose_in_training = ProposalLayer(
            train_proposals, name="proposals_in_training"
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
            x: Images, or a dict of `images` and `image_sizes`.
            y: Dict of `boxes` (B, N, 4) xyxy in pixels and `labels` (B, N), -1
                for padding. Objects that are marked by `difficult` or
                `is_crowd` (B, N) bool do not take part. Anchors and proposals
                inside a crowd are neither foreground nor background.
            y_pred: Ignored, since training samples other regions than testing
                keeps.
            sample_weight: Ignored.
            training: Whether dropout and batch normalization are in training
                mode. Defaults to True.

        Returns:
            The sum, () float32.
        """
        x = with_sizes(x)
        pixels = self.preprocessing(x["images"])
        features, feature_sizes, sizes = self.trunk(
            pixels, x["image_sizes"], training=training
        )
        outputs = self.rpn([features, feature_sizes])
        objects = get_objects(y, self.classes)
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
            sizes,
            regions,
            exists,
            objects,
            self.roi_sampling,
            self.box_normalization,
            self.seed_generator,
            training,
        )
        return self.record_losses(values, ops.shape(sizes)[0])
