"""Letters as pixels, for texts on images without any drawing library."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

_FILE = Path(__file__).with_name("letters.npz")
_UNKNOWN = "?"


class _Letters(NamedTuple):
    """Glyphs (G, h, w) float32 in [0, 1], and the number of each character."""

    glyphs: np.ndarray
    numbers: dict[str, int]


def render_text(text: str) -> np.ndarray:
    """Render one line of text, in letters of 8 pixels width.

    Args:
        text: Text of the characters of Latin-1. Others become question marks.

    Returns:
        Opacity of the ink in [0, 1]. Float32 array (h, 8 * letters).

    Example:

    >>> render_text("cat 0.98").shape[1]
    64
    """
    glyphs, numbers = _letters()
    unknown = numbers[_UNKNOWN]
    line = [glyphs[numbers.get(letter, unknown)] for letter in text]
    return np.concatenate([glyphs[0][:, :0], *line], axis=1)


@cache
def _letters() -> _Letters:
    with np.load(_FILE) as file:
        glyphs = file["glyphs"].astype(np.float32) / 255
        numbers = {chr(code): k for k, code in enumerate(file["codes"])}
    return _Letters(glyphs, numbers)
