"""Learning rates against their closed form."""

import numpy as np
import pytest

from kcv.training import step_decay
from kcv.training import warm_cosine


@pytest.mark.parametrize("updates", [160, 1000])
def test_a_line_up_and_half_a_cosine_down(updates):
    rate = warm_cosine(updates, 0.2)
    warmup = updates // 16
    steps = np.arange(updates + 1)
    falling = (steps - warmup) / (updates - warmup)
    expected = np.where(
        steps < warmup,
        0.2 * steps / warmup,
        0.1 * (1 + np.cos(np.pi * falling)),
    )
    found = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_steps_fall_where_caffes_do():
    """Caffe multiplies by gamma ** floor(iteration / stepsize)."""
    rate = step_decay(0.01, [20, 40, 60], gamma=0.5)
    found = [float(rate(step)) for step in range(80)]
    expected = [0.01 * 0.5 ** (step // 20) for step in range(80)]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
