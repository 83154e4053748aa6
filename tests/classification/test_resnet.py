"""Published counts, the paper's table, and what a frozen norm does."""

import keras
import numpy as np
import pytest

from kcv.classification import ResNet18
from kcv.classification import ResNet34
from kcv.classification import ResNet50
from kcv.classification import ResNet101
from kcv.classification import ResNet152
from kcv.classification import resnet_stage
from kcv.classification import resnet_trunk
from kcv.classification.residual_blocks import basic_block
from kcv.classification.residual_blocks import bottleneck_block


@pytest.mark.parametrize(
    ("build", "trainable", "last"),
    [
        (ResNet18, 11_689_512, "bbbb"),
        (ResNet34, 21_797_672, "cdfc"),
        (ResNet50, 25_557_032, "cdfc"),
        (ResNet101, 44_549_160, ("c", "b3", "b22", "c")),
        (ResNet152, 60_192_808, ("c", "b7", "b35", "c")),
    ],
)
def test_published_parameter_counts_and_sizes(build, trainable, last):
    model = build()
    count = sum(int(np.prod(v.shape)) for v in model.trainable_weights)
    assert count == trainable
    assert model.get_layer("conv1_relu").output.shape[1:3] == (112, 112)
    widen = 1 if build in (ResNet18, ResNet34) else 4
    for stage, block, size, filters in zip(
        (2, 3, 4, 5), last, (56, 28, 14, 7), (64, 128, 256, 512), strict=True
    ):
        layer = model.get_layer(f"res{stage}{block}_relu")
        assert layer.output.shape[1:] == (size, size, widen * filters)


@pytest.mark.parametrize(
    ("build", "trainable"), [(ResNet18, 11_515_688), (ResNet34, 21_623_848)]
)
def test_option_a_has_no_projections(build, trainable):
    model = build(shortcut="A")
    count = sum(int(np.prod(v.shape)) for v in model.trainable_weights)
    assert count == trainable
    assert model.get_layer("res3a_branch1").output.shape[1:] == (28, 28, 128)


@pytest.mark.parametrize("side", [9, 12])
def test_pool1_is_caffes_or_torchs(side):
    """Caffe's layer: no border, sizes rounded up, windows end at the map."""

    def pooled(pool1):
        image = keras.Input((None, None, 3))
        trunk = resnet_trunk(image, 18, through=2, pool1=pool1)
        before, after = (
            keras.Model(image, trunk).get_layer(name).output
            for name in ("conv1_relu", "pool1")
        )
        pool = keras.Model(before, after)
        return np.asarray(pool(maps))[0]

    maps = np.random.default_rng(0).random((1, side, side, 64), "float32")

    def windows(first, count):
        rows = [
            slice(max(first + 2 * n, 0), first + 2 * n + 3)
            for n in range(count)
        ]
        return np.array(
            [[maps[0, y, x].max((0, 1)) for x in rows] for y in rows]
        )

    ceil = -((3 - side) // 2) + 1
    np.testing.assert_array_equal(pooled("ceil"), windows(0, ceil))
    np.testing.assert_array_equal(
        pooled("padded"), windows(-1, (side - 1) // 2 + 1)
    )


@pytest.mark.parametrize(
    ("shortcut", "trainable"),
    [
        (None, 11_515_688),
        # With a kernel, a scale and a shift for each block that keeps the
        # shape: two of 64 channels, and one each of 128, 256 and 512.
        (
            "C",
            11_689_512 + sum(c * (c + 2) for c in (64, 64, 128, 256, 512)),
        ),
    ],
)
def test_plain_networks_and_option_c(shortcut, trainable):
    model = ResNet18(shortcut=shortcut)
    count = sum(int(np.prod(v.shape)) for v in model.trainable_weights)
    assert count == trainable
    sums = [x for x in model.layers if isinstance(x, keras.layers.Add)]
    assert len(sums) == (0 if shortcut is None else 8)


def test_the_bias_of_the_released_resnet50():
    model = ResNet50(conv1_bias=True)
    count = sum(int(np.prod(v.shape)) for v in model.trainable_weights)
    assert count == 25_557_032 + 64


@pytest.mark.parametrize("build", [ResNet18, ResNet50])
def test_layers_have_the_authors_names(build):
    names = [x.name for x in build(include_top=False).layers if x.weights]
    assert names[:2] == ["conv1", "bn_conv1"]
    for name in ("res2a_branch2a", "bn2a_branch2a", "res5b_branch2b"):
        assert name in names
    # A projection stands where the shape changes only.
    projections = [n for n in names if n.startswith("res") and "branch1" in n]
    first = ["res2a_branch1"] if build is ResNet50 else []
    assert projections == [
        *first,
        *(f"res{stage}a_branch1" for stage in (3, 4, 5)),
    ]


@pytest.mark.parametrize(
    ("stride_in", "first", "second"),
    [("1x1", (2, 2), (1, 1)), ("3x3", (1, 1), (2, 2))],
)
def test_the_switch_moves_the_stride(stride_in, first, second):
    maps = keras.Input((14, 14, 1024))
    x = resnet_stage(maps, 50, 5, stride_in=stride_in)
    model = keras.Model(maps, x)
    assert model.get_layer("res5a_branch2a").strides == first
    assert model.get_layer("res5a_branch2b").strides == second
    assert model.get_layer("res5b_branch2b").strides == (1, 1)
    assert model.output_shape == (None, 7, 7, 2048)


@pytest.mark.parametrize("block", [basic_block, bottleneck_block])
def test_a_block_without_residual_is_the_identity(block):
    image = keras.Input((6, 6, 16))
    filters = 16 if block is basic_block else 4
    model = keras.Model(image, block(image, filters))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(0 * layer.gamma)
    x = np.random.default_rng(0).normal(size=(1, 6, 6, 16))
    np.testing.assert_allclose(
        model(x), np.maximum(x, 0).astype("float32"), rtol=1e-6
    )


def test_option_a_without_residual_subsamples_and_adds_zeros():
    image = keras.Input((7, 6, 4))
    model = keras.Model(image, basic_block(image, 10, stride=2, shortcut="A"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(0 * layer.gamma)
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 4)).astype("float32")
    expected = np.zeros((2, 4, 3, 10), "float32")
    expected[..., :4] = np.maximum(x, 0)[:, ::2, ::2]
    np.testing.assert_array_equal(model(x), expected)


def test_trunk_and_stage_are_the_whole_network():
    keras.utils.set_random_seed(0)
    whole = ResNet18(include_top=False, include_preprocessing=False)
    image = keras.Input((None, None, 3))
    maps = keras.Input((None, None, 256))
    trunk = keras.Model(image, resnet_trunk(image, 18, through=4))
    head = keras.Model(maps, resnet_stage(maps, 18, stage=5))
    for part in (trunk, head):
        for layer in part.layers:
            if layer.weights:
                layer.set_weights(whole.get_layer(layer.name).get_weights())
    x = np.random.default_rng(0).normal(0, 60, (1, 75, 90, 3))
    features = trunk(x)
    assert features.shape == (1, 5, 6, 256)  # ceil(75 / 16), ceil(90 / 16)
    np.testing.assert_allclose(head(features), whole(x), rtol=1e-5)
    kept = keras.Model(maps, resnet_stage(maps, 18, stage=5, stride=1))
    assert kept.compute_output_shape((2, 7, 7, 256)) == (2, 7, 7, 512)


def small(**options):
    image = keras.Input((32, 32, 3))
    x = resnet_trunk(image, 18, through=2, **options)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(1)(x))
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


@pytest.mark.parametrize("frozen", [True, False])
def test_a_frozen_norm_stays_through_fit(frozen):
    keras.utils.set_random_seed(0)
    model = small(frozen_batch_norm=frozen)
    norms = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    before = [v.numpy() for layer in norms for v in layer.weights]
    kernel = model.get_layer("conv1").kernel.numpy()
    x = np.random.default_rng(0).normal(3, 1, (4, 32, 32, 3))
    model.fit(x, np.ones((4, 1)), epochs=2, verbose=0)
    after = [v.numpy() for layer in norms for v in layer.weights]

    same = [np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert all(same) if frozen else not any(same)
    assert not np.array_equal(model.get_layer("conv1").kernel, kernel)
    if frozen:  # and a step sees what predict sees
        np.testing.assert_array_equal(model(x, training=True), model(x))


def test_round_trip_keeps_the_norm_frozen(tmp_path):
    keras.utils.set_random_seed(0)
    model = ResNet18(input_shape=(32, 32, 3), classes=2, frozen_batch_norm=True)
    path = tmp_path / "resnet.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3))
    np.testing.assert_array_equal(loaded(x), model(x))
    assert not loaded.get_layer("bn_conv1").trainable
    assert loaded.get_layer("conv1").trainable


def test_a_batch_gives_what_its_images_give():
    keras.utils.set_random_seed(0)
    model = ResNet18(include_top=False)
    x = np.random.default_rng(0).normal(0, 60, (2, 48, 64, 3))
    alone = np.concatenate([model(x[:1]), model(x[1:])])
    np.testing.assert_allclose(model(x), alone, rtol=1e-4, atol=1e-3)


def test_mixed_precision_answers_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = ResNet18(input_shape=(32, 32, 3), classes=3)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("fc1000").compute_dtype == "bfloat16"
    assert model(np.zeros((1, 32, 32, 3))).dtype == "float32"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: resnet_trunk(x, 20), "depth .*got 20"),
        (lambda x: resnet_trunk(x, 18, through=6), "received 6"),
        (lambda x: resnet_stage(x, 18, stage=1), "received 1"),
        (lambda x: resnet_stage(x, 50, 3, stride_in="2x2"), "'2x2'"),
        (lambda x: resnet_stage(x, 18, 3, shortcut="D"), "shortcut='D'"),
        (lambda x: resnet_trunk(x, 18, pool1="same"), "pool1='same'"),
    ],
)
def test_errors_name_the_argument(call, message):
    with pytest.raises(ValueError, match=message):
        call(keras.Input((32, 32, 3)))
