import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import SymmetricPadding2D
from kcv.masks import DeepMask
from kcv.masks import SceneSearch
from kcv.masks import SharpMask
from kcv.masks.refinement import horizontal_model
from kcv.masks.refinement import vertical_model
from tests.masks.conftest import Golden
from tests.masks.conftest import draw

LEVELS = (("layer3", 12, 1024), ("layer2", 24, 512), ("layer1", 48, 256))


@pytest.fixture(scope="module")
def sharp(golden):
    return Golden(golden, "sharpmask")


@pytest.fixture(scope="module")
def horizontal(sharp):
    model = horizontal_model((1024, 512, 256, 64))
    for module in range(1, 5):
        for number in range(3):
            layer = model.get_layer(f"h{module}_{number + 1}")
            sharp.set(layer, f"sm.h{module}.{number}")
    return model


@pytest.fixture(scope="module")
def maps(horizontal):
    """Horizontal maps of the golden features without their context."""
    features = []
    for context, (name, side, channels) in enumerate(
        (*LEVELS, ("conv1", 96, 64))
    ):
        x = draw(f"sharpmask/{name}", (1, side, side, channels))
        rim = 2**context
        features.append(np.maximum(x, 0)[:, rim:-rim, rim:-rim])
    return horizontal(features)


def test_horizontal_maps_equal_the_golden_values(maps, sharp):
    for number, values in enumerate(maps, start=1):
        means = tf.reduce_mean(values, (1, 2))
        np.testing.assert_allclose(means, sharp[f"h{number}_mean"], atol=1e-5)


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_refined_masks_equal_the_golden_values(maps, sharp, upsampling):
    model = vertical_model(512, 10, upsampling=upsampling)
    sharp.set(model.get_layer("M1"), "sm.m1")
    sharp.set(model.get_layer("final"), "sm.final")
    for module in range(1, 5):
        for number in range(2):
            layer = model.get_layer(f"v{module}_{number + 1}")
            sharp.set(layer, f"sm.v{module}.{number}")
    inside = keras.Model(
        model.inputs,
        [model.output, model.get_layer("M1_last").output]
        + [model.get_layer(f"M{number}").output for number in range(2, 6)],
    )
    vector = tf.constant(draw("sharpmask/vector", (1, 512)))
    logits, first, *others = inside([vector, *maps])
    expected = sharp[f"logits_{upsampling}"]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(logits[0, ..., 0], expected, atol=1e-4 * scale)
    np.testing.assert_allclose(first, sharp["M1"], atol=1e-5)
    if upsampling == "nearest":
        for number, values in enumerate(others, start=2):
            means = tf.reduce_mean(values, (1, 2))
            np.testing.assert_allclose(
                means, sharp[f"M{number}_mean"], rtol=1e-4, atol=1e-5
            )


def test_published_numbers_of_parameters():
    with keras.StatelessScope(initialize_variables=False):
        across = horizontal_model((1024, 512, 256, 64)).count_params()
        down = vertical_model(512, 10).count_params()
    assert across == 1_090_466
    assert down == 1_660_050 + 19
    assert across + down == 2_750_535


def test_the_sum_is_the_convolution_of_the_concatenation():
    random = np.random.default_rng(0)
    skip, mask = random.standard_normal((2, 1, 6, 6, 4)).astype("float32")
    pad = SymmetricPadding2D(1)
    parts = [keras.layers.Conv2D(3, 3) for _ in range(2)]
    whole = keras.layers.Conv2D(3, 3)
    total = sum(
        conv(pad(x)) for conv, x in zip(parts, (skip, mask), strict=True)
    )
    whole.build((None, 8, 8, 8))
    kernels, biases = zip(*(conv.get_weights() for conv in parts), strict=True)
    whole.set_weights([np.concatenate(kernels, 2), sum(biases)])
    joined = whole(pad(np.concatenate([skip, mask], -1)))
    np.testing.assert_allclose(joined, total, atol=1e-5)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return SharpMask(DeepMask("small", search=SceneSearch((0.5, 1), 6)))


def test_the_refinement_alone_trains(model):
    random = np.random.default_rng(0)
    x = random.uniform(0, 255, (4, 96, 96, 3)).astype("float32")
    y = {
        "masks": random.integers(0, 2, (4, 64, 64)).astype("uint8"),
        "labels": np.array([1, 1, 0, 1], "int32"),
    }
    y["masks"][3] = 255
    frozen = [*model.parts.trunk.variables, *model.parts.head.variables]
    before = [v.numpy() for v in frozen]
    own = [*model.horizontal.variables, *model.vertical.variables]
    start = [v.numpy() for v in own]
    model.compile("sgd")
    shown = model.fit(x, y, batch_size=4, verbose=0).history
    assert {*shown} == {"loss", "mask_loss", "mask_iou"}
    for variable, value in zip(frozen, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert len(model.trainable_variables) == len(own)
    changed = [
        (v.numpy() != old).any() for v, old in zip(own, start, strict=True)
    ]
    assert all(changed)


def test_windows_of_a_scene_are_those_of_the_maps(model):
    """Every patch of both scales, the last ones beyond the image as well."""
    image = np.random.default_rng(2).uniform(0, 255, (2, 50, 67, 3))
    parts = model.parts
    inside = keras.Model(
        model.input,
        [
            *model.get_layer("best_patches").output[::2],
            model.get_layer("refine_patches").output,
        ],
    )
    vectors, places, logits = inside(image.astype("float32"))
    for number in range(len(model.search.scales)):
        scaled = model.get_layer(f"scale_{number}")(image.astype("float32"))
        levels = parts.trunk(parts.preprocessing(scaled))[::-1]
        maps = model.horizontal(levels)
        for owner, rank in np.argwhere(places[..., 0] == number):
            row, column = places[owner, rank, 1:].numpy()
            windows = []
            for level, values in enumerate(maps):
                step, side = 2**level, 4 * 2**level
                values = np.pad(
                    values[owner], [(0, 16), (0, 16), (0, 0)], "edge"
                )
                rows = slice(step * row, step * row + side)
                columns = slice(step * column, step * column + side)
                windows.append(tf.constant(values[None, rows, columns]))
            expected = model.vertical([vectors[owner, rank][None], *windows])
            np.testing.assert_allclose(
                logits[owner, rank], expected[0, ..., 0], atol=1e-4
            )


@pytest.mark.parametrize("channels", [0, 8])
def test_channels_that_cannot_be_halved(model, channels):
    with pytest.raises(ValueError, match=f"Received: channels={channels}"):
        SharpMask(model.parts, channels=channels)


def test_a_trunk_without_levels_is_refused(model):
    trunk = model.parts.trunk
    last = keras.Model(trunk.inputs, [trunk.outputs[-1]])
    with pytest.raises(ValueError, match="a trunk of 1 levels"):
        SharpMask(model.parts._replace(trunk=last))
