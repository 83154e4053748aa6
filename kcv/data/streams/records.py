"""Files and annotations of a dataset before pixels are read, and their stream.

`Records` lists, holds out, orders, reads and decodes files in the same way for
boxes, label maps and classes of whole images. The subclasses add what belongs
to an image besides its pixels.
"""

import abc
import os
from collections.abc import Callable
from collections.abc import Sequence
from typing import Self

import tensorflow as tf

from kcv.data.streams.decoding import decode
from kcv.data.streams.decoding import read_together
from kcv.data.streams.holdout import draw_validation
from kcv.data.streams.holdout import file_identity
from kcv.data.streams.holdout import held_out_fifth
from kcv.data.streams.ordering import visit
from kcv.examples import DataSet


def file_tensor(files: Sequence[str]) -> tf.Tensor:
    """Convert paths to a tensor.

    Names of files are bytes, which need not be UTF-8.

    Args:
        files: N paths.

    Returns:
        Tensor (N,) string.
    """
    return tf.constant([os.fsencode(file) for file in files], tf.string)


class Records(abc.ABC):
    """Image files of a dataset, and what belongs to each of them.

    Attributes:
        files: Paths of the image files.
        image_ids: Names of the images, unique in the dataset.
        class_names: Names of the labels 0, 1, ...
        origin: Name of the dataset in error messages.
    """

    files: Sequence[str]
    image_ids: Sequence[str]
    class_names: tuple[str, ...]
    origin: str

    def __len__(self) -> int:
        return len(self.files)

    @abc.abstractmethod
    def only(self, wanted: Callable[[str], bool]) -> Self:
        """Select images.

        Args:
            wanted: Function of an image id that returns whether to select the
                image.

        Returns:
            The records of these images, in the same order.
        """

    def split(self, held_out: bool) -> Self:
        """Select the fifth of the images that is held out, or the others.

        The fifth is drawn by a hash of the image ids. So it is the same in
        every run and on every machine, in any order of the images. An image
        whose file is also that of a held-out image, through a link or because
        it is listed twice, is held out, too.

        Args:
            held_out: Whether to select the fifth.

        Returns:
            The records of that part.

        Raises:
            ValueError: If there are too few images for both parts.
        """
        return self._choose(
            self._held_out(),
            held_out,
            f"holds no images to train on, because all {len(self)} of them are "
            "held out. They must come from at least two files",
        )

    def divide(self, part: float, inside: bool) -> Self:
        """Select a part of the images at random, or the others.

        Like the held-out fifth, it is the same in every run and on every
        machine. Of images with classes, the part of each class is drawn.

        Args:
            part: Part of the images, in (0, 1), rounded to at least one image.
            inside: Whether to select the part.

        Returns:
            The records of the part, or of the other images.

        Raises:
            ValueError: If there are too few images for both.
        """
        return self._choose(
            draw_validation(self._groups(), part),
            inside,
            f"has {len(self)} images to train on, and validation={part} leaves "
            "none of them. They must come from at least two files",
        )

    def _choose(
        self, drawn: frozenset[str], inside: bool, problem: str
    ) -> Self:
        """Select images that are drawn, with others of their files."""
        files = dict(
            zip(self.image_ids, map(file_identity, self.files), strict=True)
        )
        apart = {files[name] for name in drawn}
        if not inside and apart == {*files.values()}:
            raise ValueError(
                f"{self.origin} {problem}. Received: {len(apart)} files"
            )
        return self.only(lambda name: (files[name] in apart) == inside)

    def dataset(
        self,
        seed: int | None = None,
        start: int = 0,
        on_error: str = "raise",
        skipped: list[str] | None = None,
    ) -> tf.data.Dataset:
        """Stream the examples.

        Args:
            seed: Integer that determines the shuffling. Every epoch has a
                different order, the stream repeats forever, and example number
                p is a pure function of (records, seed, p). If None, the
                examples are read once, in the order of the files. Defaults to
                None.
            start: Position of the first example, for a run that is resumed.
                Defaults to 0.
            on_error: "raise" an error at an image that cannot be decoded, or
                "skip" it. Defaults to "raise".
            skipped: List to which the names of skipped images are appended. If
                None, they are only logged. Defaults to None.

        Returns:
            Dataset of single examples, see `kcv.examples`.
        """
        order = visit(len(self), seed, start)
        return self._stream(order, seed is not None, on_error, skipped)

    def pick(self, indices: tf.data.Dataset) -> tf.data.Dataset:
        """Stream selected examples, each as often as its index occurs.

        Args:
            indices: Dataset of () int64, positions in the records.

        Returns:
            Dataset of single examples in this order. Iteration fails at an
            image that cannot be decoded.
        """
        return self._stream(indices, True, "raise", None)

    def read(
        self,
        begin: int,
        end: int,
        on_error: str = "raise",
        skipped: list[str] | None = None,
    ) -> tf.data.Dataset:
        """Stream the examples of a range once, in the order of the files.

        Args:
            begin: Position of the first example.
            end: Position behind the last example.
            on_error: "raise" an error at an image that cannot be decoded, or
                "skip" it. Defaults to "raise".
            skipped: List to which the names of skipped images are appended. If
                None, they are only logged. Defaults to None.

        Returns:
            Dataset of single examples.
        """
        indices = tf.data.Dataset.range(begin, end)
        return self._stream(indices, False, on_error, skipped)

    def _stream(self, indices, repeated, on_error, skipped):
        files = file_tensor(self.files)
        image_ids = tf.constant(self.image_ids)
        cached = read_together(self.files) if repeated else None
        describe = self._describe()

        def find(index):
            return {
                "index": index,
                "file": files[index],
                "image_id": image_ids[index],
                **describe(index),
            }

        def load(example):
            if cached is None:
                return tf.io.read_file(example["file"])
            return cached[example["index"]]

        dataset = indices.map(find)
        decoded = decode(dataset, load, on_error, skipped, len(self))
        return self._finish(decoded)

    def data_set(
        self,
        seed: int | None = None,
        start: int = 0,
        on_error: str = "raise",
        skipped: list[str] | None = None,
    ) -> DataSet:
        """Stream the examples, with their class names and number.

        Args:
            seed: Integer that determines the shuffling. Every epoch has a
                different order, and the stream repeats forever. If None, the
                examples are read once. Defaults to None.
            start: Position of the first example, for a run that is resumed.
                Defaults to 0.
            on_error: "raise" an error at an image that cannot be decoded, or
                "skip" it. Defaults to "raise".
            skipped: List to which the names of skipped images are appended. If
                None, they are only logged. Defaults to None.

        Returns:
            The `DataSet` (dataset, class_names, size).
        """
        dataset = self.dataset(seed, start, on_error, skipped)
        return DataSet(dataset, self.class_names, len(self))

    def _held_out(self) -> frozenset[str]:
        """Return the ids of the images that are held out."""
        return frozenset().union(*map(held_out_fifth, self._groups()))

    def _groups(self) -> Sequence[Sequence[str]]:
        """Return the ids of the images, by class if images have one."""
        return [self.image_ids]

    def _describe(self) -> Callable[[tf.Tensor], dict]:
        """Return a function from an index to further entries of an example."""
        return lambda index: {}

    @abc.abstractmethod
    def _finish(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Complete decoded examples, which have their `index`."""
