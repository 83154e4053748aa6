"""Learned parameters of the methods. README.md has origins and licenses."""
