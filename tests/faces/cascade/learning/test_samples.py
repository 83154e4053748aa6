import numpy as np
import pytest

from kcv.faces.cascade.learning import samples

RNG = np.random.default_rng(0)
FACES = np.float32([[10, 12, 50, 52], [60, 20, 90, 50]])


def test_faces_are_jittered_around_themselves():
    windows = samples.jitter_faces(FACES, 50, np.random.default_rng(0))
    assert windows.shape == (100, 4)
    for face, own in zip(FACES, np.split(windows, 2), strict=True):
        side = face[2] - face[0]
        centers = (own[:, :2] + own[:, 2:]) / 2 - (face[:2] + face[2:]) / 2
        assert np.abs(centers).max() <= 0.06 * side + 1e-4
        assert np.abs(centers).max() > 0.05 * side
        sides = (own[:, 2:] - own[:, :2]) / side
        np.testing.assert_allclose(sides[:, 0], sides[:, 1], rtol=1e-4)
        assert 2**-0.12 - 1e-4 <= sides.min() < 0.95
        assert 1.05 < sides.max() <= 2**0.12 + 1e-4


def test_random_windows_show_no_face():
    image = np.zeros((80, 100, 3), "uint8")
    windows = samples.random_windows(image, FACES, 500, 20, 0.3, RNG)
    assert 200 < len(windows) < 500
    assert windows.min() >= 0
    assert (windows[:, 2:] <= [100.001, 80.001]).all()
    assert (windows[:, 2] - windows[:, 0]).min() >= 19.99
    assert samples.best_iou(windows, FACES).max() < 0.3
    none = samples.random_windows(image, FACES[:0], 7, 200, 0.3, RNG)
    np.testing.assert_allclose(none[:, 3] - none[:, 1], 80, rtol=1e-5)


def test_crops_are_those_of_the_detector():
    images = [RNG.integers(0, 256, (40, 48, 3), "uint8") for _ in range(2)]
    windows = [
        np.float32([[0, 0, 24, 24], [12, 4, 24, 16]]),
        np.zeros((0, 4), "float32"),
    ]
    crops = samples.crop_samples(images, windows, 12)
    assert crops.dtype == np.uint8
    np.testing.assert_array_equal(crops[1], images[0][4:16, 12:24])
    means = images[0][:24, :24].reshape(12, 2, 12, 2, 3).mean((1, 3))
    np.testing.assert_allclose(crops[0], means, atol=0.51)
    wide = samples.crop_samples(images, windows, 13, 1 / 12)
    np.testing.assert_array_equal(wide[1], images[0][4:17, 12:25])
    np.testing.assert_array_equal(windows[0][1], [12, 4, 24, 16])


def test_a_set_without_images_is_refused():
    with pytest.raises(ValueError, match="`dataset` must have an image"):
        samples.keep_face_images([])
