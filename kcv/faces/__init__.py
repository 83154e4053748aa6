"""Face recognition: networks, losses, verifiers and a recognizer."""

import kcv.backend  # noqa: F401

from kcv.faces.learning.collapse import CollapseWarning

__all__ = ["CollapseWarning"]
