"""A trained Fast R-CNN that is given the proposals of several systems."""

from pathlib import Path

import tensorflow as tf

import kcv
from kcv.masks import MaskProposals
from kcv.proposals import ProposalCache
from recipes.common.proposals.measuring import Detector
from recipes.common.training_images import make_batches


def measure_detection(
    detector: Detector,
    method: str | MaskProposals,
    max_proposals: int,
    test: tf.data.Dataset,
    folder: Path,
) -> float:
    """Measure what a detector finds in the proposals of a system.

    Args:
        detector: Fast R-CNN, trained with proposals of any method.
        method: Name of a method of `kcv.proposals`, or a mask model as
            `MaskProposals`.
        max_proposals: Number of proposals of an image.
        test: Held-out single examples, one pass.
        folder: Folder of the proposals. Those that it has are not computed
            again.

    Returns:
        Mean average precision of VOC 2007.
    """
    cache = ProposalCache(folder, method, max_proposals)
    cache.compute(test)
    batches = make_batches(cache.attach(test), 4, detector.scaling)
    found = kcv.metrics.collect_detections(detector.model, batches)
    return kcv.metrics.voc_average_precision(*found)["voc07_map"]
