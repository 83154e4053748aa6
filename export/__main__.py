"""The command line: `python -m export --help`."""

import re
import sys

from export.command import export
from export.serve_config import serve_config
from kcv.extras import describe_installation
from kcv.interrupts import end_when_interrupted
from kcv.serving import ExportError

PROG = "python -m export"

_PUBLISHES = (
    "Publish a model as a version for TensorFlow Serving. Of the models that "
    f"are published below a folder, `{PROG} --serve-config FOLDER` writes the "
    "list that a server reads."
)
_LISTS = (
    "Write models.config, which a server reads, for all models that are "
    "published below a folder."
)


def main() -> None:
    """Run `export`. A mistake of the user ends with one line, exit code 2."""
    lists = any(
        word.partition("=")[0] in ("--serve-config", "--serve_config")
        for word in sys.argv[1:]
    )
    command = serve_config if lists else export
    try:
        import tyro

        # tyro breaks the text of an option where the docstring does.
        command.__doc__ = re.sub(r"\n {12}", " ", str(command.__doc__))
        what = "No file" if lists else "No version"
        message = f"{PROG}: interrupted. {what} was written."
        with end_when_interrupted(message):
            tyro.cli(
                command,
                prog=PROG,
                description=_LISTS if lists else _PUBLISHES,
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
