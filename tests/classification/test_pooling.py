import keras
import numpy as np
import pytest

from kcv.classification.pooling import ceil_max_pooling


@pytest.mark.parametrize(("height", "width"), [(112, 13), (55, 110), (26, 6)])
def test_equals_torchs_ceil_mode(height, width):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).uniform(0, 1, (1, height, width, 2))
    x = x.astype("float32")
    expected = torch.nn.functional.max_pool2d(
        torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), 3, 2, ceil_mode=True
    )
    for size in ((height, width), (None, None)):
        image = keras.Input((*size, 2))
        model = keras.Model(image, ceil_max_pooling(image, "pool1"))
        np.testing.assert_array_equal(
            model(x), expected.numpy().transpose(0, 2, 3, 1)
        )
