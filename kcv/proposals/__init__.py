"""Region proposals: boxes that are likely to hold an object of any class."""

from kcv.proposals.propose import METHODS
from kcv.proposals.propose import Method
from kcv.proposals.propose import propose

__all__ = ["METHODS", "Method", "propose"]
