"""The command line: `python -m export --help`."""

import re
import sys

from export.command import export
from kcv.extras import describe_installation
from kcv.interrupts import end_when_interrupted
from kcv.serving import ExportError

PROG = "python -m export"


def main() -> None:
    """Run `export`. A mistake of the user ends with one line, exit code 2."""
    try:
        import tyro

        # tyro breaks the text of an option where the docstring does.
        export.__doc__ = re.sub(r"\n {12}", " ", str(export.__doc__))
        message = f"{PROG}: interrupted. No version was written."
        with end_when_interrupted(message):
            tyro.cli(
                export,
                prog=PROG,
                description="Publish a model as a version for TensorFlow "
                "Serving.",
                config=(tyro.conf.DisallowNone,),
            )
    except ImportError as error:
        if error.name != "tyro":
            raise
        _stop(
            "tyro, which reads options, is missing. "
            + describe_installation("recipes")
        )
    except (ExportError, OSError, ValueError) as error:
        _stop(" ".join(str(error).split()))


def _stop(message: str):
    print(f"{PROG}: error: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
