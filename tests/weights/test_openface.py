"""Networks written here, against a computation that follows Torch7's."""

import numpy as np
import pytest

from kcv.faces import FaceNetNN4
from kcv.weights import load_openface
from kcv.weights import load_weights
from tests.weights.openface_nets import NN2
from tests.weights.openface_nets import NN4
from tests.weights.openface_nets import SMALL1
from tests.weights.openface_nets import SMALL2
from tests.weights.openface_nets import Builder
from tests.weights.openface_nets import count
from tests.weights.torch7_interpreter import run
from tests.weights.torch7_writer import Storage
from tests.weights.torch7_writer import Tensor
from tests.weights.torch7_writer import module
from tests.weights.torch7_writer import write_torch7


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).integers(0, 256, (2, 96, 96, 3), "uint8")


def torch_answer(net, images):
    x = images.transpose(0, 3, 1, 2).astype("float32") / 255
    return run(net, x)


@pytest.fixture(scope="module")
def small2():
    return FaceNetNN4(size="openface-small2", padding="openface")


@pytest.mark.parametrize(
    ("table", "published"),
    [
        (SMALL2, 3_733_968),
        (SMALL1, 5_579_520),
        (NN4, 6_959_088),
        (NN2, 7_472_144),
    ],
)
def test_the_networks_have_the_published_counts(table, published):
    side = 224 if table is NN2 else 96
    assert count(Builder().network(table, side)) == published


@pytest.mark.parametrize("multiplies", [True, False])
@pytest.mark.parametrize("old", [True, False])
def test_answers_are_torchs(small2, images, tmp_path, multiplies, old):
    net = Builder(multiplies=multiplies, old=old).network(SMALL2)
    path = write_torch7(tmp_path / "nn4.small2.v1.t7", net)
    report = load_weights(small2, path)
    assert len(report.matched) == len(small2.weights)
    answer = np.asarray(small2(images))
    expected = torch_answer(net, images)
    np.testing.assert_allclose(answer, expected, rtol=0, atol=2e-6)


def test_the_builder_takes_a_file(images, tmp_path):
    net = Builder(seed=2).network(NN4)
    path = write_torch7(tmp_path / "nn4.v2.t7", net)
    model = FaceNetNN4(padding="openface", batch_norm=True, weights=path)
    expected = torch_answer(net, images)
    np.testing.assert_allclose(model(images), expected, rtol=0, atol=2e-6)


def test_a_model_of_another_geometry_is_refused(tmp_path):
    path = write_torch7(tmp_path / "a.t7", Builder().network(SMALL2))
    model = FaceNetNN4(size="openface-small2")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"a\.t7 .*3a_pool.*padding=\"openf"):
        load_openface(model, path)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_model_of_another_size_is_refused(small2, tmp_path):
    path = write_torch7(tmp_path / "a.t7", Builder().network(SMALL1))
    with pytest.raises(
        ValueError, match="left over in the source .*inception_4b"
    ):
        load_openface(small2, path)


def convolution_of(net):
    """The 3x3 convolution of the module 3a."""
    inception = next(m for m in net["modules"] if m.type == "nn.Inception")
    return inception["modules"][0]["modules"][0]["modules"][3]


def without_norm(net):
    kept = [m for m in net["modules"] if m.type != "nn.SpatialCrossMapLRN"]
    net["modules"] = kept


def without_modules(net):
    net["modules"] = net["modules"][:14]


def of_numbers(net):
    net["modules"][0] = 5


def no_table(net):
    net["modules"] = np.zeros(3, "f4")


def text_as_branches(net):
    inception = next(m for m in net["modules"] if m.type == "nn.Inception")
    inception["modules"] = "abc"


def missing_weight(net):
    del convolution_of(net)["weight"]


def text_as_weight(net):
    convolution_of(net)["weight"] = "0.5"


def integers_as_weight(net):
    convolution_of(net)["weight"] = np.zeros((2, 2), "i4")


def wrong_shape(net):
    convolution_of(net)["kH"] = 5


def wrong_inputs(net):
    convolution_of(net).update(
        nInputPlane=8, weight=np.zeros((128, 8, 3, 3), "f4")
    )


def huge(net):
    storage = Storage(np.zeros(1, "f4"))
    convolution_of(net)["weight"] = Tensor(storage, (10**9, 10**9), (0, 0))


def huge_and_consistent(net):
    shape = (2**20, 96, 3, 3)
    weight = Tensor(Storage(np.zeros(1, "f4")), shape, (0, 0, 0, 0))
    bias = Tensor(Storage(np.zeros(1, "f4")), (2**20,), (0,))
    convolution_of(net).update(nOutputPlane=2**20, weight=weight, bias=bias)


def fractions(net):
    convolution_of(net)["nInputPlane"] = 95.5


def wrong_bias(net):
    convolution_of(net)["bias"] = np.zeros(3, "f4")


def wrong_statistics(net):
    net["modules"][1]["running_mean"] = np.zeros(3, "f4")


def padded_pool(net):
    inception = next(m for m in net["modules"] if m.type == "nn.Inception")
    inception["modules"][0]["modules"][2]["modules"][0]["padW"] = 1


def more_convolutions(net):
    net["modules"].insert(13, Builder().convolution(192, 192, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_norm, "has 0 local response normalizations, and the model 2"),
        (without_modules, "has 1 inception modules"),
        (of_numbers, "has int among the modules of a nn.Sequential"),
        (no_table, "has ndarray as the modules of a nn.Sequential, not a tab"),
        (text_as_branches, "has str as the modules of a nn.Inception"),
        (missing_weight, "without a tensor of numbers 'weight'"),
        (text_as_weight, "without a tensor of numbers 'weight'"),
        (integers_as_weight, "without a tensor of numbers 'weight'"),
        (wrong_shape, "96 to 128 channels and 5 x 3 cells, whose weight has"),
        (wrong_inputs, "8 channels behind maps of 96"),
        (huge, r"weight has the shape \(1000000000, 1000000000\)"),
        (huge_and_consistent, "256 channels behind maps of 1048704 channels"),
        (fractions, "'nInputPlane' is 95.5"),
        (wrong_bias, r"128 outputs, whose bias has the shape \(3,\)"),
        (wrong_statistics, "whose weights have the shapes"),
        (padded_pool, "has padded maximum pooling"),
        (more_convolutions, "more than 3 convolutions outside"),
    ],
)
def test_a_network_is_refused(small2, tmp_path, change, message):
    net = Builder().network(SMALL2)
    change(net)
    path = write_torch7(tmp_path / "odd.t7", net)
    with pytest.raises(ValueError, match=message) as error:
        load_openface(small2, path)
    assert "odd.t7" in str(error.value)


@pytest.mark.parametrize("content", [{"a": 1}, module("Sequential"), None])
def test_a_file_of_something_else_is_refused(small2, tmp_path, content):
    path = write_torch7(tmp_path / "other.t7", content)
    with pytest.raises(
        ValueError, match=r"other\.t7 is not a network of OpenF"
    ):
        load_openface(small2, path)
