"""Regions that lie inside a crowd of COCO, which teach nothing.

A crowd is a box around many objects of one class that are not annotated one by
one. A region inside of it may show an object, so that it must not be learned
as background.

Shapes: B images, A anchors or regions, N padded objects.
"""

import tensorflow as tf

from kcv import boxes as geometry
from kcv.detection.learning.targets import Objects


def inside_crowds(
    regions: tf.Tensor, objects: Objects, share: float = 0.7
) -> tf.Tensor:
    """Tell which regions lie inside a crowd.

    Args:
        regions: Boxes (B, A, 4) xyxy in pixels, or (1, A, 4) for all images.
        objects: The ground truth.
        share: Share of a region's area above which the region lies inside a
            crowd. Defaults to 0.7, as in py-faster-rcnn.

    Returns:
        Whether a region lies inside a crowd, (B, A) bool.

    Example:

    >>> crowd = tf.constant([[[0.0, 0, 50, 50]]])
    >>> objects = Objects(crowd, [[3]], [[False]], tf.constant([[True]]))
    >>> regions = tf.constant([[[0.0, 0, 9, 9], [45, 0, 60, 9]]])
    >>> inside_crowds(regions, objects).numpy().tolist()
    [[True, False]]
    """
    shape = (tf.shape(objects.boxes)[0], tf.shape(regions)[1])
    nowhere = tf.zeros(shape, "bool")
    if objects.crowds is None:
        return nowhere

    def compare():
        covered = geometry.coverage_matrix(regions, objects.boxes) > share
        return tf.reduce_any(covered & objects.crowds[:, None, :], axis=-1)

    # Most batches have no crowd.
    return tf.cond(tf.reduce_any(objects.crowds), compare, lambda: nowhere)
