"""Rendered faces of people who do not exist."""

from kcv.data.embedded.faces.rendering import RenderedFace
from kcv.data.embedded.faces.rendering import render_face

__all__ = ["RenderedFace", "render_face"]
