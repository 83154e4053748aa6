"""FDDB, a benchmark of face detection whose faces are ellipses.

Jain and Learned-Miller, "FDDB: A Benchmark for Face Detection in Unconstrained
Settings", 2010: 2,845 images with 5,171 faces in ten folds. A face is the line
`long short angle x y 1`: half axes in pixels, angle of the long one with the x
axis in radians, and center.

Shapes: N faces of an image.
"""

import dataclasses
import os
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from typing import Self

import numpy as np
import tensorflow as tf

from kcv.data.streams.records import Records
from kcv.text_files import read_text

_FOLDS = range(1, 11)


@dataclasses.dataclass(frozen=True)
class FDDB(Records):
    """The images and ellipses of folds of FDDB.

    Attributes:
        files: Paths of the image files.
        image_ids: Names of the images, such as "2002/08/11/big/img_591".
        ellipses: Faces of each image, arrays (N, 5) float32.
        folds: Number of the fold of each image, from 1.
        origin: Folder of the set, for error messages.
        class_names: Names of the classes. Defaults to `("face",)`.
    """

    files: tuple[str, ...]
    image_ids: tuple[str, ...]
    ellipses: tuple[np.ndarray, ...]
    folds: tuple[int, ...]
    origin: str
    class_names: tuple[str, ...] = ("face",)

    def only(self, wanted: Callable[[str], bool]) -> Self:
        """Select images by their ids.

        Args:
            wanted: Function from an image id to whether the image is selected.

        Returns:
            The annotations of the selected images.
        """
        rows = [i for i, name in enumerate(self.image_ids) if wanted(name)]
        kept: dict[str, Any] = {
            name: tuple(getattr(self, name)[i] for i in rows)
            for name in ("files", "image_ids", "ellipses", "folds")
        }
        return dataclasses.replace(self, **kept)

    def ground_truth(self) -> dict[str, dict[str, np.ndarray]]:
        """Return the faces in the form that `kcv.metrics.fddb_scores` reads."""
        pairs = zip(self.image_ids, self.ellipses, strict=True)
        return {name: {"ellipses": own} for name, own in pairs}

    def _describe(self):
        ends = np.cumsum([0, *map(len, self.ellipses)])
        ends = tf.constant(ends, tf.int64)
        table = tf.constant(np.concatenate(self.ellipses), tf.float32)
        return lambda index: {"ellipses": table[ends[index] : ends[index + 1]]}

    def _finish(self, dataset):
        def finish(example):
            ellipses = example["ellipses"]
            size = tf.cast(tf.shape(example["images"])[1::-1], tf.float32)
            boxes = ellipse_boxes(ellipses)
            boxes = tf.clip_by_value(boxes, 0.0, tf.tile(size, [2]))
            labels = tf.zeros_like(ellipses[:, 0], tf.int32)
            return {
                "images": example["images"],
                "image_id": example["image_id"],
                "bounding_boxes": {"boxes": boxes, "labels": labels},
                "difficult": labels > 0,
                "is_crowd": labels > 0,
                "ellipses": ellipses,
            }

        return dataset.map(finish)


def read_fddb(folder: str | os.PathLike, folds: Iterable[int] = _FOLDS) -> FDDB:
    """Read the lists of FDDB.

    Args:
        folder: Folder with `FDDB-folds/FDDB-fold-01-ellipseList.txt` and so on,
            and the images in `originalPics`, or beside `FDDB-folds`.
        folds: Numbers of the folds, from 1 to 10. Defaults to all.

    Returns:
        Record of the images. Its method `dataset` streams examples with
        `images` (H, W, 3) uint8, `ellipses` (N, 5) float32, `bounding_boxes`
        {`boxes` (N, 4) float32 around the ellipses and inside the image,
        `labels` (N,) int32, all 0}, `difficult` and `is_crowd` (N,) bool, all
        False, and `image_id`.

    Raises:
        FileNotFoundError: If a list or an image does not exist.
        ValueError: If a fold or a line of a list is wrong. The message names
            the file and the line.

    Example:

    ```python
    records = kcv.data.read_fddb("FDDB", folds=[1])
    curves = kcv.metrics.fddb_scores(records.ground_truth(), found, 0.2)
    ```
    """
    folder = Path(folder)
    images = folder / "originalPics"
    images = images if images.is_dir() else folder
    rows: list[tuple[str, str, np.ndarray, int]] = []
    for fold in folds:
        if fold not in _FOLDS:
            raise ValueError(
                f"`folds` must be numbers from 1 to 10. Received: fold={fold!r}"
            )
        path = folder / "FDDB-folds" / f"FDDB-fold-{fold:02d}-ellipseList.txt"
        for name, ellipses in _read_list(path):
            rows.append((str(images / f"{name}.jpg"), name, ellipses, fold))
    if not rows:
        raise ValueError(f"{folder}: the folds must have an image")
    files, names, ellipses, numbers = zip(*rows, strict=True)
    missing = [file for file in files if not os.path.isfile(file)]
    if missing:
        raise FileNotFoundError(
            f"{folder}: {len(missing)} of {len(files)} image files are "
            f"missing, the first is {missing[0]}"
        )
    return FDDB(files, names, ellipses, numbers, str(folder))


def ellipse_boxes(ellipses: tf.Tensor) -> tf.Tensor:
    """Compute the boxes around ellipses.

    Args:
        ellipses: Ellipses (N, 5): half axes (long, short) in pixels, angle of
            the long one with the x axis in radians, center (x, y).

    Returns:
        Boxes (N, 4), xyxy in pixels.

    Example:

    >>> ellipse_boxes(tf.constant([[4.0, 2.0, 0.0, 10.0, 10.0]])).numpy()
    array([[ 6.,  8., 14., 12.]], dtype=float32)
    """
    long, short, angle, x, y = tf.unstack(ellipses, axis=-1)
    cos, sin = tf.cos(angle), tf.sin(angle)
    width = tf.sqrt((long * cos) ** 2 + (short * sin) ** 2)
    height = tf.sqrt((long * sin) ** 2 + (short * cos) ** 2)
    return tf.stack([x - width, y - height, x + width, y + height], axis=-1)


def _read_list(path: Path):
    """Yield the name and the ellipses of each image of a list."""
    lines = read_text(path).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    row = 0
    while row < len(lines):
        name = lines[row].strip()
        if not name or name.startswith(("/", "\\")) or ".." in name.split("/"):
            raise ValueError(
                f"{path}:{row + 1}: a name of an image inside the folder must "
                f"stand here. Received: {name!r}"
            )
        count = _number(path, lines, row + 1)
        ellipses = [
            _ellipse(path, lines, row + 2 + number) for number in range(count)
        ]
        yield name, np.array(ellipses, "float32").reshape(-1, 5)
        row += 2 + count


def _number(path, lines, row):
    text = lines[row].strip() if row < len(lines) else ""
    # A list has fewer faces than lines, whatever number it claims.
    if not text.isdecimal() or not int(text) <= len(lines):
        raise ValueError(
            f"{path}:{row + 1}: the number of faces must stand here. "
            f"Received: {text!r}"
        )
    return int(text)


def _ellipse(path, lines, row):
    text = lines[row] if row < len(lines) else ""
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        values = []
    if (
        len(values) not in (5, 6)
        or not np.isfinite(values).all()
        or min(values[:2]) <= 0
    ):
        raise ValueError(
            f"{path}:{row + 1}: an ellipse `long short angle x y 1` with "
            f"positive half axes must stand here. Received: {text!r}"
        )
    return values[:5]
