"""Faces: networks, losses, verifiers, a recognizer, and detectors."""

import kcv.backend  # noqa: F401

from kcv.faces import alignment
from kcv.faces import cascade
from kcv.faces.learning.collapse import CollapseWarning

__all__ = ["CollapseWarning", "alignment", "cascade"]
