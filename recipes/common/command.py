"""The command line of a recipe."""

import os
import sys
from collections.abc import Callable

import tyro

from recipes.common.run import Run

# Mistakes of the user, whose messages say what would be right.
_MISTAKES = (ValueError, OSError, ImportError, FloatingPointError)


def run_command(main: Callable[[Run], dict], options: Run) -> None:
    """Run a recipe with the options of the command line.

    A mistake in the options ends with one line and exit code 2. The traceback
    is printed where the environment variable `KCV_TRACEBACK` is set.

    Args:
        main: Function of the recipe, which takes all options as one object.
        options: Options of the recipe with its defaults. Their class names and
            documents the options.
    """
    module = sys.modules["__main__"]
    command = f"python -m {module.__spec__.name}"
    given = tyro.cli(
        type(options),
        prog=command,
        description=module.__doc__,
        default=options,
    )
    try:
        main(given)
    except _MISTAKES as error:
        if os.environ.get("KCV_TRACEBACK"):
            raise
        lines = " ".join(str(error).split()) or type(error).__name__
        sys.exit(f"{command}: error: {lines}")
