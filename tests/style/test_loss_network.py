import keras
import numpy as np
import pytest

from kcv.classification import VGG16
from kcv.style import loss_network


@pytest.fixture(scope="module")
def vgg():
    keras.utils.set_random_seed(0)
    return VGG16(include_top=False)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 255, (2, 32, 48, 3))


def test_it_sees_what_the_classifier_sees(vgg, images):
    layers = ["conv1_2", "conv3_3", "conv4_2"]
    found = loss_network(layers, vgg)(images)
    parts = keras.Model(vgg.input, [vgg.get_layer(x).output for x in layers])
    for name, expected in zip(layers, parts(images), strict=True):
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-4)
        assert float(keras.ops.min(found[name])) == 0  # behind its ReLU


def test_a_network_without_preprocessing_gets_it(vgg, images):
    bare = VGG16(include_top=False, include_preprocessing=False)
    bare.set_weights(vgg.get_weights())
    found, expected = (
        loss_network(["conv2_1"], each)(images)["conv2_1"]
        for each in (bare, vgg)
    )
    np.testing.assert_array_equal(found, expected)


def test_a_network_of_keras_applications_sees_the_same(vgg, images):
    theirs = keras.applications.VGG16(include_top=False, weights=None)
    for layer, own in zip(
        [x for x in theirs.layers if x.weights],
        [x for x in vgg.layers if x.weights],
        strict=True,
    ):
        kernel, bias = own.get_weights()
        if own.name == "conv1_1":
            kernel = kernel[:, :, ::-1]  # theirs takes BGR
        layer.set_weights([kernel, bias])
    layers = ["conv2_2", "conv5_1"]
    found = loss_network(layers, theirs)(images)
    expected = loss_network(layers, vgg)(images)
    assert [*found] == layers
    by_their_names = loss_network(["block2_conv2", "block5_conv1"], theirs)
    for name, same in zip(layers, by_their_names(images).values(), strict=True):
        np.testing.assert_allclose(
            found[name], expected[name], rtol=1e-3, atol=1e-3
        )
        np.testing.assert_array_equal(found[name], same)


def test_with_batch_normalization_too_it_is_behind_the_relu(images):
    vgg = VGG16(include_top=False, batch_norm=True)
    found = loss_network(["conv1_2", "conv2_1"], vgg)(images)
    for block, number in ((1, 2), (2, 1)):
        name = f"{block}_{number}"
        part = keras.Model(vgg.input, vgg.get_layer(f"relu{name}").output)
        np.testing.assert_allclose(
            found[f"conv{name}"], part(images), rtol=1e-4, atol=1e-4
        )


def test_poolings_round_down_and_differ(vgg):
    images = np.random.default_rng(0).uniform(0, 255, (1, 33, 47, 3))
    greatest = loss_network(["conv3_1"], vgg)(images)["conv3_1"]
    average = loss_network(["conv3_1"], vgg, pooling="average")(images)
    assert greatest.shape == average["conv3_1"].shape == (1, 8, 11, 256)
    assert np.abs(greatest - average["conv3_1"]).max() > 1e-3


def test_nothing_learns_and_the_vgg_is_left_alone(vgg):
    network = loss_network(["conv5_3"], vgg)
    assert not network.trainable_weights
    # The parameters that the spec counts.
    assert network.count_params() == 14_714_688
    assert len(vgg.trainable_weights) == 26
    assert isinstance(vgg.get_layer("pool1"), keras.layers.MaxPooling2D)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["conv6_1"], "vgg16", None), "'conv6_1'"),
        (([],), "none"),
        ((["conv1_1"], "resnet50"), "'resnet50'"),
        ((["conv1_1"], "vgg16", "no/such.h5"), "no/such.h5"),
        ((["conv1_1"], "vgg16", None, "median"), "'median'"),
    ],
)
def test_what_is_not_there_is_named(arguments, message):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        loss_network(*arguments)


def test_a_network_that_is_no_chain_is_refused():
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="conv1_1")(images)
    x = keras.layers.Add()([x, x])
    x = keras.layers.Conv2D(4, 3, name="conv1_2")(x)
    with pytest.raises(ValueError, match="must be a VGG"):
        loss_network(["conv1_2"], keras.Model(images, x))
