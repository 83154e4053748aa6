"""Object detection by regions."""

import kcv.backend  # noqa: F401

from kcv.detection.alternating import combine_unshared
from kcv.detection.alternating import copy_head
from kcv.detection.alternating import share_features
from kcv.detection.alternating import with_fixed_trunk
from kcv.detection.fast_rcnn import FastRCNN
from kcv.detection.faster_rcnn import FasterRCNN
from kcv.detection.image_proposals import ImageProposals
from kcv.detection.learning.box_statistics import box_statistics
from kcv.detection.parts.backbones import CAFFE_MEAN
from kcv.detection.parts.backbones import custom_parts
from kcv.detection.parts.backbones import resnet_parts
from kcv.detection.parts.backbones import vgg16_parts
from kcv.detection.parts.parts import Parts
from kcv.detection.parts.parts import copy_parts
from kcv.detection.parts.truncated_svd import truncated_svd
from kcv.detection.rcnn.backbones import window_parts
from kcv.detection.rcnn.box_regression import train_box_regressors
from kcv.detection.rcnn.feature_parts import extract_features_by_beam
from kcv.detection.rcnn.features import extract_features
from kcv.detection.rcnn.rcnn import RCNN
from kcv.detection.rcnn.support_vectors import train_svms
from kcv.detection.rcnn.training import train_rcnn
from kcv.detection.region_proposals import RegionProposals
from kcv.detection.settings import Anchors
from kcv.detection.settings import AnchorSampling
from kcv.detection.settings import BoxNormalization
from kcv.detection.settings import DetectionSelection
from kcv.detection.settings import ProposalSelection
from kcv.detection.settings import RoISampling

__all__ = [
    "CAFFE_MEAN",
    "AnchorSampling",
    "Anchors",
    "BoxNormalization",
    "DetectionSelection",
    "FastRCNN",
    "FasterRCNN",
    "ImageProposals",
    "Parts",
    "ProposalSelection",
    "RCNN",
    "RegionProposals",
    "RoISampling",
    "box_statistics",
    "copy_head",
    "copy_parts",
    "custom_parts",
    "extract_features",
    "extract_features_by_beam",
    "resnet_parts",
    "share_features",
    "train_box_regressors",
    "train_rcnn",
    "train_svms",
    "truncated_svd",
    "combine_unshared",
    "vgg16_parts",
    "window_parts",
    "with_fixed_trunk",
]
