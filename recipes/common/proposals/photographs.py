"""Times of methods on photographs, and the regions that they propose first."""

import contextlib
import time
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path

import cv2
import numba
import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

import kcv
from kcv.data.embedded.scenes import material
from kcv.proposals import Proposals
from kcv.storage import write_whole

SIZE = (375, 500)  # Height and width of most images of VOC.
NAMES = ("astronaut", "chelsea", "coffee")
FIRST = 8  # Number of regions that a picture shows.
_DPI = 128  # A power of two, so that pixels / dpi * dpi is exact.


def open_photographs() -> dict[str, np.ndarray]:
    """Crop and resize embedded photographs to the size of VOC's.

    Returns:
        Images (375, 500, 3) uint8 by name.
    """
    found = {}
    for split, names in material.PHOTOGRAPHS.items():
        kept = material.photographs(split)
        for name in set(names) & set(NAMES):
            number = names.index(name)
            rows, columns = kept.sizes[number]
            image = kept.pixels[number, :rows, :columns]
            found[name] = _to_size(image)
    return {name: found[name] for name in NAMES}


def _to_size(image):
    rows, columns = image.shape[:2]
    share = min(rows / SIZE[0], columns / SIZE[1])
    height, width = (round(share * side) for side in SIZE)
    top, left = (rows - height) // 2, (columns - width) // 2
    middle = image[top : top + height, left : left + width]
    resized = tf.image.resize(middle, SIZE, "bicubic", antialias=True)
    return np.clip(np.rint(resized), 0, 255).astype(np.uint8)


def time_method(
    method: str, max_proposals: int, seed: int, picture: Path
) -> dict[str, float]:
    """Time a method on photographs, and draw what it proposes first.

    It works with one thread. What it compiles and loads is compiled and loaded
    before, on a small image.

    Args:
        method: Name of the method, a key of `kcv.proposals.METHODS`.
        max_proposals: Maximum number of proposals.
        seed: Seed of the random numbers.
        picture: Path of the PNG file that is written, of the first photograph.

    Returns:
        Processor seconds by the name of the photograph, so that other programs
        do not count.
    """
    photographs = open_photographs()
    seconds: dict[str, float] = {}
    with one_thread():
        small = photographs[NAMES[0]][::3, ::3]
        kcv.proposals.propose(small, method, max_proposals, seed=seed)
        for name, image in photographs.items():
            start = time.process_time()
            found = kcv.proposals.propose(
                image, method, max_proposals, seed=seed, return_proposals=True
            )
            if not seconds:
                first = found[:FIRST]
            seconds[name] = time.process_time() - start
    drawn = draw_first(photographs[NAMES[0]], first)
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_whole(picture, tf.io.encode_png(drawn).numpy())
    return seconds


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Let OpenCV, numba and linear algebra use one thread.

    Threads of linear algebra that wait for one another use processor time.
    """
    opencv, numbas = cv2.getNumThreads(), numba.get_num_threads()
    cv2.setNumThreads(1)
    numba.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(opencv)
        numba.set_num_threads(numbas)


def draw_first(image: np.ndarray, found: Proposals) -> np.ndarray:
    """Draw segments, or boxes where there are none, over an image.

    Args:
        image: Image (H, W, 3) uint8.
        found: Proposals, whose places in the order are written into boxes.

    Returns:
        Image (H, W, 3) uint8.
    """
    if found.masks is None:
        return _draw_boxes(image, found.boxes)
    masks = found.masks.to_dense()
    labels = np.zeros(image.shape[:2], np.uint8)
    # Large ones first, so that they do not hide the others.
    for number in np.argsort(-masks.sum(axis=(1, 2)), kind="stable"):
        labels[masks[number]] = number + 1
    return kcv.visualize.draw_mask(image, labels, opacity=0.6)


def _draw_boxes(image, boxes):
    """Draw boxes whose lines and numbers can be read in a small picture."""
    height, width = image.shape[:2]
    figure = Figure((width / _DPI, height / _DPI), dpi=_DPI)
    places = np.arange(len(boxes))
    kcv.visualize.draw_boxes_on(
        figure.add_axes((0, 0, 1, 1)),
        image,
        {"boxes": boxes, "labels": places},
        [str(place + 1) for place in places],
    )
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def pictures_figure(files: Mapping[str, Path], columns: int = 4) -> Figure:
    """Show the pictures that `time_method` has written.

    Args:
        files: Paths of the pictures by the name of the method.
        columns: Number of pictures in a row. Defaults to 4.

    Returns:
        Matplotlib figure.
    """
    pictures = [
        (name, tf.io.decode_png(file.read_bytes()).numpy())
        for name, file in files.items()
    ]
    return kcv.visualize.pictures_figure(
        *(
            dict(pictures[start : start + columns])
            for start in range(0, len(pictures), columns)
        )
    )
