"""The anchors of the region proposal network (Ren et al. 2015, section 3.1.1).

Shapes: B images, k anchors per cell, a feature map of H x W cells,
A = H * W * k anchors.
"""

import numpy as np
import tensorflow as tf
from keras import ops


def base_anchors(
    base_size: int = 16,
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0),
    scales: tuple[float, ...] = (8, 16, 32),
) -> np.ndarray:
    """Compute the anchors of the first cell, as py-faster-rcnn does.

    Each ratio reshapes a square of `base_size` to integer sides, which the
    scales then multiply, so that areas are only nearly 128^2, 256^2 and 512^2.
    In kcv's half-open boxes x2 and y2 are one more than in the reference,
    whose boxes include the last pixel: (-84, -40, 99, 55) there is
    (-84, -40, 100, 56) here.

    Args:
        base_size: Side of the square before scaling, in pixels. It is the
            stride of the feature map, so that anchors are centered on their
            cell. Defaults to 16.
        ratios: Height over width. Defaults to `(0.5, 1.0, 2.0)`.
        scales: Multiples of `base_size`. Defaults to `(8, 16, 32)`.

    Returns:
        Boxes (k, 4) float32 xyxy, one for each pair of a ratio and a scale.
        The scales vary fastest.

    Raises:
        ValueError: If an argument is not positive.

    Example:

    >>> base_anchors()[0].tolist()
    [-84.0, -40.0, 100.0, 56.0]
    """
    if min(base_size, *ratios, *scales) <= 0:
        raise ValueError(
            "`base_size`, `ratios` and `scales` must be positive. Received: "
            f"base_size={base_size}, "
            f"ratios={[*map(float, ratios)]}, scales={scales}"
        )
    widths = np.round(  # halves to even
        np.sqrt(base_size**2 / np.asarray(ratios, "float64"))
    )
    heights = np.round(widths * ratios)
    sides = np.stack([widths, heights], axis=-1)[:, None, :]
    sides = (sides * np.asarray(scales)[:, None]).reshape(-1, 2)
    center = base_size / 2
    return np.concatenate(
        [center - sides / 2, center + sides / 2], axis=-1
    ).astype("float32")


def grid_anchors(
    height: int | tf.Tensor,
    width: int | tf.Tensor,
    stride: int,
    base: np.ndarray,
) -> tf.Tensor:
    """Repeat the base anchors over every cell of a feature map.

    Args:
        height: Rows of the map, an int or an int32 scalar tensor.
        width: Columns of the map, an int or an int32 scalar tensor.
        stride: Distance between neighboring cells, in pixels.
        base: Anchors (k, 4) of the first cell, from `base_anchors`.

    Returns:
        Boxes (A, 4) float32 xyxy in pixels, in the order of rows, columns,
        anchors.

    Example:

    >>> grid_anchors(38, 63, 16, base_anchors()).shape[0]  # 600 x 1000 image
    21546
    """
    x = ops.cast(ops.arange(width), "float32") * stride
    y = ops.cast(ops.arange(height), "float32") * stride
    x, y = ops.meshgrid(x, y)
    shifts = ops.stack([x, y, x, y], axis=-1)  # (H, W, 4)
    return ops.reshape(shifts[:, :, None, :] + base, (-1, 4))


def inside_image(boxes: tf.Tensor, image_sizes: tf.Tensor) -> tf.Tensor:
    """Tell which boxes lie wholly inside their image.

    Anchors of the paper's scales are judged as in py-faster-rcnn. Odd scales
    have corners at half pixels, and its inclusive corner may then lie half a
    pixel beyond the last pixel: with `scales=(3,)` and an image of 202 x 202
    pixels, 298 anchors count there and 287 here.

    Args:
        boxes: Boxes (A, 4) xyxy in pixels.
        image_sizes: Height and width (B, 2) in pixels.

    Returns:
        Whether a box lies inside an image, (B, A) bool.
    """
    sizes = ops.cast(image_sizes, "float32")
    return (
        (boxes[:, 0] >= 0)
        & (boxes[:, 1] >= 0)
        & (boxes[:, 2] <= sizes[:, 1:])
        & (boxes[:, 3] <= sizes[:, :1])
    )
