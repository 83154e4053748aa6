"""R-CNN (Girshick, Donahue, Darrell, Malik 2014).

    proposals -> windows -> trunk -> pool5 -> head -> fc7 -> SVMs -> boxes
                                       '-> box regression -------------'

B images, P proposals, N objects, S side of a window, C classes. Boxes are
xyxy in pixels of the image that is passed in.
"""

import keras
import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.detection.fast_rcnn import with_proposals
from kcv.detection.learning import losses
from kcv.detection.learning.matching import match
from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.learning.sampling import sample_rois
from kcv.detection.parts.backbones import Parts
from kcv.detection.parts.backbones import load_backbone
from kcv.detection.parts.detections import decode_per_class
from kcv.detection.parts.suppression import ClassWiseSuppression
from kcv.detection.rcnn.backbones import window_parts
from kcv.detection.rcnn.window_network import WindowNetwork
from kcv.detection.rcnn.window_network import regions_exist
from kcv.layers.region_warp import full_sizes

# Layers that no classifier has weights for.
_OWN_LAYERS = ("fc8", "svm", "bbox_regression")


@keras.saving.register_keras_serializable("kcv")
class RCNN(SampledTraining):
    """Detect objects by classifying windows around given proposals.

    Three stages of training: `compile(optimizer)` and `fit` fine-tune the
    network to tell the classes of windows (fc8, C + 1 outputs, which only
    this stage uses); `kcv.detection.train_rcnn` then fits a linear SVM and a
    box regressor per class, which become two dense layers of the model. From
    then on `predict` gives detections.

    A batch of `fit` shows `window_batch` windows drawn from the proposals and
    objects of all its images together. The paper draws them from the whole
    set: have many images in a batch. Difficult objects take part, as in the
    reference; `kcv.data.drop_difficult` leaves them out.

    Args:
        classes: C, number of classes without background.
        backbone: "alexnet", "caffenet", "vgg16" (see `window_parts`), or
            `Parts` whose trunk goes from windows (N, S, S, 3) to pool5 and
            whose head goes on to fc7.
        weights: None, "imagenet" (the download of keras.applications) or a
            path for `kcv.weights.load_weights`, for the trunk, fc6 and fc7.
        context: pixels of a window on each side that show surroundings.
        max_proposals: P, if every image is to have the same number; None
            leaves it free.
        window_batch: windows of an update.
        fg_fraction: the share of objects among them, at most.
        fg_iou: windows from here on show an object.
        bg_iou: windows in this interval show background.
        mirror: whether windows are mirrored at random in training.
        score_threshold: detections score more than this; the scores are
            signed distances from the SVMs' margins, not probabilities.
        detection_iou: of the suppression within each class.
        max_detections: per image.
        chunk: windows that go through the network at a time, at most.
        seed: of the sampling; None draws one.

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2), "proposals":
    (B, P, 4)}`: RGB 0..255 padded right and below; sizes int32, which may be
    left out where the images fill the batch; float32 boxes in pixels, zero
    rows for padding. Proposals outside their image give no detections.
    Returns a dict: `boxes` (B, 100, 4) float32, `scores` (B, 100) float32,
    `labels` (B, 100) int32 from 0 with -1 for none, `num_detections` (B,)
    int32.

    Raises:
        ValueError: if a number is out of its range, or weights do not fit.

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
        context=16,
        max_proposals=None,
        # Fine-tuning
        window_batch=128,
        fg_fraction=0.25,
        fg_iou=0.5,
        bg_iou=(0.0, 0.5),
        mirror=True,
        # Detections
        score_threshold=float("-inf"),
        detection_iou=0.3,
        max_detections=100,
        chunk=32,
        seed=None,
        name="rcnn",
    ):
        if int(classes) != classes or classes < 1:
            raise ValueError(
                "classes must be the number of classes without background. "
                f"Received: classes={classes}"
            )
        parts = backbone
        if not isinstance(backbone, Parts):
            parts = window_parts(backbone)
        side = parts.trunk.input_shape[1]
        if side is None or parts.trunk.input_shape[2] != side:
            raise ValueError(
                "backbone must have a trunk of square windows of a fixed size. "
                f"Received: input_shape={parts.trunk.input_shape}"
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
        images = keras.Input((None, None, 3), name="images")
        image_sizes = keras.Input(
            (2,), dtype="int32", name="image_sizes", optional=True
        )
        proposals = keras.Input((max_proposals, 4), name="proposals")
        pixels = parts.normalization(images)
        (scores, deltas), exists, sizes = judge(pixels, proposals, image_sizes)
        detections = RefinedDetections(
            detection_iou, max_detections, score_threshold, name="detections"
        )([scores, deltas, proposals, exists, sizes])
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
        self.describe = describe
        self.svm = svm
        self.bbox_regression = bbox_regression
        self.fc8 = fc8
        self.fc8.build(parts.head.output_shape)
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.loss_tracker = keras.metrics.Mean(name="loss")

        # === Config ===
        self.classes = int(classes)
        self.parts = parts
        self.context = context
        self.max_proposals = max_proposals
        self.window_batch = window_batch
        self.fg_fraction = fg_fraction
        self.fg_iou = fg_iou
        self.bg_iou = tuple(bg_iou)
        self.mirror = mirror
        self.score_threshold = score_threshold
        self.detection_iou = detection_iou
        self.max_detections = max_detections
        self.chunk = chunk
        self.seed = seed

        if weights is not None:
            load_backbone(self, weights, _OWN_LAYERS)

    def call(self, inputs, training=None, mask=None):
        return super().call(self._complete(inputs), training=training)

    def _complete(self, inputs):
        return with_proposals(inputs, self.name, self.max_proposals)

    @property
    def metrics(self):
        return [self.loss_tracker]

    def features(self, inputs):
        """Compute what SVMs and box regressors see of each proposal.

        Args:
            inputs: as the model is called with.

        Returns:
            fc7 (B, P, F) and pool5 (B, P, G), float32; zero for what is no
            region.
        """
        x = self._complete(inputs)
        pixels = self.normalization(x["images"])
        vectors, _, _ = self.describe(pixels, x["proposals"], x["image_sizes"])
        return vectors

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the softmax loss of a sample of windows.

        Args:
            x: dict of `images`, `image_sizes` and `proposals`.
            y: dict of `boxes` (B, N, 4) xyxy pixels and `labels` (B, N), -1
                for padding; optionally `is_crowd` (B, N) bool: such objects
                do not take part.
            y_pred: not used.
            sample_weight: not used.
            training: whether dropout, mirroring and batch normalisation are.

        Returns:
            () float32.
        """
        x = self._complete(x)
        pixels = self.normalization(x["images"])
        sizes = x["image_sizes"]
        if sizes is None:
            sizes = full_sizes(pixels)
        objects = ops.cast(y["boxes"], "float32")
        labels = ops.cast(y["labels"], "int32")
        valid = labels >= 0
        if "is_crowd" in y:
            valid = valid & ~ops.cast(y["is_crowd"], "bool")

        # === Which windows: (B, R), then those of all images together ===
        proposals = ops.cast(x["proposals"], "float32")
        regions = ops.concatenate([proposals, objects], axis=1)
        exists = ops.concatenate(
            [regions_exist(proposals, sizes), valid], axis=1
        )
        best, overlap = match(geometry.iou_matrix(regions, objects), valid)
        per_image = ops.shape(regions)[1]
        # Room for one object, so that no image is without any to point at.
        labels = ops.pad(labels, [[0, 0], [0, 1]], constant_values=-1)
        labels = tf.gather(labels, best, batch_dims=1)
        flat = ops.reshape(overlap, (1, -1))
        chosen, foreground, used = sample_rois(
            flat,
            ops.reshape(exists, (1, -1)),
            keras.random.uniform(ops.shape(flat), seed=self.seed_generator),
            self.window_batch,
            self.fg_fraction,
            self.fg_iou,
            self.bg_iou,
        )
        boxes = tf.gather(ops.reshape(regions, (-1, 4)), chosen[0])
        labels = tf.gather(ops.reshape(labels, (-1,)), chosen)
        classes = ops.where(foreground, labels + 1, 0)  # 0 is background

        # === What they show ===
        owners = chosen[0] // per_image
        windows = self.describe.warp.warp(pixels, boxes, owners, sizes)
        if training and self.mirror:
            chance = keras.random.uniform(
                (self.window_batch, 1, 1, 1), seed=self.seed_generator
            )
            windows = ops.where(chance < 0.5, windows[:, :, ::-1], windows)
        maps = self.parts.trunk(windows, training=training)
        logits = self.fc8(self.parts.head(maps, training=training))
        loss = losses.cls_loss(logits[None], classes, used)
        self.loss_tracker.update_state(loss)
        return loss


class RefinedDetections(keras.layers.Layer):
    """Refine every proposal for each class, suppress, keep the best.

    Args:
        iou_threshold: of the suppression within each class.
        max_detections: K, per image.
        score_threshold: a detection scores more than this.

    Call with `[scores, deltas, proposals, exists, image_sizes]`: scores
    (B, P, C), deltas (B, P, 4 * C), proposals (B, P, 4) xyxy, exists (B, P)
    bool, image_sizes (B, 2). Returns what `ClassWiseSuppression` does.
    """

    def __init__(
        self, iou_threshold, max_detections, score_threshold, **kwargs
    ):
        super().__init__(dtype="float32", **kwargs)
        self.suppress = ClassWiseSuppression(
            iou_threshold, max_detections, score_threshold
        )

    def build(self, input_shape):
        self.suppress.build(input_shape)

    def call(self, inputs):
        scores, deltas, proposals, exists, image_sizes = inputs
        batch, count, classes = tf.unstack(tf.shape(scores))
        # No box can be relative to an empty one.
        regions = tf.where(exists[..., None], proposals, [0.0, 0.0, 1.0, 1.0])
        refined = decode_per_class(
            tf.reshape(deltas, (batch, count, classes, 4)),
            regions,
            image_sizes,
        )
        scores = tf.where(exists[..., None], scores, float("-inf"))
        return self.suppress([refined, tf.transpose(scores, (0, 2, 1))])

    def compute_output_spec(self, inputs):
        return self.suppress.compute_output_spec(inputs)


def _linear(units, name):
    """A layer that `train_rcnn` fits: zero until then, and never by `fit`."""
    return keras.layers.Dense(
        units,
        kernel_initializer="zeros",
        trainable=False,
        dtype="float32",
        name=name,
    )
