import keras
import pytest

from kcv.faces import DeepID3
from kcv.faces import IdentificationVerification
from kcv.layers import LocallyConnected2D

EVERY_LEVEL = IdentificationVerification(5, every_level=True)


@pytest.mark.parametrize("net", [1, 2])
def test_every_stage_has_a_feature_of_512_units(net, shapes_only):
    model = DeepID3(EVERY_LEVEL, net)
    shapes = [level.shape for level in model.network.outputs]
    assert shapes == [(None, 512)] * 4
    assert model.output_shape == (None, 512)
    alone = DeepID3(net=net)
    assert len(alone.network.outputs) == 1
    sides = [
        alone.network.get_layer(f"pool{stage}").output.shape[1:3]
        for stage in (1, 2, 3, 4)
    ]
    assert sides == [(27, 23), (13, 11), (6, 5), (3, 2)]


def test_the_first_network_has_two_convolutions_in_each_stage(shapes_only):
    network = DeepID3(net=1, size="small").network
    for stage in (1, 2, 3, 4):
        kind = LocallyConnected2D if stage == 4 else keras.layers.Conv2D
        for number in (1, 2):
            layer = network.get_layer(f"conv{stage}_{number}")
            assert type(layer) is kind
            assert tuple(layer.kernel_size) == (3, 3)


def test_the_second_network_has_three_and_two_inception_modules(shapes_only):
    network = DeepID3(net=2).network
    modules = [
        layer.name
        for layer in network.layers
        if layer.name.startswith("inception") and layer.name.endswith("output")
    ]
    assert modules == [
        f"inception_{module}_output"
        for module in ("3a", "3b", "3c", "4a", "4b")
    ]
    # GoogLeNet's first module has 256 filters, too.
    filters = {
        kind: network.get_layer(f"inception_3a_{kind}").filters
        for kind in (
            "1x1",
            "3x3_reduce",
            "3x3",
            "5x5_reduce",
            "5x5",
            "pool_proj",
        )
    }
    assert [*filters.values()] == [64, 96, 128, 16, 32, 32]


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"net": 3}, "net"),
        ({"size": "tiny"}, "size"),
        ({"widths": (8, 8, 8)}, "widths"),
        ({"net": 2, "widths": (8, 8, 8, 16)}, "widths"),
        ({"widths": (8, 8, 8, 0)}, "widths"),
    ],
)
def test_arguments_are_checked(options, argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be"):
        DeepID3(**options)
