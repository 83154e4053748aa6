import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage
from skimage.metrics import peak_signal_noise_ratio
from skimage.metrics import structural_similarity

from kcv.style import SuperResolutionNet
from kcv.style import low_resolution
from kcv.style import super_resolution_scores
from kcv.style.super_resolution import luminance


@pytest.mark.parametrize(
    ("factor", "blocks", "count"),
    [(4, 4, 401_859), (8, 4, 438_915), (4, 5, 475_971), (8, 5, 513_027)],
)
def test_it_has_the_number_of_parameters_of_the_spec(factor, blocks, count):
    model = SuperResolutionNet(factor, blocks)
    learning = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
    assert learning == count


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_sides_grow_by_the_factor(factor):
    model = SuperResolutionNet(factor, blocks=1)
    found = model(tf.zeros((2, 9, 12, 3)))
    assert found.shape == (2, 9 * factor, 12 * factor, 3)


@pytest.mark.parametrize("factor", [0, 1, 3, 6])
def test_other_factors_are_refused(factor):
    with pytest.raises(ValueError, match=f"factor={factor}"):
        SuperResolutionNet(factor)


def test_images_are_blurred_before_they_are_made_small():
    rng = np.random.default_rng(0)
    image = np.kron(rng.uniform(60, 200, (12, 16, 3)), np.ones((4, 4, 1)))
    found = low_resolution(tf.constant(image[None], tf.float32), 4)[0]
    blurred = ndimage.gaussian_filter(image, (1, 1, 0), truncate=3)
    # Halfway between the two pixels in the middle of a cell: by cubic
    # convolution with a = -1/2, -1/16 and 9/16.
    taps = np.array([-1, 9, 9, -1]) / 16
    expected = np.einsum(
        "yaxbc,a,b->yxc", blurred.reshape(12, 4, 16, 4, 3), taps, taps
    )
    inside = (slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(found[inside], expected[inside], atol=0.75)
    np.testing.assert_array_equal(found, np.rint(found))


def test_a_constant_image_stays_one():
    image = tf.fill((1, 32, 32, 3), 100.0)
    np.testing.assert_array_equal(low_resolution(image, 4), 100.0)


def test_sides_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="multiples of 4"):
        low_resolution(tf.zeros((1, 33, 32, 3)), 4)


def test_luminance_is_that_of_bt_601():
    colors = tf.constant([[[[0.0, 0, 0], [255, 255, 255], [255, 0, 0]]]])
    np.testing.assert_allclose(
        luminance(colors)[0, 0, :, 0], [16, 235, 81.481], rtol=1e-5
    )


def test_scores_are_those_of_scikit_image():
    rng = np.random.default_rng(0)
    truth = ndimage.gaussian_filter(rng.uniform(0, 255, (2, 48, 56, 3)), 2)
    truth = np.rint((truth - truth.min()) / np.ptp(truth) * 255)
    found = np.clip(truth + rng.normal(0, 8, truth.shape), 0, 255)
    scores = super_resolution_scores(
        tf.constant(truth, tf.float32), tf.constant(found, tf.float32), 4
    )
    for number in range(2):
        ours, theirs = (
            luminance(np.rint(x[number : number + 1]))[0, 4:-4, 4:-4, 0].numpy()
            for x in (found, truth)
        )
        np.testing.assert_allclose(
            scores["psnr"][number],
            peak_signal_noise_ratio(theirs, ours, data_range=255),
            rtol=1e-4,
        )
        expected = structural_similarity(
            theirs,
            ours,
            data_range=255,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        np.testing.assert_allclose(scores["ssim"][number], expected, atol=0.003)
