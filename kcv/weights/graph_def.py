"""Read the constants in a frozen graph of TensorFlow 1, without running it."""

import os
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from kcv.weights.assignment import LazyArray

_NUMBERS = (tf.float16, tf.bfloat16, tf.float32, tf.float64)


def read_constants(path: str | os.PathLike) -> dict[str, LazyArray]:
    """Read the constants of a serialized GraphDef.

    A frozen graph stores its weights as constants with the names of the
    variables. The file is parsed as data: no graph is built and no operation
    runs. The values of a constant take memory when they are read.

    Args:
        path: File, usually with the extension .pb.

    Returns:
        Constants of floating-point numbers, by the names of their nodes.

    Raises:
        FileNotFoundError: If `path` does not exist.
        ValueError: If the file is truncated or of another kind, if it contains
            no constant of floating-point numbers, or two of one name.

    Example:

    >>> with tf.Graph().as_default() as graph:
    ...     _ = tf.constant([1.0, 2.0], name="conv/biases")
    >>> with open("frozen.pb", "wb") as file:
    ...     _ = file.write(graph.as_graph_def().SerializeToString())
    >>> read_constants("frozen.pb")["conv/biases"].shape
    (2,)
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist.")
    try:
        graph = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(
            f"{path} cannot be read as a graph of TensorFlow: it is truncated "
            f"or of another kind ({error})."
        ) from error
    constants: dict[str, LazyArray] = {}
    for node in graph.node:
        tensor = node.attr["value"].tensor
        if node.op != "Const" or tensor.dtype not in _NUMBERS:
            continue
        if node.name in constants:
            raise ValueError(f"{path} has two constants {node.name!r}.")
        shape = [side.size for side in tensor.tensor_shape.dim]
        if any(side < 0 for side in shape):
            raise ValueError(
                f"{path} has a constant {node.name!r} of the shape {shape}."
            )
        constants[node.name] = LazyArray(
            shape, _Reader(tensor, path, node.name)
        )
    if not constants:
        raise ValueError(
            f"{path} has no constants of floating-point numbers, so it "
            "is not a frozen graph."
        )
    return constants


class _Reader:
    """Reads the values of a constant, and names it in errors."""

    def __init__(self, tensor, path, name):
        self._tensor = tensor
        self._path = path
        self._name = name

    def __call__(self):
        try:
            return tf.make_ndarray(self._tensor)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{self._path} cannot be read at the constant {self._name!r}: "
                f"its values do not fit its shape ({error})."
            ) from error
