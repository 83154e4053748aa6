"""Script that runs a converted file: `runtime.py FILE IN.npz OUT.npz`."""

import sys

import numpy as np


def main(file: str, given: str, answered: str) -> None:
    """Run a file on arrays and store what it answers.

    Args:
        file: `.tflite` or `.onnx` file.
        given: `.npz` file of the inputs by name.
        answered: `.npz` file to write, of the outputs by name.
    """
    run = run_onnx if file.endswith(".onnx") else run_litert
    with np.load(given) as inputs:
        outputs = run(file, dict(inputs))
    np.savez(answered, **outputs)  # type: ignore[arg-type]  # names are free


def run_litert(
    file: str, inputs: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Run a file by LiteRT.

    Args:
        file: `.tflite` file.
        inputs: Inputs by name.

    Returns:
        Outputs by name.
    """
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(file).get_signature_runner()(**inputs)


def run_onnx(file: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run a file by ONNX Runtime.

    Args:
        file: `.onnx` file.
        inputs: Inputs by name.

    Returns:
        Outputs by name.
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
    given = {name: x for name, x in inputs.items() if name in needed}
    return dict(zip(names, session.run(names, given), strict=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
