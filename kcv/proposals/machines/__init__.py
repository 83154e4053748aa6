"""Algorithms that several proposal methods share."""
