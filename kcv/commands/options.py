"""Options that several commands have."""

import argparse
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path

_COUNTS = ("batch_size", "limit", "short_side")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that runs a model.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument("model", type=Path)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--overwrite", action="store_true")
    parser.add_argument("--task")
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--short-side", type=int)
    parser.add_argument("--proposals", default="selective_search:2000")


def check_numbers(options: argparse.Namespace) -> None:
    """Check the numbers among the options.

    Args:
        options: Options of the command line.

    Raises:
        ValueError: If a number is out of its range.
    """
    check_counts(options, _COUNTS)
    score = options.min_score
    if score is not None and not 0 <= score <= 1:
        raise ValueError(
            f"`min_score` must be in [0, 1]. Received: min_score={score}"
        )


def check_counts(options: argparse.Namespace, names: Iterable[str]) -> None:
    """Check options that count something.

    Args:
        options: Options of the command line.
        names: Names of the options, each None or an integer.

    Raises:
        ValueError: If a number is below 1.
    """
    for name in names:
        value = getattr(options, name)
        if value is not None and value < 1:
            raise ValueError(
                f"`{name}` must be at least 1. Received: {name}={value}"
            )


def check_order(words: Sequence[str], text: str) -> None:
    """Check that no option of a command follows --beam.

    Args:
        words: Words after --beam, which are options of Apache Beam.
        text: Text of --help, in which each option of the command begins a line.

    Raises:
        ValueError: If a word is an option of the command.
    """
    own = re.findall(r"^  (--[\w-]+)", text, re.MULTILINE)
    for word in words:
        if word.partition("=")[0] in own:
            raise ValueError(
                "`beam` must be the last option of the command, followed by "
                f"those of Apache Beam. Received: {word} after --beam"
            )


def make_proposer(text: str) -> Callable:
    """Make the function that proposes boxes of an image.

    Args:
        text: Method of `kcv.proposals.propose` and largest number of boxes,
            such as "selective_search:2000".

    Returns:
        Function from an image (H, W, 3) uint8 to boxes (P, 4) float32.

    Raises:
        ValueError: If the text does not have this form.
    """
    from kcv.proposals import propose

    method, _, number = text.partition(":")
    if number and not number.isdecimal():
        raise ValueError(
            "`proposals` must be a method and a number, such as "
            f"selective_search:2000. Received: proposals={text!r}"
        )
    return lambda image: propose(image, method, int(number or 2000))
