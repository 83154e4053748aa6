"""Figures of merit, computed from plain arrays."""

from kcv.metrics.callbacks import DetectionEvaluation
from kcv.metrics.coco import coco_average_precision
from kcv.metrics.collect import collect_detections
from kcv.metrics.proposal_recall import matched_overlaps
from kcv.metrics.proposal_recall import proposal_recall
from kcv.metrics.voc import PrecisionRecall
from kcv.metrics.voc import precision_recall
from kcv.metrics.voc import voc_average_precision

__all__ = [
    "DetectionEvaluation",
    "PrecisionRecall",
    "coco_average_precision",
    "collect_detections",
    "matched_overlaps",
    "precision_recall",
    "proposal_recall",
    "voc_average_precision",
]
