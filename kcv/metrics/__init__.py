"""Figures of merit: of plain arrays, and Keras metrics of pixels."""

import kcv.backend  # noqa: F401

from kcv.metrics.callbacks import DetectionEvaluation
from kcv.metrics.classification import collect_scores
from kcv.metrics.classification import evaluate_classifier
from kcv.metrics.classification import most_confused
from kcv.metrics.classification import top_k_error
from kcv.metrics.coco import coco_average_precision
from kcv.metrics.collect import collect_detections
from kcv.metrics.proposal_recall import matched_overlaps
from kcv.metrics.proposal_recall import proposal_recall
from kcv.metrics.segmentation import FrequencyWeightedIU
from kcv.metrics.segmentation import MeanAccuracy
from kcv.metrics.segmentation import MeanIU
from kcv.metrics.segmentation import PixelAccuracy
from kcv.metrics.segmentation import collect_confusion
from kcv.metrics.segmentation import segmentation_scores
from kcv.metrics.voc import PrecisionRecall
from kcv.metrics.voc import precision_recall
from kcv.metrics.voc import voc_average_precision

__all__ = [
    "DetectionEvaluation",
    "FrequencyWeightedIU",
    "MeanAccuracy",
    "MeanIU",
    "PixelAccuracy",
    "PrecisionRecall",
    "coco_average_precision",
    "collect_confusion",
    "collect_detections",
    "collect_scores",
    "evaluate_classifier",
    "matched_overlaps",
    "most_confused",
    "precision_recall",
    "proposal_recall",
    "segmentation_scores",
    "top_k_error",
    "voc_average_precision",
]
