"""The 45 patterns by which a calibration network corrects windows.

A pattern (s, x, y) says how a window was made from a true face: its sides are s
times those of the face, and its corner lies x widths and y heights of the face
to the right and below. Calibration undoes this.

Shapes: N windows or faces, P = 45 patterns.
"""

import itertools

import numpy as np
import tensorflow as tf

from kcv.boxes import TensorLike

_SCALES = (0.83, 0.91, 1.0, 1.10, 1.21)
_OFFSETS = (-0.17, 0.0, 0.17)

#: The patterns (s, x, y) in the order of the networks' outputs, (45, 3).
PATTERNS = np.array([*itertools.product(_SCALES, _OFFSETS, _OFFSETS)])


def calibrate(
    boxes: TensorLike, scores: TensorLike, threshold: float = 0.1
) -> tf.Tensor:
    """Undo the shift and the scale that a calibration network has found.

    The patterns whose score exceeds the threshold are averaged with equal
    weights (Li et al. 2015, section 3.3). A window (x, y, w, h) becomes
    (x - x_n w / s_n, y - y_n h / s_n, w / s_n, h / s_n) for the average
    (s_n, x_n, y_n). A window without such a pattern stays as it is.

    Args:
        boxes: Windows. Tensor (N, 4), xyxy in pixels.
        scores: Scores of the patterns. Tensor (N, 45).
        threshold: Score that a pattern must exceed. Float. Defaults to 0.1.

    Returns:
        Calibrated windows. Tensor (N, 4) in the dtype of the boxes.

    Example:

    >>> face = np.array([40.0, 30.0, 90.0, 90.0])
    >>> windows = tf.constant(pattern_windows([face])[0])
    >>> bool(np.allclose(calibrate(windows, np.eye(45)), face))
    True
    """
    boxes = tf.convert_to_tensor(boxes)
    chosen = tf.cast(tf.convert_to_tensor(scores) > threshold, boxes.dtype)
    count = tf.reduce_sum(chosen, axis=1, keepdims=True)
    mean = tf.matmul(chosen, tf.constant(PATTERNS, boxes.dtype))
    mean /= tf.maximum(count, 1.0)
    unchanged = tf.constant([1.0, 0.0, 0.0], boxes.dtype)
    scale, x, y = tf.split(tf.where(count > 0, mean, unchanged), 3, axis=1)
    sides = boxes[:, 2:] - boxes[:, :2]
    corners = boxes[:, :2] - tf.concat([x, y], axis=1) * sides / scale
    return tf.concat([corners, corners + sides / scale], axis=1)


def pattern_windows(faces: TensorLike) -> np.ndarray:
    """Shift and scale faces by every pattern, to train calibration networks.

    Args:
        faces: Boxes of faces. Array-like (N, 4), xyxy in pixels.

    Returns:
        Windows (N, 45, 4) float64, xyxy in pixels. `calibrate` makes the face
        of window n again if pattern n is chosen.

    Example:

    >>> pattern_windows([[40.0, 30.0, 90.0, 90.0]])[0, 0].round(1).tolist()
    [31.5, 19.8, 73.0, 69.6]
    """
    faces = np.asarray(faces, "float64").reshape(-1, 1, 4)
    sides = faces[..., 2:] - faces[..., :2]
    corners = faces[..., :2] + PATTERNS[:, 1:] * sides
    return np.concatenate([corners, corners + PATTERNS[:, :1] * sides], -1)
