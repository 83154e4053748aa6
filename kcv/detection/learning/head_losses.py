"""The losses of Fast R-CNN's head (Girshick 2015, section 2.3).

Faster R-CNN's head learns in the same way, from other regions.

Shapes: B images, A candidates, N padded objects, R regions per image, C
classes without background.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kcv import boxes as geometry
from kcv.detection.learning import losses
from kcv.detection.learning.candidates import list_candidates
from kcv.detection.learning.sampling import sample_rois
from kcv.detection.learning.targets import Objects
from kcv.detection.learning.targets import take
from kcv.detection.parts.region_head import RegionHead
from kcv.detection.settings import BoxNormalization
from kcv.detection.settings import RoISampling

_UNIT_BOX = (0.0, 0.0, 1.0, 1.0)


def head_losses(
    head: RegionHead,
    features: tf.Tensor,
    feature_sizes: tf.Tensor,
    image_sizes: tf.Tensor,
    proposals: tf.Tensor,
    exists: tf.Tensor,
    objects: Objects,
    sampling: RoISampling,
    normalization: BoxNormalization,
    seed: keras.random.SeedGenerator,
    training: bool = True,
    average: losses.Average = "image",
) -> dict[str, tf.Tensor]:
    """Sample regions against the ground truth and compute their losses.

    Args:
        head: The `RegionHead` of C classes.
        features: Features (B, H, W, channels) of the images.
        feature_sizes: Rows and columns (B, 2) int32 of the features that
            belong to each image.
        image_sizes: Height and width (B, 2) int32 of the images.
        proposals: Regions (B, A, 4) xyxy in pixels.
        exists: Whether a proposal is one, (B, A) bool; False for padding.
        objects: The ground truth. Its boxes are candidates, too.
        sampling: `RoISampling` of the regions to learn from.
        normalization: `BoxNormalization` of the box targets.
        seed: Generator of the sampling's random numbers.
        training: Whether dropout and batch normalization are in training mode.
            Defaults to True.
        average: Whether "image" losses or "region" losses are averaged, see
            `cls_loss`. Defaults to "image".

    Returns:
        A dict of `cls_loss` and `bbox_loss`, () float32.
    """
    regions, exists, best, overlap = list_candidates(
        proposals, exists, objects, sampling.crowd_share
    )
    chosen, foreground, used = sample_rois(
        overlap,
        exists,
        keras.random.uniform(ops.shape(overlap), seed=seed),
        sampling.size,
        sampling.fg_fraction,
        sampling.fg_iou,
        sampling.bg_iou,
    )
    regions, best = take(regions, chosen), take(best, chosen)
    logits, deltas = head(
        [features, feature_sizes, regions, image_sizes], training=training
    )
    # Class 0 is background from here on: (B, R).
    class_ids = ops.where(foreground, take(objects.labels, best) + 1, 0)
    count = logits.shape[-1]
    deltas = ops.reshape(deltas, (-1, sampling.size, count, 4))
    deltas = tf.gather(deltas, class_ids, batch_dims=2)
    # Unused regions are empty, and no box can be relative to an empty one.
    regions = ops.where(used[..., None], regions, _UNIT_BOX)
    targets = geometry.encode(take(objects.boxes, best), regions)
    mean, std = (
        tf.gather(_with_background(table), class_ids)
        for table in normalization.for_classes(count - 1)
    )
    return {
        "cls_loss": losses.cls_loss(logits, class_ids, used, average),
        "bbox_loss": losses.bbox_loss(
            deltas, (targets - mean) / std, foreground, used, average
        ),
    }


def _with_background(table):
    """Put a row for background in front of those of the classes (C, 4)."""
    return np.concatenate([np.ones((1, 4)), table]).astype(np.float32)
