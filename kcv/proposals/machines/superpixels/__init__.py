"""Divisions of an image into many small segments."""
