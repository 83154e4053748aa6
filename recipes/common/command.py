"""The command line of a recipe."""

import dataclasses
import os
import sys
from collections.abc import Callable
from typing import Annotated
from typing import TypeVar

import tyro

from kcv.interrupts import end_when_interrupted
from kcv.locks import FolderLock
from recipes.common.options_file import add_file
from recipes.common.run import Folder

_Options = TypeVar("_Options", bound=Folder)

# Mistakes of the user, whose messages say what would be right.
_MISTAKES = (ValueError, OSError, ImportError, FloatingPointError)


def run_command(main: Callable[[_Options], dict], options: _Options) -> None:
    """Run a recipe with the options of the command line.

    The folder `out` is locked meanwhile, so that no second command writes to
    it. A mistake in the options ends with one line and exit code 2. The
    traceback is printed where the environment variable `KCV_TRACEBACK` is set.
    Ctrl-C ends with one line, too, and exit code 130.

    Args:
        main: Function of the recipe, which takes all options as one object.
        options: Options of the recipe with its defaults. Their class names and
            documents the options.
    """
    module = sys.modules["__main__"]
    command = f"python -m {module.__spec__.name}"
    if {"-h", "--help"} & {*sys.argv[1:]}:
        # Not as tyro's `description`, which would tear the example commands.
        print(module.__doc__)
    try:
        run = tyro.cli(
            _without_hints(type(options)),
            args=add_file(sys.argv[1:], type(options)),
            prog=command,
            description="",
            config=(tyro.conf.DisallowNone,),
        )
        message = f"{command}: interrupted. All files in {run.out} are whole."
        if getattr(run, "resume", False):
            message += " The same command resumes the run."
        with end_when_interrupted(message), FolderLock(run.out, argument="out"):
            main(run)
    except _MISTAKES as error:
        if os.environ.get("KCV_TRACEBACK"):
            raise
        lines = " ".join(str(error).split()) or type(error).__name__
        print(f"{command}: error: {lines}", file=sys.stderr)
        sys.exit(2)


def _without_hints(options: type) -> type:
    """Subclass options so that `--help` does not print "(default: None)".

    The text of such an option says what happens without it.
    """
    hint = tyro.conf.arg(help_behavior_hint="")
    return dataclasses.make_dataclass(
        options.__name__,
        [
            (field.name, Annotated[field.type, hint], None)
            for field in dataclasses.fields(options)
            if field.default is None
        ],
        bases=(options,),
        namespace={"__doc__": options.__doc__},
        frozen=True,
        kw_only=True,
    )
