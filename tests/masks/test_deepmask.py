import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import Interpolation2D
from kcv.masks import DeepMask
from kcv.masks import MaskParts
from kcv.masks import PatchGeometry
from kcv.masks import SceneSearch
from kcv.masks import parts as mask_parts
from kcv.masks import shared_head
from kcv.masks.pyramid_level import PyramidLevel
from tests.masks.conftest import draw


def assert_near(found, expected, tolerance=1e-5):
    """Golden values hold to a part of the largest one."""
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=tolerance * scale)


def test_patches_equal_the_golden_values(deepmask, stored):
    x = draw("deepmask/input", (2, 192, 192, 3))
    levels = deepmask.parts.trunk(x)
    for level, name in zip(
        levels, ("conv1", "layer1", "layer2", "layer3"), strict=True
    ):
        means = tf.reduce_mean(level, (1, 2))
        assert_near(means, stored[f"patch_{name}_mean"])
    assert_near(levels[-1][:1], stored["patch_layer3"])
    vectors, scores = deepmask.parts.head(deepmask.crop(levels[-1]))
    assert_near(vectors[:, 0, 0], stored["patch_vector"])
    assert_near(scores[:, 0, 0], stored["patch_score_logit"])
    masks = tf.reshape(deepmask.parts.mask(vectors[:, 0, 0]), (2, 14, 14))
    assert_near(masks, stored["patch_mask_logits_14"])


def test_both_conventions_of_enlarging_equal_the_golden_values(
    deepmask, stored
):
    small = stored["patch_mask_logits_14"][..., None]
    large = stored["patch_mask_28_align_corners"]
    assert_near(deepmask.enlarge(small)[..., 0], large)
    other = Interpolation2D(2, align_corners=False)
    assert_near(other(small)[..., 0], stored["patch_mask_28_half_pixel"])


def test_logits_of_patches_are_those_of_the_networks(deepmask, stored):
    x = draw("deepmask/input", (2, 192, 192, 3))
    # The golden input is normalized already.
    scale = deepmask.parts.preprocessing
    masks, scores = deepmask.patch_logits(x * scale.std + scale.mean)
    assert_near(masks, stored["patch_mask_28_align_corners"], 1e-4)
    assert_near(scores, stored["patch_score_logit"][:, 0], 1e-4)


def scene():
    random = np.random.default_rng(zlib.crc32(b"deepmask/scene"))
    return 255 * random.random((1, 104, 136, 3)).astype("float32")


def test_a_scene_equals_the_golden_values(deepmask, stored):
    """Its sides are no multiples of 16: the grid has 8 x 10 patches."""
    parts = deepmask.parts
    padded = PyramidLevel(1.0, 80)(scene())
    vectors, scores = parts.head(parts.trunk(parts.preprocessing(padded))[-1])
    assert_near(tf.sigmoid(scores)[0, ..., 0], stored["scene_score"])
    masks = tf.reshape(parts.mask(vectors), (8, 10, 14, 14))
    assert_near(masks, stored["scene_mask_logits"])


def test_predict_keeps_the_best_patches(deepmask, stored):
    found = deepmask.predict(scene(), verbose=0)
    best = np.sort(stored["scene_score"].ravel())[::-1][:5]
    assert_near(found["scores"][0], best)
    assert found["num_detections"].tolist() == [5]
    row, column = stored["scene_top5_rowcol"][0]
    x1, y1, x2, y2 = found["boxes"][0, 0]
    assert x1 >= 16 * column - 80
    assert x2 <= 16 * column + 80
    assert y1 >= 16 * row - 80
    assert y2 <= 16 * row + 80


@pytest.fixture(scope="module")
def near_sighted():
    """A model whose features see no more than their own cell."""
    keras.utils.set_random_seed(0)
    images = keras.Input((None, None, 3))
    x = images
    levels = []
    for filters in (4, 5, 6, 7):
        x = keras.layers.Conv2D(
            filters, 2, 2, padding="same", activation="relu"
        )(x)
        levels.append(x)
    trunk = keras.Model(images, levels)
    geometry = PatchGeometry(64)
    return MaskParts(
        keras.layers.Rescaling(1 / 255),
        trunk,
        shared_head(trunk, geometry, 4, 6, 5),
        keras.layers.Dense(8 * 8),
        geometry,
    )


@pytest.mark.parametrize("size", [(96, 64), (90, 83)])
def test_a_patch_gives_what_the_grid_gives_at_its_place(near_sighted, size):
    """Patches of the last row reach rows that do not exist: none is there."""
    model = DeepMask(near_sighted, search=SceneSearch((1.0,), 1))
    image = np.random.default_rng(1).uniform(0, 255, (1, *size, 3)).astype("f")
    padded = PyramidLevel(1.0, 32)(image)
    parts = near_sighted
    vectors, scores = parts.head(parts.trunk(parts.preprocessing(padded))[-1])
    rows, columns = (-(-(side + 64) // 16) - 3 for side in size)
    assert scores.shape == (1, rows, columns, 1)
    masks = tf.reshape(parts.mask(vectors), (rows, columns, 8, 8))
    # 16 pixels of context, and zeros where the trunk pads by them.
    around = np.zeros((1, 16 * (rows + 7), 16 * (columns + 7), 3), "float32")
    height, width = padded.shape[1:3]
    around[:, 16 : 16 + height, 16 : 16 + width] = padded
    for row, column in ((0, 0), (1, 2), (rows - 1, columns - 1)):
        patch = around[
            :,
            16 * row : 16 * row + 96,
            16 * column : 16 * column + 96,
        ]
        logits, score = model.patch_logits(patch)
        np.testing.assert_allclose(logits[0], masks[row, column], atol=1e-5)
        np.testing.assert_allclose(score[0], scores[0, row, column, 0], 1e-4)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    return DeepMask("small", search=SceneSearch((0.5, 1), 6))


@pytest.mark.parametrize("side", [129, 150, 155])
def test_features_stay_in_place_at_sizes_not_trained_at(small, side):
    """All cells but those whose 119 pixels reach beyond the smaller image."""
    random = np.random.default_rng(3)
    images = random.uniform(-2, 2, (1, 192, 192, 3)).astype("float32")
    whole = small.parts.trunk(images)
    part = small.parts.trunk(images[:, :side, :side])
    for number, (expected, found) in enumerate(zip(whole, part, strict=True)):
        stride = 2 ** (number + 1)
        assert found.shape[1] == side // stride
        inside = (side - 60) // stride
        np.testing.assert_allclose(
            found[:, :inside, :inside],
            expected[:, :inside, :inside],
            atol=1e-4,
        )


def patches(count=4):
    random = np.random.default_rng(0)
    y = {
        "masks": random.integers(0, 2, (count, 64, 64)).astype("uint8"),
        "labels": np.array([1, 0, 1, -1], "int32"),
    }
    return random.uniform(0, 255, (count, 96, 96, 3)).astype("float32"), y


def test_one_update_changes_every_network(small):
    x, y = patches()
    model = DeepMask.from_config(small.get_config())
    model.compile("sgd")
    before = [v.numpy() for v in model.trainable_variables]
    shown = model.fit(x, y, batch_size=4, verbose=0).history
    assert all(
        (v.numpy() != old).any()
        for v, old in zip(model.trainable_variables, before, strict=True)
    )
    assert {*shown} == {
        "loss",
        "mask_loss",
        "score_loss",
        "mask_iou",
        "score_accuracy",
    }


def test_the_loss_of_a_batch_is_the_sum_over_its_patches(small):
    x, y = patches()
    whole = small.compute_loss(x, y, training=False)
    parts = [
        small.compute_loss(
            x[n : n + 1],
            {name: value[n : n + 1] for name, value in y.items()},
            training=False,
        )
        for n in range(4)
    ]
    np.testing.assert_allclose(whole, sum(parts), rtol=1e-5)


def test_a_batch_without_an_object_has_a_finite_loss(small):
    x, y = patches()
    y = {"masks": np.full_like(y["masks"], 255), "labels": 0 * y["labels"]}
    loss = small.compute_loss(x, y, training=False)
    assert np.isfinite(loss)
    y["labels"] -= 1
    assert small.compute_loss(x, y, training=False) == 0


@pytest.mark.parametrize("name", ["images", "masks"])
def test_patches_of_another_size_are_refused(small, name):
    x, y = patches()
    if name == "images":
        x = x[:, :80]
    else:
        y["masks"] = y["masks"][:, :32]
    with pytest.raises(ValueError, match=f"`{name}` of .* must have the shape"):
        small.compute_loss(x, y)


def test_fewer_patches_than_wanted(small):
    """16 pixels and 32 on every side are 5 cells: there are 2 x 2 places."""
    model = DeepMask(small.parts, search=SceneSearch((1.0,), 6))
    for side, count in ((1, 1), (16, 4)):
        images = np.zeros((1, side, side, 3), "float32")
        found = model.predict(images, verbose=0)
        assert found["num_detections"].tolist() == [count]
        assert found["scores"][0, :count].all()
        assert not found["scores"][0, count:].any()
        assert found["masks"].shape == (1, 6, side, side)


def count_symbolically(build):
    """Count parameters without allocating them, statistics left out."""
    with keras.StatelessScope(initialize_variables=False):
        parts = build()
        parts.mask.build((None, parts.head.output[0].shape[-1]))
        weights = [
            weight
            for part in (parts.trunk, parts.head, parts.mask)
            for weight in part.weights
            if not weight.path.split("/")[-1].startswith("moving_")
            and weight.dtype == "float32"
        ]
        return sum(int(np.prod(weight.shape)) for weight in weights)


@pytest.mark.parametrize(
    ("build", "count"),
    [
        (mask_parts.resnet50_mask_parts, 17_363_713),
        (mask_parts.vgg11_mask_parts, 75_844_545),
    ],
)
def test_published_numbers_of_parameters(build, count):
    assert count_symbolically(build) == count


def test_shapes_of_the_published_network():
    with keras.StatelessScope(initialize_variables=False):
        parts = mask_parts.resnet50_mask_parts()
        shapes = [
            level.shape[1:] for level in parts.trunk(keras.Input((192, 192, 3)))
        ]
        assert shapes == [
            (96, 96, 64),
            (48, 48, 256),
            (24, 24, 512),
            (12, 12, 1024),
        ]
        vectors, scores = parts.head(keras.Input((10, 10, 1024)))
        assert vectors.shape == (None, 1, 1, 512)
        assert scores.shape == (None, 1, 1, 1)
        parts = mask_parts.vgg11_mask_parts()
        vectors, scores = parts.head(keras.Input((15, 17, 512)))
        assert vectors.shape == (None, 2, 4, 512)
        assert scores.shape == (None, 2, 4, 1)


@pytest.mark.parametrize(
    "options",
    [
        {"backbone": "resnet18"},
        {"score_weight": -1.0},
        {"target_size": 50},
    ],
)
def test_options_that_make_no_sense(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        DeepMask(**{"backbone": "small", **options})
