"""Region proposals: boxes that are likely to hold an object of any class."""

import importlib

from kcv.proposals.propose import METHODS
from kcv.proposals.propose import Method
from kcv.proposals.propose import propose

__all__ = ["METHODS", "Method", "ProposalCache", "propose"]


def __getattr__(name):
    if name == "ProposalCache":  # loads TensorFlow, which no method needs
        return importlib.import_module(
            "kcv.proposals.store.cache"
        ).ProposalCache
    if name == "beam":
        return importlib.import_module("kcv.proposals.store.beam")
    raise AttributeError(f"module 'kcv.proposals' has no attribute {name!r}")
