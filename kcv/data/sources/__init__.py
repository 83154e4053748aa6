"""Datasets by the name that a command line gives them."""
