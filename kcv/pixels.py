"""Images as callers give them, in the one form that kcv works on.

One rule holds for proposals, style transfer and figures:

- A gray image, (H, W) or (H, W, 1), becomes three equal channels.
- The alpha channel of an (H, W, 4) image is dropped, not composited, as
  `kcv.data.decode_image` does.
- Values are finite numbers in 0..255. A type other than the wanted one is
  converted; floats that become uint8 are rounded to the nearest integer, halves
  to the even one.

Only NumPy is needed here.
"""

import os
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

# An image of this many pixels takes 300 MB once it is decoded.
_MAX_PIXELS = 100_000_000


def pixel_limit() -> int:
    """Return the number of pixels that a decoded file may have.

    A file of some bytes can declare an image that fills the memory. The limit
    is compared with the header before a file is decoded. It is 100 million, or
    the value of the environment variable KCV_MAX_PIXELS.

    Returns:
        Greatest height times width.

    Raises:
        ValueError: If KCV_MAX_PIXELS is not a positive integer.

    Example:

    >>> pixel_limit()
    100000000
    """
    text = os.environ.get("KCV_MAX_PIXELS", str(_MAX_PIXELS))
    if not text.isdecimal() or not int(text):
        raise ValueError(
            "`KCV_MAX_PIXELS` must be a positive integer. Received: "
            f"KCV_MAX_PIXELS={text!r}"
        )
    return int(text)


def to_rgb(
    image: ArrayLike,
    name: str = "image",
    *,
    dtype: Literal["uint8", "float32"] = "uint8",
    clip: bool = False,
) -> np.ndarray:
    """Convert an image to RGB with values in 0..255.

    Args:
        image: Array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4) of numbers in
            0..255.
        name: Name of the argument in error messages. Defaults to "image".
        dtype: Type of the result, "uint8" (rounded) or "float32" (not
            rounded). Defaults to "uint8".
        clip: Whether to clip values to 0..255. By default values outside raise
            an error.

    Returns:
        Array (H, W, 3) of `dtype`, contiguous in memory. It may share memory
        with `image`.

    Raises:
        ValueError: If `image` has another shape, is empty, does not hold
            numbers, or holds values that are not finite or, without `clip`,
            not in 0..255.

    Example:

    >>> to_rgb([[0.4, 254.6]]).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 3 or pixels.shape[-1] not in (1, 3, 4) or not pixels.size:
        raise ValueError(
            f"`{name}` must be an image (H, W), or (H, W, C) with 1, 3 or 4 "
            f"channels. Received: {name}.shape={pixels.shape}"
        )
    if not np.issubdtype(pixels.dtype, np.number):
        raise ValueError(
            f"`{name}` must hold numbers. Received: {name}.dtype={pixels.dtype}"
        )
    pixels = pixels[..., :3]
    if pixels.dtype != np.uint8:
        if clip and np.isfinite(pixels).all():
            pixels = np.clip(pixels, 0, 255)
        if not (pixels.min() >= 0 and pixels.max() <= 255):  # NaN fails too
            raise ValueError(
                f"`{name}` must have finite values in 0..255. Received: values "
                f"from {pixels.min()} to {pixels.max()}"
            )
        if dtype == "uint8":
            pixels = np.rint(pixels)
    pixels = pixels.astype(dtype, copy=False)
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
