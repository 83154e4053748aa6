"""Fast R-CNN (Girshick 2015).

    image -> trunk -> features --> RoIPool -> head -> boxes
                  proposals ------'

B images, P proposals, N padded objects, C classes. Boxes are xyxy in pixels of
the image that is passed in. Logits have background first.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.detection.learning.head_losses import RoISampling
from kcv.detection.learning.head_losses import head_losses
from kcv.detection.learning.head_losses import objects_of
from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.parts.backbones import detector_parts
from kcv.detection.parts.backbones import load_backbone
from kcv.detection.parts.detections import Detections
from kcv.detection.parts.image_pyramid import ImagePyramid
from kcv.detection.parts.padded_trunk import PaddedTrunk
from kcv.detection.parts.region_head import RegionHead
from kcv.layers.region_warp import full_sizes

# Layers that no classifier has weights for.
_OWN_LAYERS = ("cls_score", "bbox_pred", "fc8", "fc1000")


@keras.saving.register_keras_serializable("kcv")
class FastRCNN(SampledTraining):
    """Detect objects by classifying given proposals, in one pass.

    Train with `compile(optimizer)` and `fit` on batches of `({"images",
    "image_sizes", "proposals"}, {"boxes", "labels", ...})` as
    `kcv.data.detection_inputs` makes them of two images; the two losses of the
    paper are shown apart. The defaults are those of the paper's VOC
    experiment: 64 regions of each of two images, a quarter of them objects,
    background that overlaps an object a little.

    Args:
        classes: C, number of classes without background.
        backbone: "vgg16", "resnet18", "resnet50", a keras.Model to features,
            from images as `custom_parts` scales them, or `Parts` for full
            control.
        weights: None, "imagenet" (the download of keras.applications) or a
            path for `kcv.weights.load_weights`, for the trunk and, if the
            file has them, fc6 and fc7.
        frozen_batch_norm: as of `FasterRCNN`.
        max_proposals: P, if every image is to have the same number; None
            leaves it free.
        roi_batch: regions per image that the head trains on.
        roi_fg_fraction: their share of foreground at most.
        roi_fg_iou: regions from here on are foreground.
        roi_bg_iou: regions in this interval are background.
        box_mean: of the box targets, (4,) or (C, 4) as `box_statistics` gives
            them for the training set, which is the paper's way.
        box_std: their deviation, in the same form.
        score_threshold: detections score more than this. The original keeps
            all, minus infinity, and has 100 per class.
        detection_iou: of the suppression within each class.
        max_detections: per image.
        test_scales: short sides of a pyramid of the image, pixels: each region
            is seen where it is nearest to 224 x 224. The paper has (480, 576,
            688, 864, 1200). None sees images as they come.
        test_long_side: most pixels of a long side in the pyramid.
        seed: of the sampling; None draws one.

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2), "proposals":
    (B, P, 4)}`: RGB 0..255 padded right and below; sizes int32, which may be
    left out where the images fill the batch; float32 boxes in pixels, zero
    rows for padding. Returns a dict: `boxes` (B, 100, 4) float32, `scores`
    (B, 100) float32, `labels` (B, 100) int32 from 0 with -1 for none,
    `num_detections` (B,) int32.

    Raises:
        ValueError: if a number is out of its range, or weights do not fit.

    Example:

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
        # Detection head
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
        test_scales=None,
        test_long_side=2000,
        seed=None,
        name="fast_rcnn",
    ):
        if int(classes) != classes or classes < 1:
            raise ValueError(
                "classes must be the number of classes without background. "
                f"Received: classes={classes}"
            )
        for argument, table in (("box_mean", box_mean), ("box_std", box_std)):
            if np.shape(table) not in ((4,), (int(classes), 4)):
                raise ValueError(
                    f"{argument} must have the shape (4,) or (classes, 4) = "
                    f"({classes}, 4). Received: {np.shape(table)}"
                )
        if test_scales is not None and not (
            len(test_scales)
            and 1 <= min(test_scales) <= max(test_scales) <= test_long_side
        ):
            raise ValueError(
                "test_scales must be short sides of at least one and at most "
                f"test_long_side={test_long_side} pixels. Received: "
                f"test_scales={test_scales}"
            )
        parts = detector_parts(backbone, weights, frozen_batch_norm)

        # === Layers ===
        trunk = PaddedTrunk(parts.trunk, parts.stride, name="trunk")
        head = RegionHead(classes, parts.head, parts.stride, name="region_head")
        detect = Detections(
            classes,
            box_std=box_std,
            box_mean=box_mean,
            score_threshold=score_threshold,
            iou_threshold=detection_iou,
            max_detections=max_detections,
            name="detections",
        )
        inside = RegionsInside(name="regions")

        # === Functional model ===
        images = keras.Input((None, None, 3), name="images")
        image_sizes = keras.Input(
            (2,), dtype="int32", name="image_sizes", optional=True
        )
        proposals = keras.Input((max_proposals, 4), name="proposals")
        pixels = parts.normalization(images)
        regions, exists, sizes = inside(proposals, pixels, image_sizes)
        if test_scales is None:
            features, feature_sizes, _ = trunk(pixels, image_sizes)
            logits, deltas = head([features, feature_sizes, regions])
        else:
            logits, deltas = ImagePyramid(
                trunk, head, tuple(test_scales), test_long_side, name="pyramid"
            )([pixels, sizes, regions])
        detections = detect([logits, deltas, regions, exists, sizes])
        super().__init__(
            inputs={
                "images": images,
                "image_sizes": image_sizes,
                "proposals": proposals,
            },
            outputs=detections,
            name=name,
        )
        # Sizes may be left out; `call` looks after it.
        self.input_spec = None

        # === Parts ===
        self.normalization = parts.normalization
        self.trunk = trunk
        self.head = head
        self.inside = inside
        self.detect = detect
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
        self.box_mean = np.asarray(box_mean, float).tolist()
        self.box_std = np.asarray(box_std, float).tolist()
        self.score_threshold = score_threshold
        self.detection_iou = detection_iou
        self.max_detections = max_detections
        self.test_scales = None if test_scales is None else tuple(test_scales)
        self.test_long_side = test_long_side
        self.seed = seed
        self.sampling = RoISampling(
            roi_batch,
            roi_fg_fraction,
            roi_fg_iou,
            self.roi_bg_iou,
            np.array(box_mean),
            np.array(box_std),
        )

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
            x: dict of `images`, `image_sizes` and `proposals`.
            y: dict of `boxes` (B, N, 4) xyxy pixels and `labels` (B, N), -1
                for padding; optionally `difficult` and `is_crowd` (B, N)
                bool: such objects do not take part.
            y_pred: not used, since training samples regions.
            sample_weight: not used.
            training: whether dropout and batch normalisation are.

        Returns:
            () float32.
        """
        x = with_proposals(x, self.name, self.max_proposals)
        pixels = self.normalization(x["images"])
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
            regions,
            exists,
            objects_of(y, self.classes),
            self.sampling,
            self.seed_generator,
            training,
        )
        return self.record_losses(values, ops.shape(sizes)[0])


class RegionsInside(keras.layers.Layer):
    """Clip proposals to their images, and tell which are regions.

    Call with `proposals` (B, P, 4) xyxy, `images` (B, H, W, 3) and
    `image_sizes` (B, 2) int32, or None where every image fills the batch.
    Returns `(regions, exists, image_sizes)`: (B, P, 4) float32; (B, P) bool,
    False for padding and for what lies outside; (B, 2) int32. Where P is 0
    there is one row all the same, since no convolution likes an empty batch.
    """

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)

    def call(self, proposals, images, image_sizes=None):
        if image_sizes is None:
            image_sizes = full_sizes(images)
        missing = tf.maximum(1 - tf.shape(proposals)[1], 0)
        proposals = tf.pad(proposals, [[0, 0], [0, missing], [0, 0]])
        regions = geometry.clip(ops.cast(proposals, "float32"), image_sizes)
        exists = ops.all(regions[..., 2:] > regions[..., :2], axis=-1)
        return regions, exists, image_sizes

    def compute_output_spec(self, proposals, images, image_sizes=None):
        shape = proposals.shape
        return (
            keras.KerasTensor(shape, dtype="float32"),
            keras.KerasTensor(shape[:2], dtype="bool"),
            keras.KerasTensor((shape[0], 2), dtype="int32"),
        )


def with_proposals(inputs, name, max_proposals=None):
    """Check and complete what a detector of given proposals is called with.

    Args:
        inputs: dict of `images`, `proposals` and, perhaps, `image_sizes`.
        name: of the model, for errors.
        max_proposals: rows that proposals must have, or None.

    Returns:
        A dict of the three; sizes are None where they were left out.

    Raises:
        ValueError: if there are no proposals, or another number of them.
    """
    if not isinstance(inputs, dict) or "proposals" not in inputs:
        names = sorted(inputs) if isinstance(inputs, dict) else type(inputs)
        raise ValueError(
            f"{name} is called with a dict of `images`, `proposals` and, for "
            f"images of different sizes, `image_sizes`. Received: {names}"
        )
    proposals = inputs["proposals"]
    if max_proposals is not None:
        if proposals.shape[1] not in (None, max_proposals):
            raise ValueError(
                f"proposals must have max_proposals={max_proposals} rows for "
                "each image, zero rows where there are fewer. Received: "
                f"{proposals.shape[1]} rows"
            )
        proposals = tf.ensure_shape(proposals, (None, max_proposals, 4))
    return {
        "images": inputs["images"],
        "image_sizes": inputs.get("image_sizes"),
        "proposals": proposals,
    }


def box_statistics(
    dataset: tf.data.Dataset, classes: int, fg_iou: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Measure the box targets of each class in a training set.

    Over all proposals and objects that overlap an object by `fg_iou`, as the
    reference does, so that targets have mean 0 and deviation 1.

    Args:
        dataset: Of `({"images", ..., "proposals"}, {"boxes", "labels", ...})`
            as `kcv.data.detection_inputs` makes them, one pass.
        classes: C.
        fg_iou: Least overlap.

    Returns:
        Mean and deviation, (C, 4) float64 each; 0 and 1 for a class that has
        fewer than two boxes.

    Example:

    ```python
    mean, std = box_statistics(batches, classes=20)
    model = FastRCNN(20, box_mean=mean, box_std=std)
    ```
    """
    count = np.zeros((classes, 1))
    total, squares = np.zeros((classes, 4)), np.zeros((classes, 4))

    @tf.function(reduce_retracing=True)
    def of_batch(x, y):
        objects = objects_of(y, classes)
        proposals = tf.cast(x["proposals"], tf.float32)
        regions = tf.concat([proposals, objects.boxes], 1)
        iou = geometry.iou_matrix(regions, objects.boxes)  # (B, R, N)
        iou = tf.where(objects.valid[:, None], iou, 0.0)
        best = tf.argmax(iou, -1)
        near = tf.reduce_max(iou, -1) >= fg_iou
        truth = tf.gather(objects.boxes, best, batch_dims=1)[near]
        labels = tf.gather(objects.labels, best, batch_dims=1)[near]
        return labels, geometry.encode(truth, regions[near])

    for x, y in dataset:
        labels, targets = map(np.asarray, of_batch(x, y))
        targets = targets.astype(float)
        np.add.at(count, labels, 1)
        np.add.at(total, labels, targets)
        np.add.at(squares, labels, targets**2)
    mean = total / np.maximum(count, 1)
    std = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
    known = (count > 1) & (std > 0)
    return np.where(known, mean, 0.0), np.where(known, std, 1.0)
