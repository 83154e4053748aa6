"""Fast R-CNN (Girshick 2015).

    image -> trunk -> features -> RoIPool -> head -> boxes
                  proposals ------'

B images, P proposals, N objects, R regions, C classes. Boxes are xyxy in
pixels of the image that is passed in. Logits have background first, as in the
reference.
"""

import keras
import numpy as np
from keras import ops

from kcv.detection.backbones import load_backbone
from kcv.detection.backbones import parts_of
from kcv.detection.detections import Detections
from kcv.detection.given_regions import GivenRegions
from kcv.detection.given_regions import complete_inputs
from kcv.detection.ground_truth import objects_to_learn
from kcv.detection.head_training import HeadTraining
from kcv.detection.padded_trunk import PaddedTrunk
from kcv.detection.region_head import RegionHead
from kcv.detection.sampled_training import SampledTraining

# Layers that no classifier has weights for, or that a detector has none of.
_OWN_LAYERS = ("cls_score", "bbox_pred", "fc8", "fc1000")


@keras.saving.register_keras_serializable("kcv")
class FastRCNN(SampledTraining):
    """Detect objects by classifying and refining given proposals in one pass.

    Train with `compile(optimizer)` and `fit` on batches of
    `({"images", "image_sizes", "proposals"}, {"boxes", "labels", ...})` as
    `kcv.data.detection_inputs` makes them; the two losses of the paper are
    shown apart. The defaults are those of the paper's VOC experiment: batches
    of two images, 64 regions of each, objects among them.

    The reference divides box targets by what `kcv.detection.box_statistics`
    measures of the training set, and Faster R-CNN by fixed numbers, which are
    the default here. It has a `score_threshold` of minus infinity, which finds
    `max_detections` in every image.

    Args:
        classes: C, number of classes without background.
        backbone: "vgg16", "resnet18", "resnet50", a keras.Model from images to
            features, or `Parts` for full control.
        weights: None, "imagenet" (the download of keras.applications) or a
            path for `kcv.weights.load_weights`, for the trunk and, if the
            file has them, fc6 and fc7. Lower layers of such a network are
            fixed, see `vgg16_parts` and `resnet_parts`.
        frozen_batch_norm: whether the ResNets' batch normalisation keeps its
            stored statistics; None freezes it where there are weights.
        max_proposals: P, if every image is to have the same number; None
            leaves it free.
        roi_batch: regions per image that the head trains on.
        roi_fg_fraction: their share of foreground at most.
        roi_fg_iou: regions from here on are foreground.
        roi_bg_iou: regions in this interval are background.
        box_mean: is subtracted from the box targets, (4,) or (C, 4).
        box_std: and they are divided by this, (4,) or (C, 4).
        score_threshold: detections score more than this.
        detection_iou: of the suppression within each class.
        max_detections: per image.
        seed: of the sampling; None draws one.

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2), "proposals":
    (B, P, 4)}`: RGB 0..255 padded right and below; sizes int32, which may be
    left out where the images fill the batch; float32 boxes in pixels, zero
    rows for padding. Returns a dict: `boxes` (B, 100, 4) float32, `scores`
    (B, 100) float32, `labels` (B, 100) int32 from 0 with -1 for none,
    `num_detections` (B,) int32.

    Raises:
        ValueError: if an argument is out of its range, or weights do not fit.

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
        frozen_batch_norm=None,
        max_proposals=None,
        # Training
        roi_batch=64,
        roi_fg_fraction=0.25,
        roi_fg_iou=0.5,
        roi_bg_iou=(0.1, 0.5),
        box_mean=(0.0, 0.0, 0.0, 0.0),
        box_std=(0.1, 0.1, 0.2, 0.2),
        # Detections
        score_threshold=0.05,
        detection_iou=0.3,
        max_detections=100,
        seed=None,
        name="fast_rcnn",
    ):
        if int(classes) != classes or classes < 1:
            raise ValueError(
                "classes must be the number of classes without background. "
                f"Received: classes={classes}"
            )
        box_mean = _per_class("box_mean", box_mean, classes)
        box_std = _per_class("box_std", box_std, classes)
        if not np.min(box_std) > 0:
            raise ValueError(
                f"box_std must be positive. Received: box_std={box_std}"
            )
        parts = parts_of(backbone, weights is not None, frozen_batch_norm)

        # === Layers ===
        trunk = PaddedTrunk(parts.trunk, parts.stride, name="trunk")
        given = GivenRegions(name="proposals_given")
        head = RegionHead(classes, parts.head, parts.stride, name="region_head")
        detect = Detections(
            classes,
            box_std,
            score_threshold,
            detection_iou,
            max_detections,
            box_mean,
            name="detections",
        )

        # === Functional model ===
        images = keras.Input((None, None, 3), name="images")
        image_sizes = keras.Input(
            (2,), dtype="int32", name="image_sizes", optional=True
        )
        proposals = keras.Input((max_proposals, 4), name="proposals")
        pixels = parts.normalization(images)
        features, feature_sizes, sizes = trunk(pixels, image_sizes)
        regions, valid = given([proposals, sizes])
        logits, deltas = head([features, feature_sizes, regions])
        super().__init__(
            inputs={
                "images": images,
                "image_sizes": image_sizes,
                "proposals": proposals,
            },
            outputs=detect([logits, deltas, regions, valid, sizes]),
            name=name,
        )
        # Sizes may be left out; `call` looks after it.
        self.input_spec = None

        # === Parts ===
        self.normalization = parts.normalization
        self.trunk = trunk
        self.given = given
        self.head = head
        self.head_training = HeadTraining(
            roi_batch,
            roi_fg_fraction,
            roi_fg_iou,
            tuple(roi_bg_iou),
            box_mean,
            box_std,
        )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.track_losses("cls_loss", "bbox_loss")

        # === Config ===
        self.classes = int(classes)
        self.parts = parts
        self.max_proposals = max_proposals
        self.roi_batch = roi_batch
        self.roi_fg_fraction = roi_fg_fraction
        self.roi_fg_iou = roi_fg_iou
        self.roi_bg_iou = tuple(roi_bg_iou)
        self.box_mean = box_mean
        self.box_std = box_std
        self.score_threshold = score_threshold
        self.detection_iou = detection_iou
        self.max_detections = max_detections
        self.seed = seed

        if weights is not None:
            load_backbone(self, weights, _OWN_LAYERS)

    def call(self, inputs, training=None, mask=None):
        return super().call(complete_inputs(self, inputs), training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the sum of the two losses and record each.

        Args:
            x: dict of `images`, `image_sizes` and `proposals`.
            y: dict of `boxes` (B, N, 4) xyxy pixels and `labels` (B, N), -1
                for padding; optionally `difficult` and `is_crowd` (B, N)
                bool: such objects do not take part.
            y_pred: not used, since training samples its regions.
            sample_weight: not used.
            training: whether dropout and batch normalisation are.

        Returns:
            () float32.
        """
        x = complete_inputs(self, x)
        pixels = self.normalization(x["images"])
        features, feature_sizes, sizes = self.trunk(
            pixels, x["image_sizes"], training=training
        )
        regions, valid = self.given([x["proposals"], sizes])
        values = self.head_training.losses(
            self.head,
            [features, feature_sizes],
            regions,
            valid,
            objects_to_learn(y),
            self.seed_generator,
            training,
        )
        return self.record_losses(values, ops.shape(sizes)[0])


def _per_class(name, values, classes):
    """Check (4,) or (C, 4) numbers, and bring them into a form to be saved."""
    array = np.asarray(values, "float32")
    if array.shape not in ((4,), (classes, 4)) or not np.isfinite(array).all():
        raise ValueError(
            f"{name} must be 4 numbers, or 4 for each of {classes} classes. "
            f"Received: {name}={values}"
        )
    if array.ndim == 1:
        return tuple(values)
    return tuple(tuple(row) for row in array.tolist())
