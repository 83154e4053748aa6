"""Frozen graphs written here, against what TensorFlow computes of them."""

import numpy as np
import pytest
import tensorflow as tf

from kcv.faces import FaceNetNN4
from kcv.weights import load_facenet
from kcv.weights import load_weights
from tests.weights.facenet_graphs import SMALL2
from tests.weights.facenet_graphs import GraphBuilder
from tests.weights.facenet_graphs import answer


def build(**options):
    defaults = {"padding": "facenet", "include_preprocessing": False}
    return FaceNetNN4(size="openface-small2", **defaults | options)


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(size=(2, 96, 96, 3)).astype("f4")


def write(path, graph):
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


@pytest.mark.parametrize("old_names", [False, True])
def test_answers_are_those_of_the_graph(model, images, tmp_path, old_names):
    graph = GraphBuilder(int(old_names), old_names).network(SMALL2)
    report = load_weights(model, write(tmp_path / "frozen.pb", graph))
    assert len(report.matched) == len(model.weights)
    expected = answer(graph, images)
    np.testing.assert_allclose(model(images), expected, rtol=0, atol=2e-6)


def test_a_classifier_of_the_file_is_left_over_or_skipped(model, tmp_path):
    path = write(tmp_path / "a.pb", GraphBuilder().network(SMALL2, softmax=5))
    with pytest.raises(ValueError, match="Logits/weights"):
        load_facenet(model, path)
    report = load_facenet(model, path, skip="softmax")
    assert set(report.skipped) == {"softmax/kernel", "softmax/bias"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": "same"}, 'build it with padding="facenet"'),
        ({"include_preprocessing": True}, "include_preprocessing=False"),
    ],
)
def test_another_geometry_is_refused(tmp_path, options, message):
    path = write(tmp_path / "a.pb", GraphBuilder().network(SMALL2))
    with pytest.raises(ValueError, match=rf"a\.pb .*{message}"):
        load_facenet(build(**options), path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("InceptionResnetV1/Conv2d_1a_3x3/weights", "is an Inception-ResNet"),
        ("conv1/weights", "is not of davidsandberg/facenet.*'conv1/weights'"),
    ],
)
def test_another_network_is_refused(model, tmp_path, name, message):
    with tf.Graph().as_default() as graph:
        tf.constant([1.0, 2.0], name=name)
    path = write(tmp_path / "other.pb", graph)
    with pytest.raises(ValueError, match=rf"other\.pb {message}"):
        load_facenet(model, path)


def test_a_bias_of_another_size_than_its_normalization_is_refused(
    model, tmp_path
):
    graph = GraphBuilder().network(SMALL2).as_graph_def()
    (bias,) = [x for x in graph.node if x.name == "conv1_7x7/biases"]
    bias.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(np.ones(5, "f4")))
    path = tmp_path / "bias.pb"
    path.write_bytes(graph.SerializeToString())
    with pytest.raises(ValueError, match="the weights are damaged"):
        load_facenet(model, path)
