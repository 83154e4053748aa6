import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_image():
    """Write random pixels to a file, in a folder that need not exist."""

    def write(file, seed=0):
        file.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        pixels = rng.integers(0, 256, (40, 32, 3), np.uint8)
        Image.fromarray(pixels).save(file)

    return write
