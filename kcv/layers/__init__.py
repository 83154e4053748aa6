"""Keras layers for the mathematics that Keras itself lacks."""

from kcv.layers.non_max_suppression import NonMaxSuppression
from kcv.layers.roi_pool import RoIPool

__all__ = ["NonMaxSuppression", "RoIPool"]
