"""Graphs of segments, and how segments are grouped."""
