"""Conversion of a model to a file that is checked before it takes its place."""

import os
import tempfile
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from kcv.convert.converters import to_litert
from kcv.convert.converters import to_onnx
from kcv.convert.runs import ConversionError
from kcv.convert.runs import run_file
from kcv.convert.tracing import Traced
from kcv.convert.tracing import sample_inputs
from kcv.convert.tracing import trace
from kcv.storage import write_whole

CONVERTERS: dict[str, Callable[[Traced], bytes]] = {
    ".tflite": to_litert,
    ".onnx": to_onnx,
}


def convert(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    image_size: Sequence[int] | None = None,
    tolerance: float = 1e-4,
    overwrite: bool = False,
) -> Path:
    """Convert a model to a file for LiteRT or ONNX Runtime.

    The file holds the network alone: the same float32 inputs as those of the
    model, RGB in 0..255, with a free number of images, and the same outputs. A
    single output is named `output`. Encoded images are not decoded and images
    are not scaled.

    The file is run by its runtime in a process of its own, and its answers are
    compared with `model.predict` on images of noise: a batch of two, and a
    single image, which has another size if the model takes any size. Only then
    does it take its place. On failure nothing is left.

    The packages come with the extra "convert". The page "Converters" of the
    documentation lists the models that convert.

    Args:
        model: Functional Keras model.
        path: Path of the file, which ends in `.tflite` for LiteRT or `.onnx`
            for ONNX.
        image_size: Height and width of the images in pixels, to which the file
            is then fixed. Runtimes plan memory better for a fixed size. If
            None, the size is that of the model, which may be free. Defaults to
            None.
        tolerance: Largest difference that is accepted, as a fraction of the
            largest absolute value of an output. For an output of integers, the
            largest fraction of its numbers that may differ. Defaults to 1e-4.
        overwrite: Whether an existing file is replaced. Defaults to False.

    Returns:
        `path`.

    Raises:
        ConversionError: If the converter or the runtime does not support an
            operation of the model, or the answers differ.
        FileExistsError: If the file exists and `overwrite` is False.
        ImportError: If the packages are not installed.
        ValueError: If the path has another suffix, the model is not
            functional, or `image_size` does not fit the model.
        FileNotFoundError: If the folder of `path` does not exist.

    Example:

    ```python
    model = kcv.segmentation.SegNet(4, blocks=((1, 8), (2, 16)))
    convert(model, "segnet.tflite")
    convert(model, "segnet.onnx", image_size=(360, 480))
    ```
    """
    path = Path(path)
    if path.suffix not in CONVERTERS:
        raise ValueError(
            f"`path` must end in {' or '.join(CONVERTERS)}. Received: "
            f"path={str(path)!r}"
        )
    if not tolerance >= 0:
        raise ValueError(
            f"`tolerance` must be at least 0. Received: tolerance={tolerance}"
        )
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Give another name.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not a folder.")
    traced = trace(model, image_size)
    content, _ = convert_and_compare(
        traced, path.suffix, known_answers(traced), tolerance
    )
    return write_whole(path, content)


def known_answers(traced: Traced) -> list[tuple[dict, dict]]:
    """Compute what a model predicts on images of noise.

    Args:
        traced: Model that `kcv.convert.tracing.trace` has traced.

    Returns:
        Two pairs of inputs and outputs by name: for a batch of two, and for a
        single image, which has another size if the model takes any size.
    """
    samples = [sample_inputs(traced, number) for number in range(2)]
    return [(sample, traced.predict(sample)) for sample in samples]


def convert_and_compare(
    traced: Traced,
    suffix: str,
    answers: Sequence[tuple[dict, dict]],
    tolerance: float = 1e-4,
) -> tuple[bytes, float]:
    """Convert a traced model, run the file, and compare its answers.

    Args:
        traced: Model that `kcv.convert.tracing.trace` has traced.
        suffix: `.tflite` for LiteRT or `.onnx` for ONNX.
        answers: Pairs of inputs and outputs of the model by name.
        tolerance: Largest difference, as `convert` defines it. Defaults to
            1e-4.

    Returns:
        The content of the file, and the largest difference of all outputs.

    Raises:
        ConversionError: If the converter or the runtime does not support an
            operation of the model, or the answers differ.
        ImportError: If the packages are not installed.
    """
    content = CONVERTERS[suffix](traced)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"model{suffix}")
        file.write_bytes(content)
        given = run_file(file, [inputs for inputs, _ in answers])
    return content, max(
        compare(expected, found, tolerance)
        for (_, expected), found in zip(answers, given, strict=True)
    )


def compare(
    expected: dict[str, np.ndarray],
    answers: dict[str, np.ndarray],
    tolerance: float,
) -> float:
    """Compare the outputs of a file with those of its model.

    Args:
        expected: Outputs of the model by name.
        answers: Outputs of the file by name.
        tolerance: Largest difference, as `convert` defines it.

    Returns:
        The largest difference of all outputs, in the unit of `tolerance`.

    Raises:
        ConversionError: If an output is missing or differs by more.
    """
    largest = 0.0
    for name, true in expected.items():
        shape = answers[name].shape if name in answers else "it is missing"
        if shape != true.shape:
            raise ConversionError(
                f"output {name!r} of the file has another shape than that of "
                f"the model: {shape}, not {true.shape}"
            )
        given = answers[name]
        if not true.size:
            continue
        if np.issubdtype(true.dtype, np.inexact):
            scale = np.abs(true.astype(np.float64)).max()
            gap = np.abs(given.astype(np.float64) - true).max()
            # Below `tiny`, a number has few digits, and a runtime may take it
            # for zero. A probability may be as small.
            if scale >= np.finfo(np.float32).tiny:
                gap /= scale
        else:
            gap = np.mean(given != true)
        if not gap <= tolerance:  # also where it is NaN
            raise ConversionError(
                f"output {name!r} of the file differs from that of the model "
                f"by {gap:.2g} of its largest value, allowed {tolerance:g}"
            )
        largest = max(largest, float(gap))
    return largest
