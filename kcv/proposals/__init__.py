"""Region proposals: boxes that are likely to hold an object of any class."""

import importlib
from typing import Any

from kcv.proposals.masks import ConcatenatedMasks
from kcv.proposals.masks import DenseMasks
from kcv.proposals.masks import Masks
from kcv.proposals.masks import SuperpixelMasks
from kcv.proposals.propose import METHODS
from kcv.proposals.propose import Method
from kcv.proposals.propose import propose
from kcv.proposals.record import Proposals

__all__ = [
    "METHODS",
    "ConcatenatedMasks",
    "DenseMasks",
    "Masks",
    "Method",
    "ProposalCache",
    "Proposals",
    "SuperpixelMasks",
    "propose",
]


def __getattr__(name: str) -> Any:
    if name == "ProposalCache":  # loads TensorFlow, which no method needs
        return importlib.import_module(
            "kcv.proposals.store.cache"
        ).ProposalCache
    if name == "beam":
        return importlib.import_module("kcv.proposals.store.beam")
    raise AttributeError(f"module 'kcv.proposals' has no attribute {name!r}")
