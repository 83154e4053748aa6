"""Hierarchies of contours, and regions from them."""
