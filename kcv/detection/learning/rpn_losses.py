"""The losses of a region proposal network (Ren et al. 2015, section 3.1).

Shapes: B images, A anchors, N padded objects.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.detection.learning import losses
from kcv.detection.learning.crowds import inside_crowds
from kcv.detection.learning.matching import IGNORE
from kcv.detection.learning.matching import label_anchors
from kcv.detection.learning.matching import match
from kcv.detection.learning.sampling import sample_anchors
from kcv.detection.learning.targets import Objects
from kcv.detection.learning.targets import take
from kcv.detection.parts.anchors import inside_image
from kcv.detection.settings import AnchorSampling


def rpn_losses(
    outputs: Sequence[tf.Tensor],
    image_sizes: tf.Tensor,
    objects: Objects,
    sampling: AnchorSampling,
    seed: keras.random.SeedGenerator,
) -> dict[str, tf.Tensor]:
    """Sample anchors against the ground truth and compute their losses.

    An image without objects, or without an anchor inside of it, teaches
    background or nothing. (py-faster-rcnn removes such images before training
    begins.)

    Args:
        outputs: Outputs of `RegionProposalNetwork`: logits (B, A, 2), deltas
            (B, A, 4), anchors (A, 4) and exists (B, A).
        image_sizes: Height and width (B, 2) int32.
        objects: The ground truth.
        sampling: `AnchorSampling` of the anchors to learn from.
        seed: Generator of the sampling's random numbers.

    Returns:
        A dict of `rpn_cls_loss` and `rpn_bbox_loss`, () float32.
    """
    logits, deltas, anchors, exists = outputs
    iou = geometry.iou_matrix(anchors[None], objects.boxes)  # (B, A, N)
    usable = exists & inside_image(anchors, image_sizes)
    labels = label_anchors(
        iou, objects.valid, usable, sampling.fg_iou, sampling.bg_iou
    )
    crowded = inside_crowds(anchors[None], objects, sampling.crowd_share)
    labels = ops.where(crowded, IGNORE, labels)
    foreground, background = sample_anchors(
        labels,
        keras.random.uniform(ops.shape(labels), seed=seed),
        sampling.size,
        sampling.fg_fraction,
    )
    best, _ = match(iou, objects.valid)
    targets = geometry.encode(take(objects.boxes, best), anchors[None])
    return {
        "rpn_cls_loss": losses.rpn_cls_loss(logits, foreground, background),
        "rpn_bbox_loss": losses.rpn_bbox_loss(
            deltas, targets, foreground, background
        ),
    }
