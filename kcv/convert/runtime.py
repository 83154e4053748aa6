"""Script that runs a converted file: `runtime.py FILE IN.npz... OUT.npz...`."""

import sys
from collections.abc import Callable

import numpy as np

Arrays = dict[str, np.ndarray]


def main(file: str, *paths: str) -> None:
    """Run a file on arrays and store what it answers.

    Args:
        file: `.tflite` or `.onnx` file.
        *paths: `.npz` files of inputs by name, and then as many `.npz` files to
            write, of outputs by name.
    """
    load = load_onnx if file.endswith(".onnx") else load_litert
    run = load(file)
    runs = len(paths) // 2
    for given, answered in zip(paths[:runs], paths[runs:], strict=True):
        with np.load(given) as inputs:
            outputs = run(dict(inputs))
        np.savez(answered, **outputs)  # type: ignore[arg-type]  # names are free


def load_litert(file: str) -> Callable[[Arrays], Arrays]:
    """Load a file by LiteRT.

    Args:
        file: `.tflite` file.

    Returns:
        Function from inputs by name to outputs by name.
    """
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(file).get_signature_runner()
    return lambda inputs: run(**inputs)


def load_onnx(file: str) -> Callable[[Arrays], Arrays]:
    """Load a file by ONNX Runtime.

    Args:
        file: `.onnx` file.

    Returns:
        Function from inputs by name to outputs by name.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        file, options, providers=["CPUExecutionProvider"]
    )
    # An input that no output depends on is left out of the file.
    needed = {each.name for each in session.get_inputs()}
    names = [each.name for each in session.get_outputs()]

    def run(inputs: Arrays) -> Arrays:
        given = {name: x for name, x in inputs.items() if name in needed}
        return dict(zip(names, session.run(names, given), strict=True))

    return run


if __name__ == "__main__":
    main(*sys.argv[1:])
