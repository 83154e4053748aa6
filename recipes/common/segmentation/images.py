"""Segmentation datasets as the recipes open them."""

from typing import Any
from typing import NamedTuple

import tensorflow as tf

import kcv


class Images(NamedTuple):
    """A segmentation dataset, opened for training and evaluation.

    Attributes:
        source: Name of the data, see `kcv.data.load_segmentation`.
        class_names: Names of the classes 0, 1, ..., background first.
        test: Held-out single examples in their original size.
        size: Shorter side of the resized training images, in pixels. If None,
            images keep their size.
        on_error: "raise" or "skip", for an image that cannot be decoded.
        flip: Whether training images are flipped at random.
        num_images: Number of training images. None for digit scenes, which can
            be drawn forever. Defaults to None.
        limit: Number of training images by which plans are shortened. None for
            digit scenes and for preset paper, whose plans are not shortened.
            Defaults to None.
        validation_part: Part of the training images that is not trained on.
            Defaults to 0.0.
    """

    source: str
    class_names: tuple[str, ...]
    test: tf.data.Dataset
    size: int | None
    on_error: str
    flip: bool
    num_images: int | None = None
    limit: int | None = None
    validation_part: float = 0.0

    def load(
        self, split: str = "train", seed: int | None = None, start: int = 0
    ) -> tf.data.Dataset:
        """Open single examples in their original size.

        Args:
            split: "train" or "validation". Defaults to "train".
            seed: Seed of the order, for endless epochs. Defaults to None, for
                one pass.
            start: Position of the first example. Defaults to 0.

        Returns:
            Dataset of single examples.
        """
        return kcv.data.load_segmentation(
            self.source,
            split,
            seed=seed,
            start=start,
            on_error=self.on_error,
            validation=self.validation_part,
        ).dataset

    def examples(self, seed: int, start: int) -> tf.data.Dataset:
        """Stream training images, shuffled, and flipped if `flip` says so.

        Args:
            seed: Seed of the order and of the flips.
            start: Position of the first example.

        Returns:
            Endless dataset of single examples, resized.
        """
        examples = self.load("train", seed, start)
        if self.flip:
            examples = kcv.data.random_flip(examples, seed, start)
        return self.resize(examples)

    def resize(self, examples: tf.data.Dataset) -> tf.data.Dataset:
        """Resize single examples to the size that the network is trained on."""
        if self.size is None:
            return examples
        return kcv.data.resize(examples, self.size, self.size * 5 // 3)


def open_images(run: Any, size: int | None, flip: bool = True) -> Images:
    """Open a segmentation dataset.

    Args:
        run: Options of the recipe, among them `data`, the name of the dataset,
            see `kcv.data.load_segmentation`.
        size: Shorter side of the resized training images, in pixels. If None,
            images keep their size.
        flip: Whether training images are flipped at random, if `run.augment`.
            Digit scenes never are: a mirrored digit is not a digit. Defaults to
            True.

    Returns:
        The dataset.
    """
    part, on_error = run.validation_part, run.on_error
    own = run.data != "digit_scenes"
    small = getattr(run, "preset", "small") == "small"
    test, class_names, _ = kcv.data.load_segmentation(
        run.data, "test", on_error=on_error
    )
    num_images = None
    if own:
        num_images = kcv.data.load_segmentation(run.data, validation=part).size
    return Images(
        run.data,
        class_names,
        test,
        size,
        on_error,
        flip=flip and run.augment and own,
        num_images=num_images,
        limit=num_images if small else None,
        validation_part=part,
    )
