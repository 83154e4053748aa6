"""Geometry of landmarks: similarity transforms, and images warped by them.

Landmarks are points (x, y) in pixels, with the center of the first pixel at
(0, 0), as in files of landmarks and in OpenCV. Boxes count from the border of
the first pixel instead, so the point (x, y) is in the box that covers
(x + 0.5, y + 0.5).

A similarity transform turns, scales and shifts. It is a matrix (2, 3),
[[a, -b, s], [b, a, t]], that maps (x, y) to (a x - b y + s, b x + a y + t).

In the shapes below, K is the number of landmarks of an image.
"""

import kcv.backend  # noqa: F401

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

# Points on a line have a second singular value of 0. Those of a face seen from
# the side still have a tenth of the first one.
_FLAT = 0.02


def estimate_similarity(
    points: tf.Tensor | ArrayLike, template: tf.Tensor | ArrayLike
) -> tf.Tensor:
    """Fit the similarity transform that brings points closest to a template.

    The sum of squared distances is minimal. The transform never mirrors.

    Args:
        points: Landmarks. Tensor (..., K, 2), K at least 2, not all the same
            point.
        template: Places that the landmarks are to have. Tensor (K, 2) or
            (..., K, 2).

    Returns:
        Matrices that map points to the template. Tensor (..., 2, 3), float64
        if `points` are, otherwise float32. Not finite for points that are all
        the same.

    Example:

    >>> matrix = estimate_similarity([[0, 0], [1, 0]], [[5, 5], [5, 7]])
    >>> matrix.numpy().tolist()
    [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]
    """
    points = tf.convert_to_tensor(points)
    if points.dtype != tf.float64:
        points = tf.cast(points, tf.float32)
    template = tf.cast(template, points.dtype)
    center = tf.reduce_mean(points, -2, keepdims=True)
    goal = tf.reduce_mean(template, -2, keepdims=True)
    x, y = tf.unstack(points - center, axis=-1)
    u, v = tf.unstack(template - goal, axis=-1)
    spread = tf.reduce_sum(x * x + y * y, -1)
    a = tf.reduce_sum(x * u + y * v, -1) / spread
    b = tf.reduce_sum(x * v - y * u, -1) / spread
    turn = tf.stack([tf.stack([a, -b], -1), tf.stack([b, a], -1)], -2)
    shift = goal - tf.matmul(center, turn, transpose_b=True)
    return tf.concat([turn, tf.linalg.matrix_transpose(shift)], -1)


def transform_points(
    matrices: tf.Tensor | ArrayLike, points: tf.Tensor | ArrayLike
) -> tf.Tensor:
    """Apply transforms to points.

    Args:
        matrices: Matrices. Tensor (..., 2, 3).
        points: Points. Tensor (..., K, 2).

    Returns:
        The transformed points. Tensor (..., K, 2) of the dtype of `matrices`.

    Example:

    >>> matrix = [[0.0, -2.0, 5.0], [2.0, 0.0, 5.0]]
    >>> transform_points(matrix, [[1.0, 0.0]]).numpy().tolist()
    [[5.0, 7.0]]
    """
    matrices = tf.convert_to_tensor(matrices)
    points = tf.cast(points, matrices.dtype)
    turned = tf.matmul(points, matrices[..., :2], transpose_b=True)
    return turned + matrices[..., tf.newaxis, :, 2]


def warp(
    images: tf.Tensor | ArrayLike,
    matrices: tf.Tensor | ArrayLike,
    size: int | tuple[int, int],
) -> tf.Tensor:
    """Warp images by similarity transforms.

    Each pixel of the result is interpolated bilinearly at the place that it
    comes from. What lies outside the image is 0.

    Args:
        images: Images. Tensor (B, H, W, C).
        matrices: Matrices that map places in an image to places in the result.
            Tensor (B, 2, 3).
        size: Side of the results, or their height and width, in pixels.

    Returns:
        The warped images, (B, height, width, C). Float32 tensor, not rounded.

    Example:

    >>> image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    >>> shifted = warp(image, [[[1.0, 0, -1], [0, 1, -2]]], size=2)
    >>> shifted[0, :, :, 0].numpy().tolist()
    [[9.0, 10.0], [13.0, 14.0]]
    """
    images = tf.cast(images, tf.float32)
    matrices = tf.cast(matrices, tf.float32)
    height, width = (size, size) if isinstance(size, int) else size
    a, b = matrices[:, 0, 0], matrices[:, 1, 0]
    s, t = matrices[:, 0, 2], matrices[:, 1, 2]
    # The inverse of [[a, -b], [b, a]] is [[a, b], [-b, a]] / (a^2 + b^2).
    area = a * a + b * b
    a, b = a / area, b / area
    zero = tf.zeros_like(a)
    inverse = tf.stack(
        [a, b, -a * s - b * t, -b, a, b * s - a * t, zero, zero], 1
    )
    warped = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=inverse,
        output_shape=tf.constant([height, width], tf.int32),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    warped.set_shape((images.shape[0], height, width, images.shape[-1]))
    return warped


def check_landmarks(
    landmarks: np.ndarray,
    *,
    name: str,
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """Check the landmarks of one face.

    Args:
        landmarks: Landmarks, (K, 2) xy in pixels.
        name: Name of the image in error messages, such as its file.
        size: Height and width of the image. Defaults to None, if they are not
            known. Then only negative coordinates are found outside.

    Returns:
        The landmarks, (K, 2) float32.

    Raises:
        ValueError: If they are not finite, outside the image, or on a line.

    Example:

    >>> check_landmarks([[1, 1], [5, 1], [3, 4]], name="a.jpg").shape
    (3, 2)
    """
    points = np.asarray(landmarks, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        raise ValueError(
            f"{name}: landmarks must be at least three points (K, 2). "
            f"Received: landmarks.shape={points.shape}"
        )
    height, width = (np.inf, np.inf) if size is None else size
    problem = None
    if not np.isfinite(points).all():
        problem = "be finite"
    elif (points < -0.5).any() or (
        points > np.array([width, height]) - 0.5
    ).any():
        problem = "lie inside the image"
        if size is not None:
            problem += f" of {width}x{height} pixels"
    else:
        spread = np.linalg.svd(points - points.mean(0), compute_uv=False)
        if spread[1] <= _FLAT * spread[0]:
            problem = "not lie on a line"
    if problem:
        shown = np.round(points, 2).tolist()
        raise ValueError(
            f"{name}: landmarks must {problem}. Received: landmarks={shown}"
        )
    return points.astype(np.float32)
