"""Hard negatives and thresholds, from the windows that reach a stage.

Shapes: M windows of an image, F faces of all images.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kcv import boxes as box_geometry
from kcv.faces.cascade.detection import CascadeDetection
from kcv.faces.cascade.learning.samples import FaceImages
from kcv.faces.cascade.windows import octaves


class Survivors(NamedTuple):
    """Windows of one image that reach a stage.

    Attributes:
        boxes: Windows (M, 4) float32, xyxy in pixels.
        scores: Score (M,) float32 of the network of the stage before. For the
            first stage, its own score.
    """

    boxes: np.ndarray
    scores: np.ndarray


def find_survivors(
    cascade: CascadeDetection,
    images: FaceImages,
    number: int,
    threshold: float | None = None,
    verbose: str | int = 0,
) -> list[Survivors]:
    """Find the windows that reach a stage.

    Args:
        cascade: Layer of a cascade that has the stage.
        images: Images with faces.
        number: Number of the stage, from 0.
        threshold: Threshold of the stage before, and for number 0 of the first
            stage itself. If None, that of its selection. Defaults to None.
        verbose: 0 prints nothing, anything else a progress bar. Defaults to 0.

    Returns:
        The windows of each image that the stages before keep. For number 0,
        the windows whose score reaches the threshold of the first stage.
    """

    @tf.function(input_signature=[tf.TensorSpec((None, None, 3), "uint8")])
    def run(image):
        levels = octaves(tf.cast(image, "float32"))
        windows = cascade.scan_windows(
            levels, tf.shape(image)[:2], threshold if number < 2 else None
        )
        for before in range(number):
            own = threshold if before == number - 1 else None
            windows = cascade.run_stage(levels, windows, before, own)
        return windows.boxes, windows.scores

    if verbose:
        print(f"Windows that reach stage {number + 1}")
    bar = keras.utils.Progbar(
        len(images.images), verbose=int(bool(verbose)), unit_name="image"
    )
    found = []
    for image in images.images:
        found.append(Survivors(*(x.numpy() for x in run(image))))
        bar.add(1)
    return found


def score_faces(
    images: FaceImages,
    windows: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
    iou: float = 0.5,
) -> np.ndarray:
    """Find the best score of the windows that show each face.

    Args:
        images: Images with faces.
        windows: Windows of each image (M, 4), xyxy in pixels.
        scores: Score of each window (M,).
        iou: IoU from which on a window shows a face. Defaults to 0.5.

    Returns:
        Best score of each face (F,) float64, -1 for a face that no window
        shows.
    """
    best = [np.zeros(0)]
    for faces, own, values in zip(images.boxes, windows, scores, strict=True):
        if len(faces) and len(own):
            overlaps = np.asarray(box_geometry.iou_matrix(faces, own))
            shown = np.where(overlaps >= iou, values, -1.0)
            best.append(shown.max(1))
        else:
            best.append(np.full(len(faces), -1.0))
    return np.concatenate(best)


def choose_threshold(scores: np.ndarray, recall: float) -> float:
    """Choose the highest threshold that keeps a share of the faces.

    Args:
        scores: Best score of each face (F,), -1 for a face that no window
            shows. Such faces do not count, because no threshold can keep them.
        recall: Share of the faces that is kept. Float in (0, 1].

    Returns:
        The threshold, 0 if no face is shown.

    Example:

    >>> choose_threshold(np.array([-1.0, 0.2, 0.6, 0.7, 0.9]), 0.75)
    0.6
    """
    shown = np.sort(scores[scores >= 0])[::-1]
    if not len(shown):
        return 0.0
    kept = int(np.ceil(recall * len(shown) - 1e-9))
    return float(shown[max(kept, 1) - 1])
