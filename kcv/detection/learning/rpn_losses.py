"""How a region proposal network learns (Ren et al. 2015, section 3.1).

B images, A anchors, N padded objects.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.detection.learning import losses
from kcv.detection.learning.head_losses import Objects
from kcv.detection.learning.head_losses import take
from kcv.detection.learning.matching import label_anchors
from kcv.detection.learning.matching import match
from kcv.detection.learning.sampling import sample_anchors
from kcv.detection.parts.anchors import inside_image


class AnchorSampling(NamedTuple):
    """Which anchors the network learns from."""

    size: int  # of each image
    fg_fraction: float
    fg_iou: float  # foreground from here on
    bg_iou: float  # background below


def rpn_losses(
    outputs: Sequence[tf.Tensor],
    image_sizes: tf.Tensor,
    objects: Objects,
    sampling: AnchorSampling,
    seed: keras.random.SeedGenerator,
) -> dict:
    """Sample anchors against the ground truth and learn from them.

    Args:
        outputs: of `RegionProposalNetwork`.
        image_sizes: (B, 2) int32, height and width.
        objects: of `objects_of`.
        sampling: of the anchors.
        seed: what chance comes from.

    Returns:
        `rpn_cls_loss` and `rpn_bbox_loss`, () float32.
    """
    logits, deltas, anchors, exists = outputs
    iou = geometry.iou_matrix(anchors[None], objects.boxes)  # (B, A, N)
    usable = exists & inside_image(anchors, image_sizes)
    labels = label_anchors(
        iou, objects.valid, usable, sampling.fg_iou, sampling.bg_iou
    )
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
