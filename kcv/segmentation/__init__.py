"""Semantic segmentation: a class for every pixel."""

from kcv.segmentation.class_balance import CAMVID_WEIGHTS
from kcv.segmentation.class_balance import median_frequency_weights
from kcv.segmentation.fcn import FCN
from kcv.segmentation.fcn import FCN8s
from kcv.segmentation.fcn import FCN16s
from kcv.segmentation.fcn import FCN32s
from kcv.segmentation.fcn import go_on_from

__all__ = [
    "CAMVID_WEIGHTS",
    "FCN",
    "FCN16s",
    "FCN32s",
    "FCN8s",
    "go_on_from",
    "median_frequency_weights",
]
