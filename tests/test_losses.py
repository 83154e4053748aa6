import numpy as np

from kcv.losses import smooth_l1


def test_smooth_l1_of_the_papers():
    x = np.linspace(-2, 2, 41).astype("float32")
    for sigma in (1.0, 3.0):
        turn = 1 / sigma**2
        expected = np.where(
            abs(x) < turn, 0.5 * (sigma * x) ** 2, abs(x) - 0.5 * turn
        )
        np.testing.assert_allclose(smooth_l1(x, sigma), expected, rtol=1e-6)
