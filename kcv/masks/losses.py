"""The losses of mask models (Pinheiro et al. 2015, section 3.3).

Shapes: B patches, M rows and columns of a mask.
"""

from typing import NamedTuple

import tensorflow as tf

from kcv.examples import PADDING_LABEL
from kcv.examples import VOID


class PatchLosses(NamedTuple):
    """The losses of each patch.

    Attributes:
        mask: Losses of the masks, (B,), zero where there is no mask to learn.
        score: Losses of the scores without their weight, (B,), zero where
            there is no score to learn.
        has_mask: Whether a patch has a mask to learn, (B,) bool.
        has_score: Whether a patch has a score to learn, (B,) bool.
    """

    mask: tf.Tensor
    score: tf.Tensor
    has_mask: tf.Tensor
    has_score: tf.Tensor


def patch_losses(
    mask_logits: tf.Tensor,
    score_logits: tf.Tensor,
    masks: tf.Tensor,
    labels: tf.Tensor,
) -> PatchLosses:
    """Compute the soft margins of masks and scores.

    With m, y in {-1, 1} the loss of a mask is the mean over its pixels of
    log(1 + exp(-m f)), and that of a score is log(1 + exp(-y s)). Masks are
    learned from objects alone.

    Args:
        mask_logits: Logits f of masks, (B, M, M).
        score_logits: Logits s of scores, (B,).
        masks: Masks (B, M, M): 1 for the object, 0 for what is around it, and
            255 for pixels that are not learned from.
        labels: Labels (B,): 1 for an object, 0 for none, and -1 for a patch
            whose score is not learned from.

    Returns:
        The `PatchLosses`, in the dtype of the logits.

    Example:

    >>> masks, labels = tf.zeros((1, 2, 2)), tf.constant([1])
    >>> found = patch_losses(tf.zeros((1, 2, 2)), tf.zeros(1), masks, labels)
    >>> round(float(found.mask[0]), 3), round(float(found.score[0]), 3)
    (0.693, 0.693)
    """
    labels = tf.cast(labels, tf.int32)
    masks = tf.cast(masks, tf.int32)
    known = masks != VOID
    number = tf.reduce_sum(tf.cast(known, mask_logits.dtype), [1, 2])
    margins = _soft_margin(mask_logits, masks == 1)
    margins = tf.where(known, margins, tf.zeros_like(margins))
    has_mask = (labels != 0) & (number > 0)
    total = tf.reduce_sum(margins, [1, 2]) / tf.maximum(number, 1)
    mask = tf.where(has_mask, total, tf.zeros_like(total))

    has_score = labels != PADDING_LABEL
    score = _soft_margin(score_logits, labels == 1)
    score = tf.where(has_score, score, tf.zeros_like(score))
    return PatchLosses(mask, score, has_mask, has_score)


def total_loss(losses: PatchLosses, score_weight: float | None) -> tf.Tensor:
    """Add the losses of patches.

    Args:
        losses: `PatchLosses` of the patches of a batch.
        score_weight: Factor lambda of the losses of the scores. If None, it is
            one over the number of scores in the batch, as in the authors' code.
            The losses of the masks are then added, and those of the scores are
            averaged.

    Returns:
        The sum over the patches, ().
    """
    masks, scores = tf.reduce_sum(losses.mask), tf.reduce_sum(losses.score)
    if score_weight is not None:
        return masks + score_weight * scores
    number = tf.reduce_sum(tf.cast(losses.has_score, scores.dtype))
    return masks + scores / tf.maximum(number, 1)


def _soft_margin(logits, is_positive):
    return tf.math.softplus(tf.where(is_positive, -logits, logits))
