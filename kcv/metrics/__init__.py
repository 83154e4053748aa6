"""Figures of merit: of plain arrays, and Keras metrics of pixels."""

import kcv.backend  # noqa: F401

from kcv.metrics.callbacks import DetectionEvaluation
from kcv.metrics.classification import collect_scores
from kcv.metrics.classification import evaluate_classifier
from kcv.metrics.classification import most_confused
from kcv.metrics.classification import top_k_error
from kcv.metrics.coco import coco_average_precision
from kcv.metrics.collect import collect_detections
from kcv.metrics.perturbations import IDENTITY_AMOUNTS
from kcv.metrics.perturbations import PERTURBATIONS
from kcv.metrics.perturbations import Perturbed
from kcv.metrics.perturbations import perturb
from kcv.metrics.proposal_recall import average_recall
from kcv.metrics.proposal_recall import average_recall_over_number
from kcv.metrics.proposal_recall import matched_overlaps
from kcv.metrics.proposal_recall import object_overlaps
from kcv.metrics.proposal_recall import proposal_recall
from kcv.metrics.proposal_recall import recall_over_iou
from kcv.metrics.repeatability import Repeated
from kcv.metrics.repeatability import repeatability
from kcv.metrics.repeatability import repeated_overlaps
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
    "IDENTITY_AMOUNTS",
    "PERTURBATIONS",
    "DetectionEvaluation",
    "FrequencyWeightedIU",
    "MeanAccuracy",
    "MeanIU",
    "Perturbed",
    "PixelAccuracy",
    "PrecisionRecall",
    "Repeated",
    "average_recall",
    "average_recall_over_number",
    "coco_average_precision",
    "collect_confusion",
    "collect_detections",
    "collect_scores",
    "evaluate_classifier",
    "matched_overlaps",
    "most_confused",
    "object_overlaps",
    "perturb",
    "precision_recall",
    "proposal_recall",
    "recall_over_iou",
    "repeatability",
    "repeated_overlaps",
    "segmentation_scores",
    "top_k_error",
    "voc_average_precision",
]
