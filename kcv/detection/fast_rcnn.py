"""Fast R-CNN (Girshick 2015).

    image -> trunk -> features --> RoIPool -> head -> boxes
                  proposals ------'

Shapes: B images of H x W pixels, P proposals, N padded objects, C classes
without background, K detections per image. Boxes are xyxy in pixels of the
image that is passed in. Logits have background first.
"""

import keras
from keras import ops

from kcv.detection.learning.head_losses import head_losses
from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.learning.targets import get_objects
from kcv.detection.parts.backbones import detector_parts
from kcv.detection.parts.backbones import load_backbone
from kcv.detection.parts.detections import Detections
from kcv.detection.parts.image_pyramid import ImagePyramid
from kcv.detection.parts.padded_trunk import PaddedTrunk
from kcv.detection.parts.proposal_inputs import with_proposals
from kcv.detection.parts.region_head import RegionHead
from kcv.detection.parts.regions_inside import RegionsInside
from kcv.detection.settings import BoxNormalization
from kcv.detection.settings import DetectionSelection
from kcv.detection.settings import RoISampling
from kcv.detection.settings import check_classes
from kcv.detection.settings import check_settings
from kcv.layers.image_inputs import image_inputs

# Layers that no classifier has weights for.
_OWN_LAYERS = ("cls_score", "bbox_pred", "fc8", "fc1000")


@keras.saving.register_keras_serializable("kcv")
class FastRCNN(SampledTraining):
    """Detect objects by classifying given proposals, in one pass.

    Train with `compile(optimizer)` and `fit` on batches of `({"images",
    "image_sizes", "proposals"}, {"boxes", "labels", ...})` as
    `kcv.data.detection_inputs` makes them of two images; the two losses of the
    paper are shown separately. The defaults are those of the paper's VOC
    experiment: 64 regions of each of two images, a quarter of them objects,
    and background that overlaps an object a little.

    Objects marked as difficult do not take part in training. This is one of
    the paper's experiments, which has 68.1 mAP on VOC 2007 with VGG-16. The
    reference code trains with difficult objects (66.9 mAP), and so does
    `keep_difficult=True`.

    The reference code evaluates proposals that cover the same cells once, so
    they share a refined box. In kcv each proposal has its own.

    Args:
        classes: C, number of classes without background.
        backbone: "vgg16", "resnet18", "resnet50", a keras.Model from images to
            features, which needs `preprocessing`, or `Parts` for full control.
            Defaults to "vgg16".
        weights: Pretrained weights of the trunk and, if the file has them, of
            fc6 and fc7: None, "imagenet" (the download of keras.applications)
            or a path for `kcv.weights.load_weights`. Lower layers of such a
            network are fixed, see `vgg16_parts` and `resnet_parts`.
            `kcv.weights.load_weights(model, path)` loads all layers of a
            published detector instead, whose `box_normalization` is
            `BoxNormalization(std=(1, 1, 1, 1))`. Defaults to None, random
            weights.
        preprocessing: Layer or function from RGB 0..255 to what a keras.Model
            backbone expects. If that is RGB 0..255, use
            `keras.layers.Identity()`. Must be None for any other backbone.
            Defaults to None.
        frozen_batch_norm: Whether the batch normalization of a ResNet keeps
            its stored statistics. Defaults to None, which freezes it if there
            are weights.
        max_proposals: P, number of proposals that every image must have. If
            None, the number is free. Defaults to None.
        roi_sampling: `RoISampling`, regions that the head learns from.
            Defaults to `RoISampling(64, bg_iou=(0.1, 0.5))`.
        box_normalization: `BoxNormalization` of the box targets. The paper
            measures it on the training set, see `box_statistics`. Defaults to
            `BoxNormalization()`.
        detections: `DetectionSelection`, detections that are kept. The
            reference code has no score threshold and keeps 100 boxes of each
            class before suppression, as `DetectionSelection(float("-inf"), 0.3,
            2000, pre_nms=100)` does. On 60 simulated images this changes
            average precision by 0.002. Defaults to `DetectionSelection()`.
        keep_difficult: Whether objects marked as difficult take part in
            training. Measure `box_normalization` in the same way. Defaults to
            False.
        loss_average: Whether the two losses are averaged over each "image"
            and then over the batch, or over every "region" of the batch, as in
            the reference code. They differ for images with fewer regions than
            `roi_sampling.size`. Defaults to "image", with which a batch of two
            has the loss of two batches of one.
        roi_end_offset: Number of pixels by which the right and the lower end of
            a region are moved in when it is pooled. Non-negative float. The
            reference code pools up to the last pixel of a region, which is x2 -
            1 for a half-open box in the original image. This is an offset of 1
            if images are not resized before (with `test_scales=(600,)`), and
            otherwise the factor by which they are resized, 1.6 for most images
            of VOC. Without the offset one region in five ends a cell later, and
            published weights were not trained so. If None, regions are pooled
            as they are, which suits the proposals of a region proposal network.
            Defaults to None.
        test_scales: Short sides of a pyramid of the image, in pixels. Each
            region is pooled at the scale where its size is nearest to 224 x
            224. The paper has `(480, 576, 688, 864, 1200)`. If None, images are
            not resized. Defaults to None.
        test_long_side: Largest long side in the pyramid, in pixels. Positive
            integer. Defaults to 2000.
        seed: Seed of the sampling. If None, it is random. Defaults to None.
        name: Name of the model. Defaults to "fast_rcnn".

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2), "proposals":
    (B, P, 4)}`: RGB 0..255 padded to the right and below; int32 sizes, which
    may be left out if the images fill the batch; and float32 boxes in pixels,
    zero rows for padding. Returns a dict by decreasing score: `boxes`
    (B, K, 4) float32, `scores` (B, K) float32, `labels` (B, K) int32 from 0
    with -1 for none, and `num_detections` (B,) int32.

    Raises:
        ValueError: If an argument is out of its range, or weights do not fit.

    Example:

    >>> import numpy as np
    >>> model = FastRCNN(classes=20, backbone="resnet18")
    >>> x = {"images": np.zeros((1, 96, 128, 3), "float32")}
    >>> x["proposals"] = np.array([[[8.0, 8, 64, 96]]], "float32")
    >>> model.predict(x, verbose=0)["boxes"].shape
    (1, 100, 4)
    """

    def __init__(
        self,
        classes,
        backbone="vgg16",
        weights=None,
        *,
        preprocessing=None,
        frozen_batch_norm=None,
        max_proposals=None,
        roi_sampling=RoISampling(64, bg_iou=(0.1, 0.5)),
        box_normalization=BoxNormalization(),
        detections=DetectionSelection(),
        keep_difficult=False,
        loss_average="image",
        roi_end_offset=None,
        test_scales=None,
        test_long_side=2000,
        seed=None,
        name="fast_rcnn",
    ):
        classes = check_classes(classes)
        check_settings(
            roi_sampling=(roi_sampling, RoISampling),
            box_normalization=(box_normalization, BoxNormalization),
            detections=(detections, DetectionSelection),
        )
        if loss_average not in ("image", "region"):
            raise ValueError(
                "`loss_average` must be 'image' or 'region'. Received: "
                f"loss_average={loss_average!r}"
            )
        if test_scales is not None:
            test_scales = tuple(test_scales)
            if not test_scales or not (
                1 <= min(test_scales) <= max(test_scales) <= test_long_side
            ):
                raise ValueError(
                    "`test_scales` must be short sides of at least one and at "
                    f"most test_long_side={test_long_side} pixels. Received: "
                    f"test_scales={test_scales}"
                )
        parts = detector_parts(
            backbone, weights, frozen_batch_norm, preprocessing
        )
        stride, dtype = parts.stride, parts.dtype_policy

        # === Layers ===
        trunk = PaddedTrunk(parts.trunk, stride, dtype=dtype, name="trunk")
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
        inside = RegionsInside(name="regions")

        # === Functional model ===
        inputs = image_inputs()
        inputs["proposals"] = keras.Input((max_proposals, 4), name="proposals")
        pixels = parts.preprocessing(inputs["images"])
        regions, exists, sizes = inside(
            inputs["proposals"], pixels, inputs["image_sizes"]
        )
        if test_scales is None:
            features, feature_sizes, _ = trunk(pixels, inputs["image_sizes"])
            logits, deltas = head([features, feature_sizes, regions, sizes])
        else:
            pyramid = ImagePyramid(
                trunk,
                head,
                test_scales,
                test_long_side,
                dtype=dtype,
                name="pyramid",
            )
            logits, deltas = pyramid([pixels, sizes, regions])
        found = detect([logits, deltas, regions, exists, sizes])
        super().__init__(
            inputs,
            found,
            parts,
            ("cls_loss", "bbox_loss"),
            name,
            classes=classes,
            max_proposals=max_proposals,
            roi_sampling=roi_sampling,
            box_normalization=box_normalization,
            detections=detections,
            keep_difficult=keep_difficult,
            loss_average=loss_average,
            roi_end_offset=roi_end_offset,
            test_scales=test_scales,
            test_long_side=test_long_side,
            seed=seed,
        )
        self.trunk = trunk
        self.head = head
        self.inside = inside

        if weights is not None:
            load_backbone(self, weights, _OWN_LAYERS)

    def call(self, inputs, training=None, mask=None):
        inputs = with_proposals(inputs, self.name, self.max_proposals)
        return super().call(inputs, training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the sum of the two losses and record each.

        Args:
            x: Dict of `images`, `image_sizes` and `proposals`.
            y: Dict of `boxes` (B, N, 4) xyxy in pixels and `labels` (B, N), -1
                for padding. Objects that are marked by `is_crowd` (B, N) bool
                do not take part, nor do those marked by `difficult` (B, N)
                bool without `keep_difficult`. Proposals inside a crowd are
                neither foreground nor background.
            y_pred: Ignored, since training samples other regions than testing
                keeps.
            sample_weight: Ignored.
            training: Whether dropout and batch normalization are in training
                mode. Defaults to True.

        Returns:
            The sum, () float32.
        """
        x = with_proposals(x, self.name, self.max_proposals)
        pixels = self.preprocessing(x["images"])
        regions, exists, sizes = self.inside(
            x["proposals"], pixels, x["image_sizes"]
        )
        features, feature_sizes, _ = self.trunk(
            pixels, x["image_sizes"], training=training
        )
        values = head_losses(
            self.head,
            features,
            feature_sizes,
            sizes,
            regions,
            exists,
            get_objects(y, self.classes, self.keep_difficult),
            self.roi_sampling,
            self.box_normalization,
            self.seed_generator,
            training,
            self.loss_average,
        )
        return self.record_losses(values, ops.shape(sizes)[0])
