"""Conversion of models to LiteRT and ONNX."""

from kcv.convert.conversion import ConversionError
from kcv.convert.conversion import convert

__all__ = ["ConversionError", "convert"]
