"""The command line: `python -m export --help`."""

import sys

from export.command import export
from kcv.serving import ExportError


def main() -> None:
    """Run `export`, with the errors of a user's making on one line."""
    try:
        import tyro
    except ImportError:
        sys.exit(
            "export: options are read by tyro, which is not installed: "
            'pip install "kcv[recipes]"'
        )
    try:
        tyro.cli(export, prog="python -m export")
    except (ExportError, OSError, ValueError) as error:
        sys.exit(f"export: {error}")


if __name__ == "__main__":
    main()
