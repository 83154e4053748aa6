"""Functions of another library, which run in a process of their own.

torch and TensorFlow crash if one process loads both in the wrong order.
Therefore a second process runs the functions of torch, which are in a module of
their own. It runs one call at a time, so that both sides can be timed
alternately.
"""

import functools
import importlib
import importlib.util
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np


class Peer:
    """Process that waits for calls of the functions of a module.

    Use it as a context manager, so that the process ends.

    Args:
        module: Name of a module with a function `build(**arguments)`, which
            returns functions without arguments by name.
        library: Name of the library that the module needs. If it is not
            installed, a line says so, and there are no functions. Defaults to
            "torch".
        **arguments: Arguments of `build`: arrays, numbers, strings, or lists
            and dicts of them.
    """

    def __init__(self, module: str, library: str = "torch", **arguments: Any):
        self.process = None
        self.names: list[str] = []
        if importlib.util.find_spec(library) is None:
            print(f"{library} is not installed: not timed")
            return
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peer", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.names = self._ask(arguments)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.communicate()

    def value(self, name: str) -> Any:
        """Call a function and return its result."""
        return self._ask((name, True))

    def functions(self) -> dict[str, Callable[[], object]]:
        """Return functions by name that are timed and return nothing."""
        return {
            name: functools.partial(self._ask, (name, False))
            for name in self.names
        }

    def _ask(self, request):
        pickle.dump(request, self.process.stdin)
        self.process.stdin.flush()
        try:
            return pickle.load(self.process.stdout)
        except EOFError:
            self.process.communicate()
            raise RuntimeError(
                "The process of the other library has failed. Its error is "
                "printed above."
            ) from None


def channels_first(weights: np.ndarray) -> np.ndarray:
    """Convert a kernel to the order of axes of torch.

    In Keras the kernel of a convolution is (k, k, in, out), and that of a
    transposed convolution is (k, k, out, in).
    """
    if weights.ndim == 4:
        weights = np.moveaxis(weights, (2, 3), (1, 0))
    return np.ascontiguousarray(weights)


def serve(module: str) -> None:
    """Build the functions of a module, and call what standard input names."""
    requests = sys.stdin.buffer
    # The answers are written to a copy of standard output, so that texts which
    # the library prints do not mix with them.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    functions = importlib.import_module(module).build(**pickle.load(requests))
    answer = list(functions)
    while True:
        pickle.dump(answer, answers)
        answers.flush()
        try:
            name, is_wanted = pickle.load(requests)
        except EOFError:
            return
        result = functions[name]()
        answer = result if is_wanted else None


if __name__ == "__main__":
    serve(sys.argv[1])
