"""Semantic segmentation: a class for every pixel."""

import kcv.backend  # noqa: F401

# Keras finds the loss and metrics that a trained model's file names only where
# they have been imported.
import kcv.losses
import kcv.metrics  # noqa: F401
from kcv.segmentation.class_balance import CAMVID_WEIGHTS
from kcv.segmentation.class_balance import median_frequency_weights
from kcv.segmentation.deconvnet import DeconvNet
from kcv.segmentation.ensemble import EDeconvNet
from kcv.segmentation.fcn import FCN
from kcv.segmentation.fcn import FCN8s
from kcv.segmentation.fcn import FCN16s
from kcv.segmentation.fcn import FCN32s
from kcv.segmentation.fcn import continue_from
from kcv.segmentation.resizing import resize_inputs
from kcv.segmentation.segnet import SegNet
from kcv.segmentation.segnet import SegNetBasic
from kcv.segmentation.windows import label_by_windows
from kcv.training.batch_norm import recompute_batch_norm

__all__ = [
    "CAMVID_WEIGHTS",
    "DeconvNet",
    "EDeconvNet",
    "FCN",
    "FCN16s",
    "FCN32s",
    "FCN8s",
    "SegNet",
    "SegNetBasic",
    "continue_from",
    "label_by_windows",
    "median_frequency_weights",
    "recompute_batch_norm",
    "resize_inputs",
]
