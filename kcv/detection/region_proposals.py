"""A region proposal network by itself (Ren et al. 2015, section 3.1).

    image -> trunk -> features -> RPN -> proposals

B images, K proposals, N objects. Boxes are xyxy in pixels of the image that is
passed in.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kcv.data.transforms.resizing import resize_example
from kcv.detection.learning.head_losses import objects_of
from kcv.detection.learning.rpn_losses import AnchorSampling
from kcv.detection.learning.rpn_losses import rpn_losses
from kcv.detection.learning.sampled_training import SampledTraining
from kcv.detection.parts.backbones import detector_parts
from kcv.detection.parts.backbones import load_backbone
from kcv.detection.parts.padded_trunk import PaddedTrunk
from kcv.detection.parts.padded_trunk import with_sizes
from kcv.detection.parts.proposal_layer import Proposals
from kcv.detection.parts.rpn import RegionProposalNetwork
from kcv.detection.parts.rpn import foreground_logit

# Layers that no classifier has weights for, and those that have no place here.
_OWN_LAYERS = ("rpn_", "fc6", "fc7", "fc8", "fc1000", "res5", "bn5")


@keras.saving.register_keras_serializable("kcv")
class RegionProposals(SampledTraining):
    """Propose regions, whatever the class of what they hold.

    Train with `compile(optimizer)` and `fit` on batches of
    `({"images", "image_sizes"}, {"boxes", "labels", ...})`; the two losses of
    the network are shown apart. The arguments are those of `FasterRCNN`.

    Args:
        backbone: as of `FasterRCNN`; the head of `Parts` is left out.
        weights: as of `FasterRCNN`, for the trunk.
        frozen_batch_norm: as of `FasterRCNN`.
        anchor_ratios: height / width of the anchors.
        anchor_scales: sides of the anchors in strides.
        rpn_filters: width of the 3x3 convolution.
        rpn_batch: anchors per image to train on.
        rpn_fg_fraction: their share of foreground at most.
        rpn_fg_iou: anchors from here on are foreground.
        rpn_bg_iou: anchors below are background.
        proposals: regions before and after suppression; None for all.
        proposal_iou: of the suppression.
        min_proposal_side: pixels of the image that is passed in.
        seed: of the sampling; None draws one.

    Call with `{"images": (B, H, W, 3), "image_sizes": (B, 2)}`, RGB 0..255
    padded right and below, or with images alone. Returns a dict by falling
    score: `proposals` (B, K, 4) float32 and `scores` (B, K) float32 in 0..1,
    both zero where there are fewer.

    Example:

    >>> import numpy as np
    >>> model = RegionProposals("resnet18", proposals=(6000, 300))
    >>> found = model.predict(np.zeros((1, 96, 128, 3), "float32"), verbose=0)
    >>> found["proposals"].shape
    (1, 300, 4)
    """

    def __init__(
        self,
        backbone="vgg16",
        weights=None,
        frozen_batch_norm=None,
        # Anchors
        anchor_ratios=(0.5, 1.0, 2.0),
        anchor_scales=(8, 16, 32),
        # Training
        rpn_filters=512,
        rpn_batch=256,
        rpn_fg_fraction=0.5,
        rpn_fg_iou=0.7,
        rpn_bg_iou=0.3,
        # Proposals
        proposals=(None, 2000),
        proposal_iou=0.7,
        min_proposal_side=16,
        seed=None,
        name="region_proposals",
    ):
        parts = detector_parts(backbone, weights, frozen_batch_norm)
        # What is kept of the parts is saved, and trained.
        parts = parts._replace(head=None)

        # === Layers ===
        trunk = PaddedTrunk(parts.trunk, parts.stride, name="trunk")
        rpn = RegionProposalNetwork(
            parts.stride, anchor_ratios, anchor_scales, rpn_filters, name="rpn"
        )
        propose = Proposals(
            *proposals, proposal_iou, min_proposal_side, name="proposals"
        )

        # === Functional model ===
        images = keras.Input((None, None, 3), name="images")
        image_sizes = keras.Input(
            (2,), dtype="int32", name="image_sizes", optional=True
        )
        pixels = parts.normalization(images)
        features, feature_sizes, sizes = trunk(pixels, image_sizes)
        logits, deltas, anchors, exists = rpn([features, feature_sizes])
        regions, scores, _ = propose(
            [foreground_logit(logits), deltas, anchors, exists, sizes]
        )
        super().__init__(
            inputs={"images": images, "image_sizes": image_sizes},
            outputs={"proposals": regions, "scores": ops.sigmoid(scores)},
            name=name,
        )
        # Images may come alone, without their sizes; `call` looks after it.
        self.input_spec = None

        # === Parts ===
        self.normalization = parts.normalization
        self.trunk = trunk
        self.rpn = rpn
        self.sampling = AnchorSampling(
            rpn_batch, rpn_fg_fraction, rpn_fg_iou, rpn_bg_iou
        )
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.track_losses("rpn_cls_loss", "rpn_bbox_loss")

        # === Config ===
        self.parts = parts
        self.anchor_ratios = tuple(anchor_ratios)
        self.anchor_scales = tuple(anchor_scales)
        self.rpn_filters = rpn_filters
        self.rpn_batch = rpn_batch
        self.rpn_fg_fraction = rpn_fg_fraction
        self.rpn_fg_iou = rpn_fg_iou
        self.rpn_bg_iou = rpn_bg_iou
        self.proposals = tuple(proposals)
        self.proposal_iou = proposal_iou
        self.min_proposal_side = min_proposal_side
        self.seed = seed

        if weights is not None:
            load_backbone(self, weights, _OWN_LAYERS)

    def call(self, inputs, training=None, mask=None):
        return super().call(with_sizes(inputs), training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Compute the sum of the two losses and record each.

        Args:
            x: images, or a dict of `images` and `image_sizes`.
            y: as of `FasterRCNN.compute_loss`.
            y_pred: not used, since training samples anchors.
            sample_weight: not used.
            training: whether batch normalisation is.

        Returns:
            () float32.
        """
        x = with_sizes(x)
        pixels = self.normalization(x["images"])
        features, feature_sizes, sizes = self.trunk(
            pixels, x["image_sizes"], training=training
        )
        values = rpn_losses(
            self.rpn([features, feature_sizes]),
            sizes,
            objects_of(y),
            self.sampling,
            self.seed_generator,
        )
        return self.record_losses(values, ops.shape(sizes)[0])


class ImageProposals:
    """Propose regions of one image, as the methods of `kcv.proposals` do.

    Args:
        model: a trained `RegionProposals`.
        short_side: to which the image is scaled for it, in pixels.
        long_side: at most, in pixels.

    Call with an image (H, W, 3) uint8 RGB. Returns boxes (n, 4) float32 xyxy
    in its pixels, best first. It may be called from several threads.

    Example:

    ```python
    method = kcv.detection.ImageProposals(model, 600, 1000)
    cache = kcv.proposals.ProposalCache("runs/voc/rpn", method)
    cache.compute(train)
    ```
    """

    def __init__(
        self,
        model: RegionProposals,
        short_side: int = 600,
        long_side: int = 1000,
    ):
        self.model = model
        self.short_side = short_side
        self.long_side = long_side
        # One trace for images of all sizes.
        self._propose = tf.function(
            self._scaled_and_proposed,
            input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)],
        )

    def __call__(self, image: np.ndarray) -> np.ndarray:
        boxes = self._propose(image).numpy()
        return boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]

    def _scaled_and_proposed(self, image):
        scaled = resize_example(
            {"images": image}, self.short_side, self.long_side
        )["images"]
        found = self.model(tf.cast(scaled, "float32")[None], training=False)
        sides = [tf.shape(x)[1::-1] for x in (image, scaled)]
        ratio = tf.cast(sides[0], "float32") / tf.cast(sides[1], "float32")
        return found["proposals"][0] * tf.tile(ratio, [2])
