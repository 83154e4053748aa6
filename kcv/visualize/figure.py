"""Matplotlib figures without pyplot, so without global state and display.

Every drawing of kcv is a `matplotlib.figure.Figure`, which a caller can save,
show in a notebook or put into a page.
"""

import io

from matplotlib.figure import Figure


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure.

    Args:
        width: Width in inches.
        height: Height in inches.

    Returns:
        Matplotlib figure, whose parts are laid out without overlaps.
    """
    return Figure(figsize=(width, height), layout="constrained")


def encode_figure(figure: Figure, dpi: int = 144) -> bytes:
    """Render a figure to the bytes of a WebP file.

    Args:
        figure: Matplotlib figure. It is not changed.
        dpi: Pixels per inch. Integer. Defaults to 144.

    Returns:
        Bytes of the file. WebP stores photographs and line art in one small
        file, which a page can contain inline.

    Example:

    >>> encode_figure(new_figure(2, 1))[8:12]
    b'WEBP'
    """
    buffer = io.BytesIO()
    figure.savefig(
        buffer, format="webp", dpi=dpi, pil_kwargs={"quality": 90, "method": 4}
    )
    return buffer.getvalue()
