"""Geometry of landmarks: similarity transforms, and images warped by them.

Landmarks are points (x, y) in pixels, with the center of the first pixel at
(0, 0), as in files of landmarks and in OpenCV. Boxes count from the border of
the first pixel instead, so the point (x, y) is in the box that covers
(x + 0.5, y + 0.5).

A similarity transform turns, scales and shifts. It is a matrix (2, 3),
[[a, -b, s], [b, a, t]], that maps (x, y) to (a x - b y + s, b x + a y + t).

Five landmarks are the left eye, the right eye, the tip of the nose, the left
and the right corner of the mouth, where left is the smaller x of an upright
image.

In the shapes below, K is the number of landmarks of an image.
"""

from typing import NamedTuple

import kcv.backend  # noqa: F401

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike


class Template(NamedTuple):
    """Where the landmarks of an aligned face are, and the size of its image.

    Attributes:
        points: Places (x, y) of the landmarks in pixels: the five landmarks, or
            three, namely both eyes and the middle of the corners of the mouth.
        size: Height and width of the image, in pixels.
    """

    points: tuple[tuple[float, float], ...]
    size: tuple[int, int]

    def resize(self, size: int | tuple[int, int]) -> "Template":
        """Scale the template to another size.

        Args:
            size: Side of the image, or its height and width, in pixels.

        Returns:
            The scaled template.

        Example:

        >>> FACE_CROP.resize(112).size
        (112, 112)
        """
        height, width = (size, size) if isinstance(size, int) else size
        scale = np.array([width / self.size[1], height / self.size[0]])
        # Scaling leaves the border of the first pixel where it is.
        points = (np.array(self.points) + 0.5) * scale - 0.5
        return Template(tuple(map(tuple, points.tolist())), (height, width))

    def select(self, landmarks: tf.Tensor | ArrayLike) -> tf.Tensor:
        """Take the points that the template has from five landmarks.

        Args:
            landmarks: Five landmarks, tensor (..., 5, 2).

        Returns:
            Tensor (..., K, 2).

        Raises:
            ValueError: If there are not five landmarks.
        """
        landmarks = tf.convert_to_tensor(landmarks)
        if landmarks.shape[-2:] != (5, 2):
            raise ValueError(
                "`landmarks` must have the shape (..., 5, 2). Received: "
                f"landmarks of shape {tuple(landmarks.shape)}"
            )
        if len(self.points) == 5:
            return landmarks
        mouth = (landmarks[..., 3:4, :] + landmarks[..., 4:, :]) / 2
        return tf.concat([landmarks[..., :2, :], mouth], -2)


#: Template of rendered faces: the face fills the crop, without chin and hair.
FACE_CROP = Template(
    ((21.44, 25.6), (42.56, 25.6), (32.0, 38.4), (24.0, 48.96), (40.0, 48.96)),
    (64, 64),
)

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


def transform_boxes(
    matrices: tf.Tensor | ArrayLike, boxes: tf.Tensor | ArrayLike
) -> tf.Tensor:
    """Move and scale boxes by similarity transforms.

    A box stays upright: its center is moved, and its sides are scaled.

    Args:
        matrices: Matrices. Tensor (..., 2, 3).
        boxes: Boxes. Tensor (..., N, 4), xyxy in pixels.

    Returns:
        The moved boxes. Tensor (..., N, 4) of the dtype of `matrices`.

    Example:

    >>> transform_boxes([[2.0, 0, 0], [0, 2, 0]], [[0, 0, 4, 2]]).numpy()
    array([[-0.5, -0.5,  7.5,  3.5]], dtype=float32)
    """
    matrices = tf.convert_to_tensor(matrices)
    boxes = tf.cast(boxes, matrices.dtype)
    half = (boxes[..., 2:] - boxes[..., :2]) / 2
    scale = tf.norm(matrices[..., 0, :2], axis=-1)[..., tf.newaxis, tf.newaxis]
    # Matrices map centers of pixels, and boxes count from their borders.
    center = boxes[..., :2] + half - 0.5
    center = transform_points(matrices, center) + 0.5
    return tf.concat([center - scale * half, center + scale * half], -1)


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
    # Not by `ImageProjectiveTransformV3`, whose gradient is another warp and
    # not the derivative.
    images = tf.cast(images, tf.float32)
    matrices = tf.cast(matrices, tf.float32)
    height, width = (size, size) if isinstance(size, int) else size
    a, b = matrices[:, 0, :1], matrices[:, 1, :1]
    columns, rows = tf.meshgrid(
        tf.range(width, dtype=tf.float32), tf.range(height, dtype=tf.float32)
    )
    u = tf.reshape(columns, [1, -1]) - matrices[:, 0, 2:]
    v = tf.reshape(rows, [1, -1]) - matrices[:, 1, 2:]
    # The inverse of [[a, -b], [b, a]] is [[a, b], [-b, a]] / (a^2 + b^2).
    area = a * a + b * b
    warped = _sample(images, (a * u + b * v) / area, (a * v - b * u) / area)
    channels = images.shape[-1]
    shape = [tf.shape(warped)[0], height, width, tf.shape(images)[-1]]
    warped = tf.reshape(warped, shape)
    warped.set_shape((images.shape[0], height, width, channels))
    return warped


def _sample(images, x, y):
    """Interpolate images (B, H, W, C) at points (B, P), with 0 outside."""
    # With two rows and columns of zeros around it, an image has all neighbors
    # of every point, after points that are far away have come near.
    images = tf.pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]])
    count, rows, columns, channels = tf.unstack(tf.shape(images))
    pixels = tf.reshape(images, [count, rows * columns, channels])
    x = tf.clip_by_value(x + 2, 0.0, tf.cast(columns - 2, tf.float32))
    y = tf.clip_by_value(y + 2, 0.0, tf.cast(rows - 2, tf.float32))
    left, top = tf.floor(x), tf.floor(y)
    right_share, low_share = (x - left)[..., None], (y - top)[..., None]
    place = tf.cast(top, tf.int32) * columns + tf.cast(left, tf.int32)

    def row(first):
        one = tf.gather(pixels, first, batch_dims=1)
        other = tf.gather(pixels, first + 1, batch_dims=1)
        return one + right_share * (other - one)

    upper = row(place)
    return upper + low_share * (row(place + columns) - upper)


def check_landmarks(
    landmarks: ArrayLike,
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
    bad = find_bad_landmarks(points[np.newaxis], size)
    if bad is not None:
        raise ValueError(f"{name}: landmarks {bad[1]}")
    return points.astype(np.float32)


def find_bad_landmarks(
    landmarks: np.ndarray, size: tuple[int, int] | None = None
) -> tuple[int, str] | None:
    """Find the first face of many whose landmarks are not those of a face.

    Args:
        landmarks: Landmarks of all faces, (N, K, 2) xy in pixels.
        size: Height and width of the images. Defaults to None, if they are not
            known.

    Returns:
        Tuple (index, rule) of the first bad face and of what its landmarks
        must be, or None if all are good.
    """
    points = np.asarray(landmarks, np.float64)
    finite = np.isfinite(points).all((1, 2), keepdims=True)
    points = np.where(finite, points, 0)
    far = np.array([np.inf, np.inf] if size is None else size[::-1])
    outside = ((points < -0.5) | (points > far - 0.5)).any((1, 2))
    centered = points - points.mean(1, keepdims=True)
    spread = np.linalg.svd(centered, compute_uv=False)
    flat = spread[:, 1] <= _FLAT * spread[:, 0]
    inside = "lie inside the image"
    if size is not None:
        inside += f" of {size[1]}x{size[0]} pixels"
    for wrong, rule in (
        (~finite, "be finite"),
        (outside, inside),
        (flat, "not lie on a line"),
    ):
        if np.any(wrong):
            index = int(np.argmax(wrong))
            shown = np.round(np.asarray(landmarks)[index], 2).tolist()
            return index, f"must {rule}. Received: landmarks={shown}"
    return None
