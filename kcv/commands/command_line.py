"""The command line of `python -m kcv`, and how it ends."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from kcv.commands import convert
from kcv.commands import evaluate
from kcv.commands import inspect
from kcv.commands import predict
from kcv.commands import shard
from kcv.commands.console import Console
from kcv.interrupts import watch_interrupts

HELP = """\
usage: python -m kcv COMMAND ...

  predict    ask a trained model about a folder of images
  evaluate   measure a trained model on a dataset
  inspect    look at a dataset, and name all that is wrong in its files
  convert    write a trained model as a file for LiteRT or ONNX Runtime
  shard      write a dataset as a few large files, which recipes read

python -m kcv COMMAND --help explains a command.
"""

_COMMANDS = {
    "convert": convert,
    "evaluate": evaluate,
    "inspect": inspect,
    "predict": predict,
    "shard": shard,
}
# Mistakes of the user, whose messages say what would be right.
_MISTAKES = (ValueError, OSError, ImportError)


class _Parser(argparse.ArgumentParser):
    """Parser whose help is a text that was written by hand."""

    def __init__(self, text: str, **options):
        super().__init__(add_help=False, allow_abbrev=False, **options)
        self._text = text

    def format_help(self) -> str:
        return self._text

    def error(self, message: str) -> NoReturn:
        raise _Mistake(message)


class _Mistake(Exception):
    """A mistake in the command line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    A mistake of the user ends with one line and exit code 2. Its traceback is
    printed where the environment variable `KCV_TRACEBACK` is set.

    Args:
        arguments: Words of the command line. Defaults to those of the process.

    Returns:
        Exit code.

    Example:

    >>> main(["--help"])  # doctest: +ELLIPSIS
    usage: python -m kcv COMMAND ...
    ...
    0
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(HELP, end="")
        return 0
    name, *rest = words
    if name not in _COMMANDS:
        return _fail(
            "python -m kcv",
            f"the command must be one of {', '.join(_COMMANDS)}. Received: "
            f"{name!r}",
        )
    command = _COMMANDS[name]
    prog = f"python -m kcv {name}"
    if {"-h", "--help"} & {*rest}:
        print(command.HELP, end="")
        return 0
    parser = _Parser(command.HELP, prog=prog)
    command.add_options(parser)
    console = Console()
    try:
        options = parser.parse_intermixed_args(rest)
        interrupted = f"{prog}: error: stopped by the user"
        with console.listening(), watch_interrupts(interrupted):
            return command.run(options, console)
    except _Mistake as error:
        return _fail(prog, f"{error}. See {prog} --help.")
    except KeyboardInterrupt:
        return _fail(prog, "stopped by the user", 130)
    except Exception as error:
        is_tensorflow = type(error).__module__.startswith("tensorflow")
        if os.environ.get("KCV_TRACEBACK") or not (
            is_tensorflow or isinstance(error, _MISTAKES)
        ):
            raise
        return _fail(prog, _describe(error))


def _describe(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if type(error).__name__ == "ResourceExhaustedError":
        return (
            "there is not enough memory. Give a smaller --batch-size or "
            f"--short-side. TensorFlow says: {text[:200]}"
        )
    return text


def _fail(prog: str, message: str, code: int = 2) -> int:
    print(f"{prog}: error: {message}", file=sys.stderr)
    return code
