"""R-CNN (Girshick, Donahue, Darrell, Malik 2014).

    proposals -> windows -> trunk -> pool5 -> head -> fc7 -> SVMs -> boxes
                                       '-> box regression -------------'

Shapes: B images of H x W pixels, P proposals, N padded objects, S side of a
window, C classes without background, K detections per image. Boxes are xyxy in
pixels of the image that is passed in.
"""

import keras
import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.boxes import TensorLike
from kcv.detection.learning import losses
from kcv.detection.learning.matching import match
from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.learning.sampling import sample_rois
from kcv.detection.learning.targets import get_objects
from kcv.detection.learning.targets import take
from kcv.detection.parts.backbones import load_backbone
from kcv.detection.parts.parts import Parts
from kcv.detection.parts.proposal_inputs import with_proposals
from kcv.detection.rcnn.backbones import window_parts
from kcv.detection.rcnn.refined_detections import RefinedDetections
from kcv.detection.rcnn.window_network import WindowNetwork
from kcv.detection.rcnn.window_network import regions_exist
from kcv.detection.settings import DetectionSelection
from kcv.detection.settings import RoISampling
from kcv.detection.settings import check_classes
from kcv.detection.settings import check_settings
from kcv.layers.image_inputs import image_inputs
from kcv.layers.region_warp import checked_sizes

# Layers that no classifier has weights for.
_OWN_LAYERS = ("fc8", "svm", "bbox_regression")


@keras.saving.register_keras_serializable("kcv")
class RCNN(SampledTraining):
    """Detect objects by classifying windows around given proposals.

    There are three stages of training. `compile(optimizer)` and `fit`
    fine-tune the network to tell the classes of windows (fc8, C + 1 outputs,
    which only this stage uses). `kcv.detection.train_rcnn` then fits a linear
    SVM and a box regressor per class, which become two dense layers of the
    model. From then on `predict` gives detections.

    A batch of `fit` shows `roi_sampling.size` windows drawn from the proposals
    and objects of all its images together. The paper draws them from the whole
    set, so use many images per batch. Objects marked as difficult take part,
    as in the reference; `kcv.data.drop_difficult` leaves them out.

    Four things differ from the authors' code. It draws exactly 32 windows of
    objects for a batch of 128, with replacement from the whole set; here there
    are at most 32, without replacement from the images of the batch. It
    subtracts a mean image of 227 x 227 pixels from a window, and kcv one mean
    color from the image. Its windows show one pixel more right and below, see
    `kcv.layers.RegionWarp`. It keeps 100 boxes of each class before suppression
    and has no limit over all classes, as `DetectionSelection(float("-inf"),
    0.3, 2000, pre_nms=100)`. In a simulation of 20 classes, average precision
    is 0.657 there, and 0.656 with 100 detections per image.

    Regions inside a crowd of COCO are background, since R-CNN predates COCO.

    Args:
        classes: C, number of classes without background.
        backbone: "alexnet", "caffenet", "vgg16" (see `window_parts`), or
            `Parts` whose trunk goes from windows (N, S, S, 3) to pool5 and
            whose head continues to fc7. Defaults to "alexnet".
        weights: Pretrained weights of the trunk, fc6 and fc7: None, "imagenet"
            (the download of keras.applications) or a path for
            `kcv.weights.load_weights`. Defaults to None, random weights.
        context: Width of the surroundings that a window shows on each side, in
            pixels. Non-negative integer. Defaults to 16.
        max_proposals: P, if every image must have the same number of
            proposals. Defaults to None, any number.
        roi_sampling: `RoISampling`, windows that the network is fine-tuned
            with. Its size counts windows per batch, not per image. Defaults to
            `RoISampling()`.
        mirror: Whether windows are mirrored with probability 0.5 in training.
            Defaults to True.
        detections: `DetectionSelection`, detections that are kept. Scores are
            signed distances from the SVMs' margins, not probabilities.
            Defaults to `DetectionSelection(score_threshold=-inf)`.
        chunk: Largest number of windows that go through the network at a time.
            Defaults to 32.
        seed: Seed of the sampling. If None, it is random. Defaults to None.
        name: Name of the model. Defaults to "rcnn".

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2), "proposals":
    (B, P, 4)}`: RGB 0..255 padded to the right and below; int32 sizes, which
    may be left out if the images fill the batch; and float32 boxes in pixels,
    zero rows for padding. Proposals outside their image give no detections.
    Returns a dict by decreasing score: `boxes` (B, K, 4) float32, `scores`
    (B, K) float32, `labels` (B, K) int32 from 0 with -1 for none, and
    `num_detections` (B,) int32.

    Raises:
        ValueError: If an argument is out of its range, or weights do not fit.

    Example:

    >>> import numpy as np
    >>> model = RCNN(classes=20, backbone="alexnet")
    >>> x = {"images": np.zeros((1, 96, 128, 3), "float32")}
    >>> x["proposals"] = np.array([[[8.0, 8, 64, 96]]], "float32")
    >>> model.predict(x, verbose=0)["boxes"].shape
    (1, 100, 4)
    """

    def __init__(
        self,
        classes,
        backbone="alexnet",
        weights=None,
        *,
        context=16,
        max_proposals=None,
        roi_sampling=RoISampling(),
        mirror=True,
        detections=DetectionSelection(score_threshold=float("-inf")),
        chunk=32,
        seed=None,
        name="rcnn",
    ):
        classes = check_classes(classes)
        check_settings(
            roi_sampling=(roi_sampling, RoISampling),
            detections=(detections, DetectionSelection),
        )
        parts = backbone
        if not isinstance(backbone, Parts):
            parts = window_parts(backbone)
        side = parts.trunk.input_shape[1]
        if side is None or parts.trunk.input_shape[2] != side:
            raise ValueError(
                "`backbone` must have a trunk of square windows of a fixed "
                f"size. Received: input_shape={parts.trunk.input_shape}"
            )

        # === Layers ===
        svm = _linear(classes, "svm")
        bbox_regression = _linear(4 * classes, "bbox_regression")
        fc8 = keras.layers.Dense(
            classes + 1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
            dtype="float32",
            name="fc8",
        )

        # === One window ===
        windows = keras.Input((side, side, 3), name="windows")
        maps = parts.trunk(windows)
        pool5 = keras.layers.Flatten(dtype="float32", name="pool5_flat")(maps)
        fc7 = parts.head(maps)
        describe = WindowNetwork(
            keras.Model(windows, [fc7, pool5]), context, chunk, name="describe"
        )
        judge = WindowNetwork(
            keras.Model(windows, [svm(fc7), bbox_regression(pool5)]),
            context,
            chunk,
            name="windows",
        )

        # === Functional model ===
        inputs = image_inputs()
        inputs["proposals"] = keras.Input((max_proposals, 4), name="proposals")
        pixels = parts.preprocessing(inputs["images"])
        (scores, deltas), exists, sizes = judge(
            pixels, inputs["proposals"], inputs["image_sizes"]
        )
        found = RefinedDetections(detections, name="detections")(
            [scores, deltas, inputs["proposals"], exists, sizes]
        )
        super().__init__(
            inputs,
            found,
            parts,
            (),
            name,
            classes=classes,
            context=context,
            max_proposals=max_proposals,
            roi_sampling=roi_sampling,
            mirror=mirror,
            detections=detections,
            chunk=chunk,
            seed=seed,
        )
        self.describe = describe
        self.svm = svm
        self.bbox_regression = bbox_regression
        self.fc8 = fc8
        self.fc8.build(parts.head.output_shape)

        if weights is not None:
            load_backbone(self, weights, _OWN_LAYERS)

    def call(self, inputs, training=None, mask=None):
        return super().call(self._complete(inputs), training=training)

    def _complete(self, inputs):
        return with_proposals(inputs, self.name, self.max_proposals)

    def features(
        self, inputs: dict[str, TensorLike]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute what SVMs and box regressors see of each proposal.

        Args:
            inputs: Dict of `images`, `image_sizes` and `proposals`, as the
                model is called with.

        Returns:
            The tuple (fc7, pool5): (B, P, F) and (B, P, G), float32. They are
            zero for proposals that are padding or outside their image.
        """
        x = self._complete(inputs)
        pixels = self.preprocessing(x["images"])
        vectors, _, _ = self.describe(pixels, x["proposals"], x["image_sizes"])
        return vectors

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the softmax loss of a sample of windows.

        Args:
            x: Dict of `images`, `image_sizes` and `proposals`.
            y: Dict of `boxes` (B, N, 4) xyxy in pixels and `labels` (B, N), -1
                for padding. Objects that are marked by `is_crowd` (B, N) bool
                do not take part.
            y_pred: Ignored, since training samples windows.
            sample_weight: Ignored.
            training: Whether dropout, mirroring and batch normalization are in
                training mode. Defaults to True.

        Returns:
            The loss, () float32.
        """
        x = self._complete(x)
        pixels = self.preprocessing(x["images"])
        sizes = checked_sizes(pixels, x["image_sizes"])
        objects = get_objects(y, self.classes, keep_difficult=True)

        # === Which windows: (B, R), then those of all images together ===
        proposals = ops.cast(x["proposals"], "float32")
        # Not the last object, which is there to point at.
        regions = ops.concatenate([proposals, objects.boxes[:, :-1]], axis=1)
        exists = ops.concatenate(
            [regions_exist(proposals, sizes), objects.valid[:, :-1]], axis=1
        )
        best, overlap = match(
            geometry.iou_matrix(regions, objects.boxes), objects.valid
        )
        per_image = ops.shape(regions)[1]
        labels = take(objects.labels, best)
        flat = ops.reshape(overlap, (1, -1))
        sampling = self.roi_sampling
        chosen, foreground, used = sample_rois(
            flat,
            ops.reshape(exists, (1, -1)),
            keras.random.uniform(ops.shape(flat), seed=self.seed_generator),
            sampling.size,
            sampling.fg_fraction,
            sampling.fg_iou,
            sampling.bg_iou,
        )
        boxes = tf.gather(ops.reshape(regions, (-1, 4)), chosen[0])
        labels = tf.gather(ops.reshape(labels, (-1,)), chosen)
        class_ids = ops.where(foreground, labels + 1, 0)  # 0 is background

        # === What they show ===
        owners = chosen[0] // per_image
        windows = self.describe.warp.warp(pixels, boxes, owners, sizes)
        if training and self.mirror:
            chance = keras.random.uniform(
                (sampling.size, 1, 1, 1), seed=self.seed_generator
            )
            windows = ops.where(chance < 0.5, windows[:, :, ::-1], windows)
        maps = self.parts.trunk(windows, training=training)
        logits = self.fc8(self.parts.head(maps, training=training))
        loss = losses.cls_loss(logits[None], class_ids, used)
        self.loss_trackers["loss"].update_state(loss)
        return loss


def _linear(units, name):
    """Create a layer that `train_rcnn` fits: zero until then."""
    return keras.layers.Dense(
        units,
        kernel_initializer="zeros",
        trainable=False,
        dtype="float32",
        name=name,
    )
