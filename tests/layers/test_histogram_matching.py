import numpy as np
import tensorflow as tf
from skimage.exposure import match_histograms

from kcv.layers import HistogramMatching


def pictures(*shape):
    values = np.random.default_rng(len(shape)).uniform(0, 255, shape)
    return values.astype("float32")


def test_it_does_what_scikit_image_does():
    images, references = pictures(2, 40, 30, 3), pictures(2, 20, 15, 3) ** 0.9
    found = HistogramMatching()([images, references])
    for each, image, reference in zip(found, images, references, strict=True):
        expected = match_histograms(image, reference, channel_axis=-1)
        # Its quantiles are half a value of the reference beside ours.
        step = np.diff(np.sort(reference.reshape(-1, 3), 0), axis=0).max()
        np.testing.assert_allclose(each, expected, atol=step)


def test_an_image_of_its_own_histogram_stays_as_it_is():
    image = pictures(1, 12, 7, 2).astype("float32")
    shuffled = np.random.default_rng(0).permutation(image[0].reshape(-1, 2))
    found = HistogramMatching()([image, shuffled.reshape(1, 7, 12, 2)])
    np.testing.assert_allclose(found, image, rtol=1e-5)


def test_equal_pixels_stay_equal():
    image = np.zeros((1, 8, 8, 1))
    image[:, 4:] = 9
    found = HistogramMatching()([image, pictures(1, 8, 8, 1)])
    assert len(np.unique(found[0, :4])) == len(np.unique(found[0, 4:])) == 1
    assert found[0, 0, 0, 0] < found[0, 7, 7, 0]


def test_a_single_pixel_is_a_histogram_too():
    found = HistogramMatching()(
        [pictures(1, 4, 4, 1), np.full((1, 1, 1, 1), 9)]
    )
    np.testing.assert_array_equal(found, np.full((1, 4, 4, 1), 9))


def test_training_passes_images_on():
    image = tf.constant(pictures(1, 4, 4, 1), tf.float32)
    found = HistogramMatching()([image, 2 * image], training=True)
    np.testing.assert_array_equal(found, image)


def test_contract(check_layer):
    check_layer(
        HistogramMatching(),
        [pictures(2, 8, 6, 3), pictures(2, 5, 4, 3)],
        free=[(None, None, None, 3), (None, None, None, 3)],
        differentiable=(False, True),
        gradient_dtype="float32",
        keeps_float32=True,
    )
