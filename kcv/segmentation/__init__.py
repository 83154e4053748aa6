"""Semantic segmentation: a class for every pixel."""

from kcv.segmentation.fcn import FCN
from kcv.segmentation.fcn import FCN8s
from kcv.segmentation.fcn import FCN16s
from kcv.segmentation.fcn import FCN32s
from kcv.segmentation.fcn import go_on_from

__all__ = ["FCN", "FCN16s", "FCN32s", "FCN8s", "go_on_from"]
