"""Thousands of damaged files for each reader, each in a limited process.

    python -m tests.fuzz --count 3000
    python -m tests.fuzz --only voc --first 1234 --count 1

Exit code 1 at any fault.
"""

import argparse
import os
import sys
import time

from tests.fuzz import harness
from tests.fuzz.processes import fuzz_in_processes
from tests.fuzz.readers import NAMES


def main() -> None:
    """Fuzz the readers and print a row for each."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__
    )
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", action="append", help="name of a reader")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    columns = ("refused", "read", "read as before", "unchanged")
    print(f"{'reader':12} inputs", *columns, *harness.FAULTS, sep=" | ")
    numbers = range(options.first, options.first + options.count)
    total = 0
    for name in options.only or NAMES:
        start = time.monotonic()
        counts, faults = fuzz_in_processes(name, numbers)
        row = [counts.get(kind, 0) for kind in (*columns, *harness.FAULTS)]
        print(f"{name:12} {sum(row):6}", *row, sep=" | ", end="")
        print(f"   ({time.monotonic() - start:.0f} s)", flush=True)
        for fault in faults:
            print(f"    {fault}", flush=True)
        total += len(faults)
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
