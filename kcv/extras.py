"""Optional packages: what to do where one is missing."""

import os
from pathlib import Path


def describe_installation(extra: str) -> str:
    """Say how to install the packages of an extra.

    In a checkout, kcv itself need not be installed and no package index knows
    it, so that pip must be given the folder. An installed kcv is found by its
    name.

    Args:
        extra: Name of an extra of setup.py, such as "visualize".

    Returns:
        Last sentence of an error message.

    Example:

    >>> describe_installation("style")  # doctest: +ELLIPSIS
    'Install it with `pip install ...[style]"`.'
    """
    root = Path(__file__).resolve().parents[1]
    if not (root / "setup.py").is_file():
        return f'Install it with `pip install "kcv[{extra}]"`.'
    place = "." if os.path.samefile(root, os.curdir) else root
    return f'Install it with `pip install -e "{place}[{extra}]"`.'
