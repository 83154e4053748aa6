"""SegNet, SegNet-Basic and DeconvNet: parameters, sizes, switches."""

import keras
import numpy as np
import pytest

from kcv.classification import VGG16
from kcv.segmentation import DeconvNet
from kcv.segmentation import SegNet
from kcv.segmentation import SegNetBasic
from kcv.segmentation import recompute_batch_norm
from kcv.weights.caffe_names import rename_layers

SMALL = ((1, 4), (2, 8), (1, 8))


def trainable(model):
    return sum(int(np.prod(v.shape)) for v in model.trainable_variables)


def of_convolutions(model):
    kinds = (keras.layers.Conv2D, keras.layers.Conv2DTranspose)
    found = [layer for layer in model.layers if isinstance(layer, kinds)]
    return sum(layer.count_params() for layer in found)


def test_segnet_of_the_paper():
    model = SegNet(11, (360, 480, 3))
    assert of_convolutions(model) == 29_433_483
    assert trainable(model) == 29_449_355
    rows = [model.get_layer(f"pool{i}").output[0].shape[1] for i in range(1, 6)]
    assert rows == [180, 90, 45, 23, 12]
    back = [model.get_layer(f"upsample{i}").output.shape[1:3] for i in (5, 4)]
    assert back == [(23, 30), (45, 60)]
    assert model.output_shape == (None, 360, 480, 11)
    filters = [
        model.get_layer(f"conv{name}_D").filters
        for name in ("5_1", "4_2", "4_1", "3_1", "2_2", "2_1", "1_2")
    ]
    assert filters == [512, 512, 256, 128, 128, 64, 64]


def test_segnet_basic_of_the_paper():
    model = SegNetBasic(11, (360, 480, 3))
    assert of_convolutions(model) == 1_415_563
    assert trainable(model) == 1_416_587
    assert model.get_layer("pool4").output[0].shape[1:3] == (23, 30)
    assert model.get_layer("upsample4").output.shape[1:3] == (45, 60)


def test_deconvnet_of_the_paper(zero_weights):
    model = DeconvNet(21)
    assert of_convolutions(model) == 251_772_245
    assert trainable(model) == 251_805_653
    assert model.get_layer("fc6").output.shape == (None, 1, 1, 4096)
    assert model.get_layer("fc6-deconv").output.shape == (None, 7, 7, 512)
    assert model.output_shape == (None, 224, 224, 21)
    # num_output of the authors' decoder, which counts up.
    published = {
        **{f"deconv5_{number}": 512 for number in (1, 2, 3)},
        "deconv4_1": 512,
        "deconv4_2": 512,
        "deconv4_3": 256,
        "deconv3_1": 256,
        "deconv3_2": 256,
        "deconv3_3": 128,
        "deconv2_1": 128,
        "deconv2_2": 64,
        "deconv1_1": 64,
        "deconv1_2": 64,
    }
    names = rename_layers(["fc6-deconv", *published])
    inputs, order = 512, []
    for name, filters in published.items():
        layer = model.get_layer(names.get(name, name))
        assert layer.kernel.shape == (3, 3, filters, inputs)
        order.append(model.layers.index(layer))
        inputs = filters
    assert order == sorted(order)


@pytest.mark.parametrize("sides", [(1, 1), (23, 30), (45, 61)])
def test_any_size_comes_back(sides):
    images = np.random.default_rng(0).uniform(0, 255, (2, *sides, 3))
    for model in (SegNet(3, blocks=SMALL), SegNetBasic(3, filters=4)):
        assert model(images).shape == (2, *sides, 3)


@pytest.mark.parametrize("build", [SegNet, SegNetBasic, DeconvNet])
def test_it_learns_saves_and_loads(build, tmp_path):
    keras.utils.set_random_seed(0)
    model = {
        SegNet: lambda: SegNet(3, blocks=SMALL),
        SegNetBasic: lambda: SegNetBasic(3, filters=8, depth=2),
        DeconvNet: lambda: DeconvNet(3, (24, 32, 3), SMALL, units=16),
    }[build]()
    rng = np.random.default_rng(0)
    # Colors tell the classes.
    labels = rng.integers(0, 3, (8, 6, 8)).repeat(4, 1).repeat(4, 2)
    images = np.float32(np.eye(3)[labels] * 200 + rng.normal(size=(24, 32, 3)))
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    losses = model.fit(
        images, labels, batch_size=4, epochs=40, shuffle=False, verbose=0
    ).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_statistics_are_those_of_the_set():
    model = SegNet(2, blocks=((1, 4),))
    rng = np.random.default_rng(0)
    batches = rng.uniform(0, 255, (5, 2, 8, 8, 3)).astype("float32")
    recompute_batch_norm(model, batches)
    first = keras.Model(model.input, model.get_layer("conv1_1").output)
    maps = np.stack([first(batch) for batch in batches])
    layer = model.get_layer("conv1_1_bn")
    np.testing.assert_allclose(
        layer.moving_mean, maps.mean((0, 1, 2, 3)), rtol=1e-4
    )
    np.testing.assert_allclose(
        layer.moving_variance, maps.var((1, 2, 3)).mean(0), rtol=1e-4
    )
    assert layer.momentum == 0.9
    with pytest.raises(ValueError, match="one batch at least"):
        recompute_batch_norm(model, [])


@pytest.mark.parametrize("build", [SegNet, SegNetBasic, DeconvNet])
def test_no_number_of_classes(build):
    with pytest.raises(ValueError, match="classes=1"):
        build(1)


def test_windows_of_free_size():
    with pytest.raises(ValueError, match="`input_shape` must be fixed"):
        DeconvNet(2, (None, None, 3))


# === Weights ===


@pytest.fixture(scope="module")
def trunk(tmp_path_factory):
    """A file of VGG-16's convolutions, and these."""
    model = VGG16(include_top=False)
    file = tmp_path_factory.mktemp("trunk") / "vgg16.weights.h5"
    model.save_weights(file)
    return file, model


@pytest.mark.parametrize(
    "build",
    [SegNet, lambda **x: DeconvNet(input_shape=(32, 32, 3), units=8, **x)],
)
def test_encoders_begin_with_vgg16(build, trunk):
    file, vgg = trunk
    model = build(weights=file)
    for layer in vgg.layers:
        if layer.weights:
            own = model.get_layer(layer.name).get_weights()
            for value, expected in zip(own, layer.get_weights(), strict=True):
                np.testing.assert_array_equal(value, expected)


def test_weights_of_another_network_are_refused(trunk):
    file, _ = trunk
    with pytest.raises(ValueError, match="same system.*lacks"):
        SegNet(blocks=((2, 64), (3, 128)), weights=file)
    with pytest.raises(FileNotFoundError):
        SegNet(weights="none.weights.h5")


def test_deconvnet_begins_by_a_gaussian_or_as_told():
    small = {"input_shape": (32, 32, 3), "blocks": ((1, 8),), "units": 64}
    inputs = 16 * 16 * 8
    for initializer, deviation in (
        (None, 0.01),
        ("he_normal", (2 / inputs) ** 0.5),
    ):
        model = DeconvNet(3, kernel_initializer=initializer, **small)
        fc6 = model.get_layer("fc6").kernel.numpy()
        assert fc6.std() == pytest.approx(deviation, rel=0.05)
