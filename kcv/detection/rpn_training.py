"""What a region proposal network learns from a batch."""

import dataclasses

import keras
import tensorflow as tf
from keras import ops

from kcv.boxes import encode
from kcv.boxes import iou_matrix
from kcv.detection import losses
from kcv.detection.anchors import inside_image
from kcv.detection.ground_truth import Objects
from kcv.detection.matching import label_anchors
from kcv.detection.matching import match
from kcv.detection.sampling import sample_anchors


@dataclasses.dataclass(frozen=True)
class RPNTraining:
    """Sample anchors against the ground truth (Ren et al. 2015, section 3.1).

    Attributes:
        batch: anchors of each image.
        fg_fraction: the share that foreground may take at most.
        fg_iou: anchors from here on are foreground.
        bg_iou: anchors below are background.
    """

    batch: int = 256
    fg_fraction: float = 0.5
    fg_iou: float = 0.7
    bg_iou: float = 0.3

    def losses(
        self,
        outputs: tuple[tf.Tensor, ...],
        image_sizes: tf.Tensor,
        objects: Objects,
        seed: keras.random.SeedGenerator,
    ) -> dict[str, tf.Tensor]:
        """Compute the two losses of the network.

        Args:
            outputs: of `RegionProposalNetwork`.
            image_sizes: (B, 2) height and width, pixels.
            objects: to learn.
            seed: of the sampling.

        Returns:
            `rpn_cls_loss` and `rpn_bbox_loss`, () float32.
        """
        logits, deltas, anchors, exists = outputs
        iou = iou_matrix(anchors[None], objects.boxes)  # (B, A, N)
        usable = exists & inside_image(anchors, image_sizes)
        labels = label_anchors(
            iou, objects.valid, usable, self.fg_iou, self.bg_iou
        )
        foreground, background = sample_anchors(
            labels,
            keras.random.uniform(ops.shape(labels), seed=seed),
            self.batch,
            self.fg_fraction,
        )
        best, _ = match(iou, objects.valid)
        targets = encode(
            tf.gather(objects.boxes, best, batch_dims=1), anchors[None]
        )
        return {
            "rpn_cls_loss": losses.rpn_cls_loss(logits, foreground, background),
            "rpn_bbox_loss": losses.rpn_bbox_loss(
                deltas, targets, foreground, background
            ),
        }
