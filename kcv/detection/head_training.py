"""What a detection head learns from regions of a batch."""

import dataclasses
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from kcv.boxes import encode
from kcv.boxes import iou_matrix
from kcv.detection import losses
from kcv.detection.ground_truth import Objects
from kcv.detection.matching import match
from kcv.detection.region_head import RegionHead
from kcv.detection.sampling import sample_rois

_UNIT_BOX = (0.0, 0.0, 1.0, 1.0)


@dataclasses.dataclass(frozen=True)
class HeadTraining:
    """Sample regions against the ground truth (Girshick 2015, section 2.3).

    Attributes:
        batch: regions of each image.
        fg_fraction: the share that foreground may take at most.
        fg_iou: regions from here on are foreground.
        bg_iou: regions in this interval are background.
        box_mean: is subtracted from the box targets, (4,) or (C, 4).
        box_std: and they are divided by this, (4,) or (C, 4).
    """

    batch: int = 128
    fg_fraction: float = 0.25
    fg_iou: float = 0.5
    bg_iou: tuple[float, float] = (0.0, 0.5)
    box_mean: Sequence = (0.0, 0.0, 0.0, 0.0)
    box_std: Sequence = (0.1, 0.1, 0.2, 0.2)

    def losses(
        self,
        head: RegionHead,
        features: Sequence[tf.Tensor],
        regions: tf.Tensor,
        exists: tf.Tensor,
        objects: Objects,
        seed: keras.random.SeedGenerator,
        training: bool,
    ) -> dict[str, tf.Tensor]:
        """Compute the two losses of a head on a sample of regions.

        Args:
            head: to train.
            features: (B, H, W, channels) and their sizes (B, 2) int32.
            regions: (B, R, 4) xyxy, pixels.
            exists: (B, R) bool, False for padding.
            objects: to learn; they are regions too.
            seed: of the sampling.
            training: whether dropout and batch normalisation are.

        Returns:
            `cls_loss` and `bbox_loss`, () float32.
        """
        # An object is the best region of all, and there from the first step.
        regions = ops.concatenate([regions, objects.boxes], axis=1)
        exists = ops.concatenate([exists, objects.valid], axis=1)
        best, overlap = match(iou_matrix(regions, objects.boxes), objects.valid)
        chosen, foreground, used = sample_rois(
            overlap,
            exists,
            keras.random.uniform(ops.shape(overlap), seed=seed),
            self.batch,
            self.fg_fraction,
            self.fg_iou,
            self.bg_iou,
        )
        regions, best = _take(regions, chosen), _take(best, chosen)
        logits, deltas = head([*features, regions], training=training)
        # Class 0 is background from here on: (B, R).
        classes = ops.where(foreground, _take(objects.labels, best) + 1, 0)
        deltas = ops.reshape(deltas, (-1, self.batch, head.classes + 1, 4))
        deltas = tf.gather(deltas, classes, batch_dims=2)
        # Unused regions are empty, and no box can be relative to nothing.
        regions = ops.where(used[..., None], regions, _UNIT_BOX)
        targets = encode(
            _take(objects.boxes, best),
            regions,
            tf.gather(_with_background(self.box_std, head.classes), classes),
            tf.gather(_with_background(self.box_mean, head.classes), classes),
        )
        return {
            "cls_loss": losses.cls_loss(logits, classes, used),
            "bbox_loss": losses.bbox_loss(deltas, targets, foreground, used),
        }


def _take(values, indices):
    """Pick `indices` (B, K) from the second axis of values (B, N, ...)."""
    return tf.gather(values, indices, batch_dims=1)


def _with_background(values, classes):
    """Spread (4,) or (C, 4) over background, which needs none, and classes."""
    values = np.broadcast_to(np.asarray(values, "float32"), (classes, 4))
    return np.concatenate([np.ones((1, 4), "float32"), values])
