"""Frames per second of the face detectors at VGA on one core.

    python -m benchmarks.face_detection --model runs/face_cascade/model.keras

The smallest face has 80 pixels, as in Li et al. (2015), whose cascade reached
14 frames per second on one core. The package mtcnn is timed in the same run,
where it is installed. It fails at reduced images of less than 12 pixels, which
it makes for this size of a face, so that its pyramid ends before them.

The trained cascade is about four times as fast as the package. Half of its time
goes to the two 48-nets: five or six windows of the photograph reach each, a
window costs 0.09 billion floating-point operations in each, and one core of a
Sapphire Rapids Xeon does 160 billion a second in float32.
"""

import dataclasses
import importlib.util
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tyro

import kcv
from benchmarks.timing import print_ratios
from kcv.faces import cascade
from recipes import face_cascade
from recipes.common.faces.cascade_stages import build_stages
from recipes.common.faces.cascades import face_photograph
from recipes.common.timing import medians

PAPER = 14  # frames per second


def main(
    model: Path | None = None,
    min_face: float = 80,
    height: int = 480,
    width: int = 640,
    rounds: int = 15,
) -> None:
    """Print the milliseconds of one frame and the frames per second.

    Args:
        model: File of a trained cascade. Without it, the networks of the recipe
            have random weights, the 12-net passes on 40 windows, and the 24-net
            keeps 5 of them.
        min_face: Side of the smallest face, in pixels.
        height: Height of the frame, in pixels.
        width: Width of the frame, in pixels.
        rounds: Number of timed calls of each detector, alternating.
    """
    # Before TensorFlow makes its threads, which inherit it.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    keras.utils.set_random_seed(0)
    frame = make_frame(height, width)
    detector = open_cascade(model, min_face)
    ours = f"face cascade, {len(detector.stages)} stages"
    functions = {
        ours: detect(detector, frame),
        "kcv MTCNN": detect(open_mtcnn(min_face), frame),
        **package(frame, min_face),
    }
    times = medians(functions, rounds, warm_up=2)
    title = f"{width} x {height}, smallest face {min_face:g} px, one core"
    print_ratios(title, times, ours)
    rate = 1000 / times[ours]
    print(f"  {rate:.1f} frames per second ({PAPER} in the paper)")


def make_frame(height: int, width: int) -> np.ndarray:
    """Make a frame (1, height, width, 3) float32 with one face."""
    image = tf.image.resize(face_photograph(None), (height, height))
    tiled = tf.tile(image, (1, -(-width // height), 1))[None, :, :width]
    return tiled.numpy()


def open_cascade(model: Path | None, min_face: float) -> keras.Model:
    """Open a cascade, and let it look for faces of at least `min_face`."""
    if model is not None:
        trained = kcv.load_model(model)
        scan = dataclasses.replace(trained.scan, min_face=min_face)
        return cascade.FaceCascade(trained.stages, scan=scan)
    scan = dataclasses.replace(
        face_cascade.SCAN["small"], min_face=min_face, max_windows=20
    )
    stages = [
        stage._replace(
            selection=dataclasses.replace(
                stage.selection, threshold=0.0, max_windows=count
            )
        )
        for stage, count in zip(build_stages("small"), (40, 5, 5), strict=True)
    ]
    return cascade.FaceCascade(stages, scan=scan)


def open_mtcnn(min_face: float) -> keras.Model:
    """Open MTCNN, with its published weights where they are installed."""
    weights = "mtcnn" if importlib.util.find_spec("mtcnn") else None
    return cascade.MTCNN(weights, min_face=min_face)


def detect(model, frame):
    """Make a function that finds the faces of a frame."""
    run = tf.function(model)
    images = tf.constant(frame)
    return lambda: run(images)["boxes"].numpy()


def package(frame, min_face):
    """Make a function that finds the faces by the package mtcnn."""
    if importlib.util.find_spec("mtcnn") is None:
        print("mtcnn is not installed: not timed")
        return {}
    import mtcnn
    from mtcnn.stages import stage_pnet

    scales_of = stage_pnet.build_scale_pyramid

    def scales(width, height, **options):
        found = scales_of(width, height, **options)
        return found[found * min(width, height) >= 12]

    stage_pnet.build_scale_pyramid = scales
    detector = mtcnn.MTCNN(device="CPU:0")
    image = frame[0].astype("uint8")
    return {
        "mtcnn": lambda: detector.detect_faces(image, min_face_size=min_face)
    }


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
