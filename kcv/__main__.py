"""The command line: `python -m kcv --help`."""

import sys

from kcv.commands import main

if __name__ == "__main__":
    sys.exit(main())
