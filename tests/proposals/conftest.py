"""Images of which the authors' programs gave golden values."""

import numpy as np
import pytest
import skimage.data


@pytest.fixture(scope="session")
def image_of(golden):
    """Return a function from the name of a toy or a photograph to its image."""
    with np.load(golden / "proposals" / "toys.npz") as file:
        toys = dict(file)
    return lambda name: (
        toys[name] if name in toys else getattr(skimage.data, name)()
    )


@pytest.fixture(scope="session")
def disks():
    """Masks (3, 160, 220) of the disks of the toy `toy_disks`."""
    y, x = np.indices((160, 220))
    circles = ((55, 60, 32), (140, 50, 25), (150, 115, 35))
    return np.stack(
        [
            (x - center_x) ** 2 + (y - center_y) ** 2 <= radius**2
            for center_x, center_y, radius in circles
        ]
    )
