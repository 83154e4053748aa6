"""What a model server cannot run, found in a SavedModel before it tries."""

from collections.abc import Iterator
from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2

_FORBIDDEN = {
    "PyFunc": "Python code (tf.numpy_function)",
    "PyFuncStateless": "Python code (tf.numpy_function)",
    "EagerPyFunc": "Python code (tf.py_function)",
    "XlaCallModule": "a compiled XLA module (jax2tf or a JAX backend)",
    "XlaLaunch": "a cluster for the XLA compiler",
}
_COMPILE = "_XlaMustCompile"


def unservable_ops(saved_model: Path) -> list[str]:
    """List what tensorflow_model_server would load and then fail to run.

    Python functions live in the exporting process alone, and a server does
    not compile (`jit_compile=True`) unless it is started with XLA.

    Args:
        saved_model: Folder of a SavedModel.

    Returns:
        One line for each offending kind of operation; empty is good.
    """
    message = saved_model_pb2.SavedModel()
    message.ParseFromString((saved_model / "saved_model.pb").read_bytes())
    found = set()
    for meta_graph in message.meta_graphs:
        for name, op, attributes in _nodes(meta_graph.graph_def):
            if op in _FORBIDDEN:
                found.add(f"{op} ({name}): {_FORBIDDEN[op]}")
            if _COMPILE in attributes and attributes[_COMPILE].b:
                found.add(f"{op or 'function'} ({name}): jit_compile=True")
    return sorted(found)


def _nodes(graph) -> Iterator[tuple]:
    for node in graph.node:
        yield node.name, node.op, node.attr
    for function in graph.library.function:
        yield function.signature.name, "", function.attr
        for node in function.node_def:
            yield node.name, node.op, node.attr
