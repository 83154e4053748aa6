"""Frozen graphs written here."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.weights.graph_def import read_constants


def graph_of(**constants):
    with tf.Graph().as_default() as graph:
        for name, value in constants.items():
            tf.constant(value, name=name)
    return graph.as_graph_def()


def write(path, graph):
    path.write_bytes(graph.SerializeToString())
    return path


def test_constants_of_numbers_come_back(tmp_path):
    values = {
        "single": np.arange(6, dtype="float32").reshape(2, 3),
        "double": np.float64([1.5, -2]),
        "half": np.float16([[0.5]]),
        "filled": np.full((4, 5), 7, "float32"),  # stored as one number
        "integers": np.int32([1, 2]),
        "text": np.array([b"x"], object),
    }
    constants = read_constants(write(tmp_path / "a.pb", graph_of(**values)))
    assert set(constants) == {"single", "double", "half", "filled"}
    for name, constant in constants.items():
        assert constant.shape == values[name].shape
        np.testing.assert_array_equal(np.asarray(constant), values[name])


def test_no_operation_of_a_graph_is_needed_or_run(tmp_path):
    graph = graph_of(weights=[1.0])
    node = graph.node.add(name="harm", op="ReadFile", input=["weights"])
    node.attr["filename"].s = b"/etc/passwd"
    graph.node.add(name="other", op="AnOperationThatDoesNotExist")
    constants = read_constants(write(tmp_path / "a.pb", graph))
    assert list(constants) == ["weights"]


def test_a_huge_constant_takes_no_memory_until_it_is_read(tmp_path):
    graph = graph_of(weights=[1.0])
    (node,) = graph.node
    shape = node.attr["value"].tensor.tensor_shape
    shape.dim[0].size = 2**50
    constants = read_constants(write(tmp_path / "a.pb", graph))
    assert constants["weights"].shape == (2**50,)


def test_values_that_do_not_fit_are_named(tmp_path):
    graph = graph_of(weights=[1.0, 2.0, 3.0])
    (node,) = graph.node
    node.attr["value"].tensor.tensor_content = b"\0" * 5
    constants = read_constants(write(tmp_path / "a.pb", graph))
    with pytest.raises(ValueError, match=r"a\.pb .* constant 'weights'"):
        np.asarray(constants["weights"])


def negative(graph):
    graph.node[0].attr["value"].tensor.tensor_shape.dim[0].size = -1


def twice(graph):
    graph.node.add().CopyFrom(graph.node[0])


def without(graph):
    graph.node[0].op = "Placeholder"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (negative, r"a\.pb has a constant 'weights' of the shape \[-1\]"),
        (twice, r"a\.pb has two constants 'weights'"),
        (without, r"a\.pb has no constants"),
    ],
)
def test_a_file_is_refused(tmp_path, change, message):
    graph = graph_of(weights=[1.0])
    change(graph)
    with pytest.raises(ValueError, match=message):
        read_constants(write(tmp_path / "a.pb", graph))


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "a.pb"
    path.write_bytes(b"\x0a\xff\xffno graph")
    with pytest.raises(ValueError, match=r"a\.pb cannot be read"):
        read_constants(path)
    with pytest.raises(FileNotFoundError, match=r"none\.pb"):
        read_constants(tmp_path / "none.pb")
