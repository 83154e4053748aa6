"""Photos of people in files, from any list."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from kcv.data.streams.holdout import held_out_fifth
from kcv.data.streams.holdout import keep_files_apart
from kcv.data.streams.records import Records
from kcv.data.streams.records import file_tensor
from kcv.landmarks import find_bad_landmarks


@dataclasses.dataclass(frozen=True, eq=False)
class FaceFiles(Records):
    """Image files and the people on them.

    Attributes:
        files: Paths of the image files, at least one.
        image_ids: Names of the images, unique in the set.
        labels: Person on each image, (N,) int32, counted from 0.
        class_names: Names of the people, by label. Each has an image.
        origin: Name of the set in error messages.
        landmarks: Landmarks of each face, (N, 5, 2) float32. Defaults to None,
            for a set without landmarks.
        boxes: Box of each face, (N, 4) float32 xyxy. A row of NaN is a face
            without a box. Defaults to None, for a set without boxes.
    """

    files: tuple[str, ...]
    image_ids: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    origin: str
    landmarks: np.ndarray | None = None
    boxes: np.ndarray | None = None

    def __post_init__(self):
        if not self.files:
            raise ValueError(f"{self.origin} holds no photos")
        missing = [file for file in self.files if not Path(file).is_file()]
        if missing:
            shown = ", ".join(missing[:5])
            raise FileNotFoundError(
                f"{self.origin}: {len(missing)} of {len(self.files)} image "
                f"files are missing: {shown}"
                + (", ..." if len(missing) > 5 else "")
            )
        if self.landmarks is not None:
            bad = find_bad_landmarks(self.landmarks)
            if bad is not None:
                raise ValueError(
                    f"{self.origin}: {self.image_ids[bad[0]]}: landmarks "
                    f"{bad[1]}"
                )

    def only(self, wanted: Callable[[str], bool]) -> Self:
        """Select images, and number the people who remain.

        Args:
            wanted: Function of an image id that returns whether to select the
                image.

        Returns:
            The records of these images, in the same order.

        Raises:
            ValueError: If no image is selected.
        """
        return self._take([wanted(name) for name in self.image_ids])

    def only_people(self, wanted: Callable[[str], bool]) -> Self:
        """Select people, and number them.

        Args:
            wanted: Function of a name that returns whether to select the
                person.

        Returns:
            The records of all images of these people, in the same order.

        Raises:
            ValueError: If nobody is selected.
        """
        chosen = np.array([wanted(name) for name in self.class_names])
        return self._take(chosen[self.labels])

    def with_photos(self, minimum: int) -> Self:
        """Select the people who have enough photos.

        Args:
            minimum: Smallest number of photos of a person.

        Returns:
            The records of these people.

        Raises:
            ValueError: If nobody has so many photos.

        Example:

        ```python
        faces = kcv.data.read_people("lfw").with_photos(2)
        ```
        """
        counts = np.bincount(self.labels)
        if counts.max() < minimum:
            raise ValueError(
                f"{self.origin}: `minimum` must be at most {counts.max()}, the "
                f"largest number of photos of a person. Received: "
                f"minimum={minimum}"
            )
        return self._take(counts[self.labels] >= minimum)

    def split(self, held_out: bool) -> Self:
        """Select the fifth of the people who are held out, or the others.

        They are drawn by a hash of their names, so they are the same in every
        run and on every machine, in whatever order the images are listed.

        Args:
            held_out: Whether to select the fifth.

        Returns:
            The records of that part.

        Raises:
            ValueError: If there are too few people for both parts.
        """
        if len(self.class_names) < 2:
            raise ValueError(
                f"{self.origin} must have at least two people for some to be "
                f"held out. Received: {len(self.class_names)} person"
            )
        fifth = held_out_fifth(self.class_names)
        train = self.only_people(lambda name: name not in fifth)
        test = self.only_people(lambda name: name in fifth)
        keep_files_apart(train, test, f"two people of {self.origin}")
        return test if held_out else train

    def _take(self, wanted: ArrayLike) -> Self:
        kept = np.flatnonzero(wanted)
        if not kept.size:
            raise ValueError(f"{self.origin}: no photo is selected")
        people, labels = np.unique(self.labels[kept], return_inverse=True)
        return dataclasses.replace(
            self,
            files=tuple(self.files[k] for k in kept),
            image_ids=tuple(self.image_ids[k] for k in kept),
            labels=labels.astype(np.int32),
            class_names=tuple(self.class_names[k] for k in people),
            landmarks=None if self.landmarks is None else self.landmarks[kept],
            boxes=None if self.boxes is None else self.boxes[kept],
        )

    def _describe(self):
        values = {"labels": tf.constant(self.labels, tf.int32)}
        if self.landmarks is not None:
            values["landmarks"] = tf.constant(self.landmarks, tf.float32)
        boxes = None
        if self.boxes is not None:
            boxes = tf.constant(self.boxes, tf.float32)

        def describe(index):
            found = {key: value[index] for key, value in values.items()}
            if boxes is not None:
                own = boxes[index : index + 1]
                own = tf.boolean_mask(own, ~tf.math.is_nan(own[:, 0]))
                found["bounding_boxes"] = {
                    "boxes": own,
                    "labels": tf.zeros_like(own[:, 0], tf.int32),
                }
            return found

        return describe

    def _finish(self, dataset):
        files = file_tensor(self.files)

        def finish(example):
            example = dict(example)
            index = example.pop("index")
            if "landmarks" in example:
                size = tf.cast(tf.shape(example["images"])[1::-1], tf.float32)
                check = tf.debugging.Assert(
                    tf.reduce_all(example["landmarks"] <= size - 0.5),
                    [
                        "image",
                        files[index],
                        "has width and height",
                        size,
                        "and landmarks outside:",
                        example["landmarks"],
                    ],
                )
                with tf.control_dependencies([check]):
                    example["images"] = tf.identity(example["images"])
            return example

        return dataset.map(finish)
