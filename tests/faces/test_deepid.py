import keras
import numpy as np
import pytest

from kcv.faces import DeepID
from kcv.faces import DeepID2
from kcv.faces import DeepID2Plus
from kcv.faces import Identification
from tests.faces.conftest import assert_agree
from tests.faces.conftest import golden_input

CASES = [
    ("deepid_rect", DeepID, (2, 39, 31, 3)),
    ("deepid2", DeepID2, (1, 55, 47, 3)),
]


@pytest.mark.parametrize("form", ["local", "plain"])
@pytest.mark.parametrize(("source", "build", "shape"), CASES)
def test_features_agree_with_torch(
    source, build, shape, form, golden, set_golden
):
    with np.load(golden / "networks" / "deepid.npz") as file:
        expected = dict(file)
    name = f"{source}_{form}"
    model = build(
        Identification(10),
        local_sharing=form == "local",
        include_preprocessing=False,
    )
    for layer in ("conv1", "conv2", "conv3", "conv4", "deepid"):
        set_golden(model.network.get_layer(layer), f"{name}.{layer}")
    set_golden(model.objective.softmax, f"{name}.softmax")
    images = golden_input(f"{source}/input", shape)
    network = model.network
    layers = ("pool3_conv4", "deepid_relu")
    both = keras.Model(
        network.input, [network.get_layer(layer).output for layer in layers]
    )
    concatenated, features = both(images)
    assert_agree(concatenated, expected[f"{name}_concat"])
    assert_agree(features, expected[f"{name}_feature"])
    logits = model.objective(network(images))
    assert_agree(logits, expected[f"{name}_logits"])
    count = model.count_params() - 161 * 10
    assert count == expected[f"{name}_params_to_feature"]


@pytest.mark.parametrize(
    ("build", "shape", "local_sharing", "count"),
    [
        (DeepID, (39, 31, 3), False, 132_520),
        (DeepID, (39, 31, 3), True, 260_100),
        (DeepID, (31, 31, 1), False, 99_880),
        (DeepID, (31, 31, 1), True, 164_860),
        (DeepID2, (55, 47, 3), False, 394_920),
        (DeepID2, (55, 47, 3), True, 1_018_540),
        (DeepID2Plus, (55, 47, 3), False, 2_464_768),
    ],
)
def test_published_parameter_counts(
    build, shape, local_sharing, count, shapes_only
):
    model = build(input_shape=shape, local_sharing=local_sharing)
    assert model.count_params() == count
    people = build(
        Identification(8700), input_shape=shape, local_sharing=local_sharing
    )
    units = model.output_shape[-1] + 1
    assert people.count_params() == count + 8700 * units


def test_regions_of_conv3_and_places_of_conv4_have_their_own_weights():
    network = DeepID().network
    assert network.get_layer("conv3").kernel.shape == (3, 2, 3, 3, 40, 60)
    assert network.get_layer("conv4").kernel.shape == (2, 1, 2, 2, 60, 80)


def test_the_small_size_keeps_the_layers_of_deepid():
    network = DeepID(size="small").network
    kinds = [
        (layer.name, type(layer).__name__)
        for layer in network.layers
        if "conv" in layer.name and layer.weights and "bn" not in layer.name
    ]
    assert kinds == [
        ("conv1", "Conv2D"),
        ("conv2", "Conv2D"),
        ("conv3", "PartiallySharedConv2D"),
        ("conv4", "LocallyConnected2D"),
    ]
