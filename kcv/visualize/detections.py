"""Detections drawn on an image by NumPy alone, and images written as files."""

import os
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kcv.pixels import to_rgb
from kcv.storage import write_whole
from kcv.visualize.letters import render_text

# matplotlib's "tab10", which the figures of kcv have, too.
_COLORS = np.array(
    [
        (31, 119, 180),
        (255, 127, 14),
        (44, 160, 44),
        (214, 39, 40),
        (148, 103, 189),
        (140, 86, 75),
        (227, 119, 194),
        (127, 127, 127),
        (188, 189, 34),
        (23, 190, 207),
    ],
    np.uint8,
)
_INK = np.array([255, 255, 255], np.float32)
_KEYS = ("boxes", "labels", "scores")


def draw_detections(
    image: ArrayLike,
    found: Mapping[str, Any],
    class_names: Sequence[str] | None = None,
    min_score: float = 0.5,
    zoom: int = 1,
) -> np.ndarray:
    """Draw the detections of a model on a copy of an image.

    No drawing library is needed. `draw_boxes` has finer letters, of all
    alphabets, and needs matplotlib.

    Args:
        image: Image (H, W, 3) or (H, W) with values in [0, 255].
        found: Answer of a detector about this image: dict of `boxes` (N, 4),
            half-open xyxy in pixels, `labels` (N,) from 0, and `scores` (N,).
            Each may have a first axis of one image, as `predict` returns it.
        class_names: Names of the labels. If None, the labels are written as
            numbers. Defaults to None.
        min_score: Score from which on a detection is drawn. Float in [0, 1].
            Defaults to 0.5.
        zoom: Factor by which the image is enlarged. Letters are not. Positive
            integer. Defaults to 1.

    Returns:
        Image (zoom * H, zoom * W, 3) uint8.

    Raises:
        ValueError: If `found` lacks an entry, or is about several images.

    Example:

    >>> image = np.zeros((48, 64, 3), np.uint8)
    >>> found = {"boxes": [[8, 8, 24, 40]], "labels": [0], "scores": [0.9]}
    >>> draw_detections(image, found, ["cat"], zoom=2).shape
    (96, 128, 3)
    """
    boxes, labels, scores = _select(found, min_score)
    drawn = to_rgb(image, clip=True)
    drawn = drawn.repeat(zoom, axis=0).repeat(zoom, axis=1)
    line = max(1, round(min(drawn.shape[:2]) / 200))
    corners = np.rint(boxes * zoom).astype(int)
    # The best last, on top of the others.
    order = np.argsort(scores, kind="stable")
    for k in order:
        _draw_frame(drawn, corners[k], _COLORS[labels[k] % 10], line)
    for k in order:
        label = int(labels[k])
        name = str(label) if class_names is None else str(class_names[label])
        place = corners[k][:2]
        text = f"{name} {scores[k]:.2f}"
        _draw_text(drawn, place, text, _COLORS[label % 10])
    return drawn


def write_image(path: str | os.PathLike, image: ArrayLike) -> Path:
    """Write an image as a PNG file, whole or not at all.

    Args:
        path: Path of the file, which ends in .png.
        image: Image (H, W, 3) or (H, W) with values in [0, 255].

    Returns:
        `path`.

    Raises:
        ValueError: If the path ends otherwise, or `image` is not an image.
        OSError: If the file cannot be written.

    Example:

    >>> write_image("black.png", np.zeros((48, 64, 3), np.uint8)).name
    'black.png'
    """
    import tensorflow as tf  # figures do not need it

    path = Path(path)
    if path.suffix.lower() != ".png":
        raise ValueError(f"`path` must end in .png. Received: path={path}")
    pixels = to_rgb(image, clip=True)
    return write_whole(path, tf.io.encode_png(pixels).numpy())


def _select(found, min_score):
    """Return the boxes, labels and scores that are to be drawn."""
    if missing := [key for key in _KEYS if key not in found]:
        raise ValueError(
            f"`found` must have the entries {', '.join(_KEYS)}. Received: a "
            f"dict without {', '.join(missing)}"
        )
    boxes, labels, scores = (np.asarray(found[key]) for key in _KEYS)
    if scores.ndim == 2 and len(scores) == 1:
        boxes, labels, scores = boxes[0], labels[0], scores[0]
    boxes = boxes.reshape(-1, 4) if not boxes.size else boxes
    if boxes.shape != (scores.size, 4) or labels.shape != (scores.size,):
        raise ValueError(
            "`found` must be about one image, with boxes (N, 4), labels (N,) "
            f"and scores (N,). Received: shapes {boxes.shape}, {labels.shape} "
            f"and {scores.shape}"
        )
    # Rows after the last detection have the label -1.
    kept = (scores >= min_score) & (labels >= 0)
    return boxes[kept].astype(float), labels[kept].astype(int), scores[kept]


def _draw_frame(drawn, corners, color, line: int) -> None:
    """Draw the sides of a box inside it, as far as the image has them."""
    height, width = drawn.shape[:2]
    x1, x2 = np.clip(corners[[0, 2]], 0, width)
    y1, y2 = np.clip(corners[[1, 3]], 0, height)
    box = drawn[y1:y2, x1:x2]
    for side in (box[:line], box[-line:], box[:, :line], box[:, -line:]):
        side[:] = color


def _draw_text(drawn, place, text: str, color) -> None:
    """Write a text on a colored ground, above a place inside the image."""
    opacity = np.pad(render_text(text), 1)[..., np.newaxis]
    height, width = opacity.shape[:2]
    x = max(min(place[0], drawn.shape[1] - width), 0)
    y = place[1] - height if place[1] >= height else max(place[1], 0)
    y = max(min(y, drawn.shape[0] - height), 0)
    ground = drawn[y : y + height, x : x + width]
    opacity = opacity[: ground.shape[0], : ground.shape[1]]
    ground[:] = np.rint(opacity * _INK + (1 - opacity) * color)
