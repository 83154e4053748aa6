import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification.preprocessing import VGG_MEAN
from kcv.style import StyleTransformNet


def learning(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_weights)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"normalization": "batch"}, 1_679_235),
        ({"normalization": "instance"}, 1_679_235),
        ({"normalization": None}, 1_676_035),
        ({"widths": (16, 32, 64)}, 424_899),
        ({"upsampling": "resize"}, 1_679_235),
    ],
)
def test_it_has_the_published_number_of_parameters(options, count):
    assert learning(StyleTransformNet(**options)) == count


def test_maps_have_the_sizes_of_the_table():
    model = StyleTransformNet()
    parts = keras.Model(
        model.input,
        [
            model.get_layer(name).output
            for name in (
                *("reflect", "conv1_relu", "conv2_relu", "conv3_relu"),
                *(f"res{n}_add" for n in range(1, 6)),
                *("up1_relu", "up2_relu"),
            )
        ],
    )
    found = parts(tf.zeros((1, 256, 256, 3)))
    assert [x.shape[1] for x in found] == [
        *(336, 336, 168, 84),
        *(80, 76, 72, 68, 64),
        *(128, 256),
    ]


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
@pytest.mark.parametrize("sides", [(64, 64), (96, 128), (61, 83), (43, 46)])
def test_any_size_is_kept(upsampling, sides):
    model = StyleTransformNet(upsampling=upsampling, widths=(4, 4, 4))
    images = np.random.default_rng(0).uniform(0, 255, (2, *sides, 3))
    found = model(images)
    assert found.shape == images.shape
    # 150 tanh about the mean.
    assert float(tf.reduce_max(tf.abs(found - list(VGG_MEAN)))) <= 150.001


def test_an_image_too_small_to_be_reflected_is_an_error():
    model = StyleTransformNet(widths=(4, 4, 4))
    with pytest.raises(tf.errors.InvalidArgumentError, match="larger one"):
        model(tf.zeros((1, 40, 64, 3)))


def test_instance_normalization_is_batch_normalization_of_one_image():
    """With each channel of each image a channel of its own."""
    model = StyleTransformNet(widths=(4, 4, 4))
    layer = model.get_layer("conv1_norm")
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 4))
    together = x.transpose(1, 2, 0, 3).reshape(1, 5, 6, 8)
    batch = keras.layers.BatchNormalization(epsilon=1e-5)
    expected = np.asarray(batch(together, training=True))
    expected = expected.reshape(5, 6, 2, 4).transpose(2, 0, 1, 3)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_instance_normalization_takes_contrast_away():
    model = StyleTransformNet(widths=(4, 4, 4))
    layer = model.get_layer("conv1_norm")
    x = np.random.default_rng(0).standard_normal((1, 9, 9, 4)) * 100
    np.testing.assert_allclose(layer(x), layer(3 * x + 40), atol=1e-5)


def test_two_images_are_painted_as_each_alone():
    model = StyleTransformNet(widths=(4, 6, 8))
    images = np.random.default_rng(0).uniform(0, 255, (2, 48, 52, 3))
    both = model(images)
    for number in range(2):
        alone = model(images[number : number + 1])
        np.testing.assert_allclose(both[number], alone[0], atol=1e-2)


def test_keras_padding_sees_what_torchs_sees_three_pixels_later():
    """A pixel at stride 1 and one at stride 2, there and back."""
    keras.utils.set_random_seed(0)
    same, torch = (
        StyleTransformNet(None, widths=(4, 4, 4), padding=padding)
        for padding in ("same", "torch")
    )
    torch.set_weights(same.get_weights())
    images = np.random.default_rng(0).uniform(0, 255, (1, 163, 163, 3))
    ours = np.asarray(same(images[:, :160, :160]))
    theirs = np.asarray(torch(images[:, 3:, 3:]))
    # Where the border is out of sight.
    middle = slice(64, 96)
    moved = slice(67, 99)
    expected = theirs[:, middle, middle]
    np.testing.assert_allclose(ours[:, moved, moved], expected, atol=1e-2)
    assert np.abs(torch(images) - same(images)).max() > 1


@pytest.mark.parametrize(
    "options",
    [
        {"normalization": "layer"},
        {"upsampling": "bilinear"},
        {"padding": "valid"},
    ],
)
def test_options_that_are_none(options):
    with pytest.raises(ValueError, match="layer|bilinear|valid"):
        StyleTransformNet(**options)
