"""Windows from which the networks of a cascade learn.

Shapes: N faces of an image, M windows of an image, S pixels along a side.
"""

from collections.abc import Iterable
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kcv import boxes as box_geometry
from kcv.faces.cascade.windows import crop_windows
from kcv.faces.cascade.windows import octaves


class FaceImages(NamedTuple):
    """Images with faces, in memory.

    Attributes:
        images: Images (H, W, 3) uint8.
        boxes: Boxes of the faces of each image (N, 4) float32, xyxy in pixels.
    """

    images: Sequence[np.ndarray]
    boxes: Sequence[np.ndarray]


def keep_face_images(dataset: Iterable[dict]) -> FaceImages:
    """Read images with faces into memory.

    Args:
        dataset: One pass over examples with `images` (H, W, 3) and
            `bounding_boxes`, such as `kcv.data.face_scenes` returns.

    Returns:
        The `FaceImages`.

    Raises:
        ValueError: If there is no image.

    Example:

    >>> import kcv
    >>> scenes = keep_face_images(kcv.data.face_scenes("test", 2).dataset)
    >>> len(scenes.images), scenes.boxes[0].shape[1]
    (2, 4)
    """
    images, boxes = [], []
    for example in dataset:
        images.append(np.asarray(example["images"]))
        found = np.asarray(example["bounding_boxes"]["boxes"], "float32")
        boxes.append(found.reshape(-1, 4))
    if not images:
        raise ValueError("`dataset` must have an image. Received: none")
    return FaceImages(images, boxes)


def jitter_faces(
    boxes: np.ndarray,
    count: int,
    rng: np.random.Generator,
    shift: float = 0.06,
    scale: float = 0.12,
) -> np.ndarray:
    """Shift and scale faces a little, to learn from them as they are scanned.

    Args:
        boxes: Boxes of faces (N, 4), xyxy in pixels.
        count: Number of windows of each face.
        rng: Generator of random numbers.
        shift: Largest shift along each axis, as a share of the side. Defaults
            to 0.06.
        scale: Largest scaling, as a power of two. Defaults to 0.12.

    Returns:
        Square windows (N * count, 4) float32, xyxy in pixels.
    """
    boxes = np.repeat(boxes, count, axis=0)
    sides = (boxes[:, 2:] - boxes[:, :2]).mean(1, keepdims=True)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    centers += sides * rng.uniform(-shift, shift, centers.shape)
    half = sides / 2 * 2 ** rng.uniform(-scale, scale, sides.shape)
    return np.concatenate([centers - half, centers + half], 1).astype("float32")


def random_windows(
    image: np.ndarray,
    boxes: np.ndarray,
    count: int,
    min_side: float,
    max_iou: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw square windows that show no face.

    Args:
        image: Image (H, W, 3).
        boxes: Boxes of its faces (N, 4), xyxy in pixels.
        count: Number of windows that are drawn.
        min_side: Side of the smallest window, in pixels. Sides are
            log-uniform up to the shorter side of the image.
        max_iou: IoU with every face below which a window is kept.
        rng: Generator of random numbers.

    Returns:
        Windows (M, 4) float32, at most `count`.
    """
    height, width = image.shape[:2]
    largest = min(height, width)
    smallest = min(min_side, largest)
    sides = smallest * (largest / smallest) ** rng.random((count, 1))
    corners = rng.random((count, 2)) * (np.array([width, height]) - sides)
    windows = np.concatenate([corners, corners + sides], 1).astype("float32")
    return windows[best_iou(windows, boxes) < max_iou]


def best_iou(windows: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Compute the largest IoU of each window with a face.

    Args:
        windows: Windows (M, 4), xyxy in pixels.
        boxes: Boxes of faces (N, 4), xyxy in pixels.

    Returns:
        IoUs (M,) float32, 0 where there is no face.
    """
    if not len(windows) or not len(boxes):
        return np.zeros(len(windows), "float32")
    return np.asarray(box_geometry.iou_matrix(windows, boxes)).max(1)


def crop_samples(
    images: Sequence[np.ndarray],
    windows: Sequence[np.ndarray],
    size: int,
    context: float = 0.0,
) -> np.ndarray:
    """Crop windows as the detector does.

    Args:
        images: Images (H, W, 3) uint8.
        windows: Windows of each image (M, 4), xyxy in pixels.
        size: S, side of the crops in pixels.
        context: Share of its side by which each window is extended to the right
            and below. Defaults to 0.

    Returns:
        Crops (sum of M, S, S, 3) uint8.
    """

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, 3), "uint8"),
            tf.TensorSpec((None, 4), "float32"),
        ]
    )
    def crop(image, boxes):
        levels = octaves(tf.cast(image, "float32"))
        return tf.cast(crop_windows(levels, boxes, size) + 0.5, "uint8")

    crops = [np.zeros((0, size, size, 3), "uint8")]
    for image, own in zip(images, windows, strict=True):
        if len(own):
            own = np.array(own, "float32")
            own[:, 2:] += context * (own[:, 2:] - own[:, :2])
            crops.append(crop(image, own).numpy())
    return np.concatenate(crops)
