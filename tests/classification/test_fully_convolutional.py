"""One window gives the classifier's answer, a larger image a map of them."""

import keras
import numpy as np
import pytest

from kcv.classification import VGG16
from kcv.classification import AlexNet
from kcv.classification import GoogLeNet
from kcv.classification import LeNet5
from kcv.classification import ResNet50
from kcv.classification import fully_convolutional

SIZED = {
    "vgg16": (VGG16, 64, {}),
    "caffe": (AlexNet, 67, {"variant": "caffe"}),
    "one-tower": (AlexNet, 63, {"variant": "one-tower"}),
    "googlenet": (GoogLeNet, 64, {}),
    "resnet50": (ResNet50, 64, {}),
}


def images(*size):
    rng = np.random.default_rng(0)
    return rng.normal(0, 60, (2, *size, 3)).astype("float32")


@pytest.mark.parametrize("network", SIZED)
def test_equals_the_classifier_on_one_window(network):
    keras.utils.set_random_seed(0)
    build, side, options = SIZED[network]
    model = build(
        input_shape=(side, side, 3),
        classes=5,
        classifier_activation=None,
        **options,
    )
    anywhere = fully_convolutional(model)
    assert anywhere.count_params() == model.count_params()
    expected = np.asarray(model(images(side, side)))
    answers = np.asarray(anywhere(images(side, side)))
    assert answers.shape == (2, 1, 1, 5)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        answers[:, 0, 0] / scale, expected / scale, atol=1e-5
    )


def test_the_first_convolution_covers_what_flatten_saw():
    model = VGG16(input_shape=(64, 96, 3), classes=5)
    anywhere = fully_convolutional(model)
    assert anywhere.get_layer("fc6").kernel.shape == (2, 3, 512, 4096)
    assert anywhere.get_layer("fc7").kernel.shape == (1, 1, 4096, 4096)
    answers = np.asarray(anywhere(images(128, 96)))
    assert answers.shape == (2, 3, 1, 5)
    np.testing.assert_allclose(answers.sum(-1), 1, rtol=1e-5)


def test_every_position_is_its_own_window():
    # Without padding in the convolutions, windows do not know of each other.
    keras.utils.set_random_seed(0)
    model = LeNet5(variant="caffe", input_shape=(28, 28, 3))
    anywhere = fully_convolutional(model)
    x = images(36, 32)
    answers = np.asarray(anywhere(x))
    assert answers.shape == (2, 3, 2, 10)
    for row, column in np.ndindex(3, 2):
        top, left = 4 * row, 4 * column
        expected = model(x[:, top : top + 28, left : left + 28])
        np.testing.assert_allclose(
            answers[:, row, column], expected, rtol=1e-4, atol=1e-6
        )


def test_the_whole_vgg16():
    keras.utils.set_random_seed(0)
    # Of 96 pixels, whose fc6 is a fifth of that of 224.
    model = VGG16(input_shape=(96, 96, 3), classifier_activation=None)
    anywhere = fully_convolutional(model)
    x = images(96, 96)[:1]
    expected = np.asarray(model(x))
    error = np.abs(np.asarray(anywhere(x))[:, 0, 0] - expected).max()
    assert error < 1e-4 * np.abs(expected).max()
    assert anywhere(images(128, 192)[:1]).shape == (1, 2, 4, 1000)


def test_is_saved_and_loaded(tmp_path):
    anywhere = fully_convolutional(LeNet5())
    anywhere.save(tmp_path / "anywhere.keras")
    loaded = keras.models.load_model(tmp_path / "anywhere.keras")
    x = images(40, 40)[..., :1]
    np.testing.assert_array_equal(loaded(x), anywhere(x))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: VGG16(include_top=False), r"vgg16 must .* received \[\]"),
        (lambda: ResNet50(input_shape=(None, None, 3)), "pool5.*None"),
        (
            lambda: GoogLeNet(aux_heads=True, input_shape=(80, 80, 3)),
            "3 outputs.*without auxiliary heads",
        ),
    ],
)
def test_errors_name_what_is_wrong(build, message):
    model = build()
    with pytest.raises(ValueError, match=message):
        fully_convolutional(model)
