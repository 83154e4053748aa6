"""The table of four ways to enlarge a feature map."""

import numpy as np
import pytest

from recipes.common.segmentation import enlarging_networks
from recipes.common.segmentation.enlarging_networks import TRANSPOSED
from recipes.common.segmentation.enlarging_networks import UNPOOLED
from recipes.common.segmentation.enlarging_networks import WAYS
from recipes.common.segmentation.enlarging_networks import build_enlarging
from recipes.common.segmentation.enlarging_networks import take_encoder
from recipes.tables import upsampling


@pytest.fixture
def filters(monkeypatch):
    """Number of filters of the four blocks of a small network."""
    filters = (8, 16, 16, 32)
    blocks = tuple((1, number) for number in filters)
    monkeypatch.setattr(enlarging_networks, "BLOCKS", blocks)
    for module in (enlarging_networks, upsampling):
        monkeypatch.setattr(module, "LAST_OF_ENCODER", "conv4_1_relu")
    # Each stage builds four graphs.
    monkeypatch.delitem(upsampling.PLANS, "windows")
    return filters


@pytest.mark.slow
def test_table_of_upsampling(shapes, tmp_path, filters, monkeypatch):
    """Of two ways, since each builds two graphs."""
    ways = (TRANSPOSED, UNPOOLED)
    monkeypatch.setattr(upsampling, "WAYS", ways)
    table = upsampling.main(
        upsampling.Options(
            out=tmp_path,
            data=shapes,
            epochs=1,
            batch_size=2,
            steps_per_epoch=8,
            rounds=2,
        )
    )
    assert [row["enlarged by"] for row in table["rows"]] == [*ways]
    transposed, unpooled = table["rows"]
    assert transposed["parameters"] > unpooled["parameters"]
    # 192 x 256 pixels, pooled four times.
    assert unpooled["switches, KiB"] == sum(
        192 * 256 / 4**block * number / 1024
        for block, number in enumerate(filters, start=1)
    )
    assert transposed["switches, KiB"] == 0
    page = (tmp_path / "report.html").read_text()
    for way in ways:
        assert way in page


def test_only_a_transposed_convolution_has_more_to_learn(filters):
    """Interpolation and unpooling have no weights of their own."""
    bilinear, transposed, unpooled, both = (
        build_enlarging(way, 3).count_params() for way in WAYS
    )
    assert bilinear == unpooled == both
    # One kernel of 4 x 4 pixels in each block.
    kernels = sum(16 * number**2 for number in filters)
    assert transposed == bilinear + kernels


def test_enlarging_is_the_only_difference():
    networks = [build_enlarging(way, 3) for way in WAYS[:3]]
    for network in networks[1:]:
        take_encoder(network, networks[0])
        np.testing.assert_array_equal(
            network.get_layer("conv4_3").kernel,
            networks[0].get_layer("conv4_3").kernel,
        )
    names = [
        [layer.name for layer in network.layers if layer.weights]
        for network in networks
    ]
    assert names[0] == names[2]
    # Before training, a transposed convolution interpolates: maps that are
    # the same everywhere stay so, off the border.
    flat = np.full((1, 256, 256, 3), 90.0, "float32")
    networks[1].set_weights(_merged(networks[1], networks[0]))
    found = [network(flat).numpy()[0, 120:136, 120:136] for network in networks]
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


def _merged(transposed, bilinear):
    """The weights of one network, where the other has the same layer."""
    values = []
    for layer in transposed.layers:
        if layer.weights:
            known = {each.name: each for each in bilinear.layers}
            source = layer
            if not layer.name.startswith("upsample"):
                source = known[layer.name]
            values += source.get_weights()
    return values
