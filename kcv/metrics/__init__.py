"""Figures of merit: of plain arrays, and Keras metrics of pixels."""

import kcv.backend  # noqa: F401

from kcv.metrics.callbacks import DetectionEvaluation
from kcv.metrics.classification import collect_scores
from kcv.metrics.classification import evaluate_classifier
from kcv.metrics.classification import most_confused
from kcv.metrics.classification import top_k_error
from kcv.metrics.coco import coco_average_precision
from kcv.metrics.collect import collect_detections
from kcv.metrics.collect_masks import collect_masks
from kcv.metrics.face_detection import FalsePositiveCurve
from kcv.metrics.face_detection import FDDBCurves
from kcv.metrics.face_detection import fddb_scores
from kcv.metrics.face_detection import recall_over_false_positives
from kcv.metrics.faces.callback import FaceVerification
from kcv.metrics.faces.distances import embedding_distances
from kcv.metrics.faces.distances import pair_distances
from kcv.metrics.faces.identification import ClosedSetIdentification
from kcv.metrics.faces.identification import OpenSetIdentification
from kcv.metrics.faces.identification import identify_closed_set
from kcv.metrics.faces.identification import identify_open_set
from kcv.metrics.faces.thresholds import accuracy_threshold
from kcv.metrics.faces.thresholds import far_threshold
from kcv.metrics.faces.verification import ValidationRate
from kcv.metrics.faces.verification import VerificationAccuracy
from kcv.metrics.faces.verification import VerificationRoc
from kcv.metrics.faces.verification import lfw_accuracy
from kcv.metrics.faces.verification import validation_rate
from kcv.metrics.faces.verification import verification_roc
from kcv.metrics.mask_codes import decode_masks
from kcv.metrics.mask_codes import encode_masks
from kcv.metrics.mask_iou import mask_iou
from kcv.metrics.mask_iou import patch_measures
from kcv.metrics.mask_recall import area_under_recall
from kcv.metrics.mask_recall import mask_average_recall
from kcv.metrics.mask_recall_curves import mask_recall_curves
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
    "ClosedSetIdentification",
    "DetectionEvaluation",
    "FDDBCurves",
    "FaceVerification",
    "FalsePositiveCurve",
    "FrequencyWeightedIU",
    "MeanAccuracy",
    "MeanIU",
    "OpenSetIdentification",
    "Perturbed",
    "PixelAccuracy",
    "PrecisionRecall",
    "Repeated",
    "ValidationRate",
    "VerificationAccuracy",
    "VerificationRoc",
    "accuracy_threshold",
    "area_under_recall",
    "average_recall",
    "average_recall_over_number",
    "coco_average_precision",
    "collect_confusion",
    "collect_detections",
    "collect_masks",
    "collect_scores",
    "decode_masks",
    "embedding_distances",
    "encode_masks",
    "evaluate_classifier",
    "far_threshold",
    "fddb_scores",
    "identify_closed_set",
    "identify_open_set",
    "lfw_accuracy",
    "mask_average_recall",
    "mask_iou",
    "mask_recall_curves",
    "matched_overlaps",
    "most_confused",
    "object_overlaps",
    "pair_distances",
    "patch_measures",
    "perturb",
    "precision_recall",
    "proposal_recall",
    "recall_over_false_positives",
    "recall_over_iou",
    "repeatability",
    "repeated_overlaps",
    "segmentation_scores",
    "top_k_error",
    "validation_rate",
    "verification_roc",
    "voc_average_precision",
]
