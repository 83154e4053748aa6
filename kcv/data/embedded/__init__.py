"""Datasets that are part of kcv."""
