import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification import VGG16
from kcv.classification import AlexNet
from kcv.classification import project_activation
from kcv.classification import strongest_images


def images(seed=0, size=64, count=2):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 50, (count, size, size, 3)).astype(np.float32)


def by_tape(model, layer, x, feature_map):
    maps = keras.Model(model.inputs, model.get_layer(layer).output)
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        own = tf.reshape(maps(x)[..., feature_map], (len(x), -1))
        strongest = tf.reduce_max(own, -1)
        # The signal that goes back is the activation itself.
        total = tf.reduce_sum(strongest**2 / 2)
    return tape.gradient(total, x).numpy(), strongest.numpy()


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (lambda: VGG16(include_top=False), "conv3_2"),
        (lambda: VGG16(include_top=False), "pool4"),
        (lambda: AlexNet(include_top=False), "conv5"),
        (lambda: AlexNet(include_top=False, variant="one-tower"), "conv3"),
        (lambda: VGG16(False, batch_norm=True), "conv2_2"),
        (lambda: AlexNet(input_shape=(67, 67, 3)), "fc7"),
    ],
)
def test_the_rule_of_the_gradient_is_the_gradient(build, layer):
    model = build()
    x = images(size=67)
    seen = project_activation(model, layer, x, 3, rule="gradient")
    gradient, strongest = by_tape(model, layer, x, 3)
    np.testing.assert_allclose(seen.activations, strongest, rtol=1e-4)
    scale = np.abs(gradient).max()
    np.testing.assert_allclose(seen.pixels, gradient, atol=1e-4 * scale)


def chain(*layers, size=(1, 2, 1)):
    return keras.Sequential([keras.Input(size), *layers])


def test_three_rules_on_a_relu():
    # Zeiler and Fergus look at the sign of the signal, the gradient at that of
    # the activation, guided backpropagation at both.
    first = keras.layers.Conv2D(1, 1, activation="relu", name="first")
    last = keras.layers.Conv2D(1, (1, 2), name="last")
    model = chain(first, last)
    first.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    last.set_weights([np.float32([3, 2]).reshape(1, 2, 1, 1), np.zeros(1)])
    x = np.float32([1, -1]).reshape(1, 1, 2, 1)

    def pixels(rule):
        return project_activation(model, "last", x, 0, rule).pixels.ravel()

    # The activation is 3: the signal at the first layer is (9, 6).
    np.testing.assert_allclose(pixels("deconvnet"), [9, 6])
    np.testing.assert_allclose(pixels("gradient"), [9, 0])
    np.testing.assert_allclose(pixels("guided"), [9, 0])
    # A signal of (9, -6).
    last.set_weights([np.float32([3, -2]).reshape(1, 2, 1, 1), np.zeros(1)])
    x = np.float32([1, 0.5]).reshape(1, 1, 2, 1)
    # The activation is 2: (6, -4), of which -4 is dropped but by the gradient.
    np.testing.assert_allclose(pixels("deconvnet"), [6, 0])
    np.testing.assert_allclose(pixels("gradient"), [6, -4])
    np.testing.assert_allclose(pixels("guided"), [6, 0])


def test_without_anything_to_drop_the_rules_agree():
    rng = np.random.default_rng(3)
    model = VGG16(include_top=False)
    for layer in model.layers[1:]:
        layer.set_weights([np.abs(w) for w in layer.get_weights()])
    x = rng.uniform(0, 9, (1, 32, 32, 3)).astype(np.float32)
    found = [
        project_activation(model, "conv3_3", x, 5, rule).pixels
        for rule in ("deconvnet", "gradient", "guided")
    ]
    scale = found[0].max()
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-5 * scale)


def test_overlapping_windows_add_up():
    model = chain(keras.layers.MaxPooling2D((1, 3), (1, 2)), size=(1, 5, 1))
    last = keras.layers.Conv2D(1, (1, 2), name="last")
    model = chain(*model.layers, last, size=(1, 5, 1))
    last.set_weights([np.float32([1, 1]).reshape(1, 2, 1, 1), np.zeros(1)])
    x = np.float32([0, 1, 7, 1, 0]).reshape(1, 1, 5, 1)
    pixels = project_activation(model, "last", x, 0).pixels.ravel()
    np.testing.assert_allclose(pixels, [0, 0, 28, 0, 0])


def test_a_position_sees_its_receptive_field():
    # With some random weights map 7 is 0 everywhere.
    keras.utils.set_random_seed(0)
    model = VGG16(include_top=False)
    x = images(size=96, count=1)
    seen = project_activation(model, "conv2_1", x, 7)
    row, column = seen.positions[0]
    rows, columns, _ = np.nonzero(seen.pixels[0])
    # conv2_1 has a stride of 2 and sees 10 pixels.
    for places, at in ((rows, row), (columns, column)):
        assert places.max() - places.min() < 10
        assert places.min() <= 2 * at <= places.max() + 1


def test_strongest_images_come_first():
    model = VGG16(include_top=False)
    x = images(size=32, count=7)
    x *= np.arange(1, 8)[:, None, None, None] / 7
    found = strongest_images(model, "conv1_2", [x[:3], x[3:]], 2, count=4)
    maps = keras.Model(model.inputs, model.get_layer("conv1_2").output)
    own = maps.predict(x, verbose=0)[..., 2].max((1, 2))
    best = np.argsort(-own)[:4]
    np.testing.assert_array_equal(found.images, x[best])
    np.testing.assert_allclose(found.activations, own[best], rtol=1e-5)


def test_what_is_no_chain_is_refused():
    x = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(3, 1, name="first")(x)
    both = keras.layers.Add(name="both")([x, first])
    model = keras.Model(x, keras.layers.Conv2D(2, 1, name="last")(both))
    zeros = np.zeros((1, 8, 8, 3))
    with pytest.raises(ValueError, match="both joins several"):
        project_activation(model, "last", zeros, 0)
    with pytest.raises(ValueError, match="must be below 3"):
        project_activation(model, "first", zeros, 3)
    with pytest.raises(ValueError, match="`rule` must be one of"):
        project_activation(model, "first", zeros, 0, rule="other")
    with pytest.raises(ValueError, match="at least one batch"):
        strongest_images(model, "first", [], 0)
