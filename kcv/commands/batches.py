"""From image files, or from examples of a dataset, to batches for a model."""

from collections.abc import Callable
from collections.abc import Hashable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from kcv.commands.answers import Batch
from kcv.commands.answers import KerasAnswers
from kcv.commands.answers import SavedAnswers
from kcv.commands.image_files import ImageFile
from kcv.data.streams.decoding import decode

# A batch has as many images as have about this number of pixels, but no more
# than the second number.
_PIXELS = 2**20
_MOST = 32
# Groups of images that wait for others of their size.
_WAITING = 8


def read_files(
    files: Sequence[ImageFile], unreadable: list[str]
) -> tf.data.Dataset:
    """Read image files.

    Args:
        files: The files.
        unreadable: List to which the paths of files are appended that are not
            images.

    Returns:
        Examples with `number`, the place in `files`, and `images` (H, W, 3)
        uint8. Files that are not images are left out.
    """
    dataset = tf.data.Dataset.from_tensor_slices(
        {
            "file": [
                file.path.encode(errors="surrogateescape") for file in files
            ],
            "number": range(len(files)),
        }
    )
    return decode(
        dataset,
        lambda example: tf.io.read_file(example["file"]),
        on_error="skip",
        skipped=unreadable,
    )


def model_batches(
    dataset: tf.data.Dataset,
    model: KerasAnswers | SavedAnswers,
    batch_size: int | None = None,
    propose: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Iterator[tuple[list[dict[str, Any]], Batch]]:
    """Make the batches that a model is asked about.

    Images are prepared side by side, ahead of the model. Those of a batch have
    the same `model.group`.

    Args:
        dataset: Examples with `images` (H, W, 3) uint8.
        model: The model.
        batch_size: Number of images per batch. If None, as many as have a
            million pixels together, and no more than 32. Defaults to None.
        propose: Function from an image to the boxes (P, 4) that the model is
            given with it. Defaults to none.

    Yields:
        Examples, as dicts of arrays, and their batch.
    """
    prepared = dataset.map(
        lambda example: {**example, "encoded": model.encode(example["images"])},
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    ).prefetch(2)

    def size(example):
        image, encoded = example["images"], example["encoded"]
        seen = encoded if isinstance(encoded, np.ndarray) else image
        pixels = [np.prod(image.shape[:2]) / 8, np.prod(seen.shape[:2])]
        return batch_size or int(min(max(_PIXELS // max(pixels), 1), _MOST))

    def group(example):
        return model.group(example["images"], example["encoded"])

    for examples in _grouped(prepared.as_numpy_iterator(), group, size):
        images = [example["images"] for example in examples]
        encoded = [example.pop("encoded") for example in examples]
        proposals = None
        if propose is not None and model.needs_proposals:
            proposals = [propose(image) for image in images]
        yield examples, Batch(images, encoded, proposals)


def is_futile(error: Exception) -> bool:
    """Return whether an error says that no image of a set can be decoded.

    Args:
        error: Error of a stream of images.

    Returns:
        True if so many images in a row were damaged that the stream ended.
    """
    return "none of the last images can be decoded" in str(error)


def _grouped(
    examples: Iterable[dict],
    group: Callable[[dict], Hashable],
    size: Callable[[dict], int],
) -> Iterator[list[dict]]:
    """Collect examples of one group until they are enough for a batch.

    If too many groups wait, the one that has waited longest goes.
    """
    waiting: dict[Hashable, list[dict]] = {}
    for example in examples:
        key = group(example)
        own = waiting.setdefault(key, [])
        own.append(example)
        if len(own) >= size(example):
            yield waiting.pop(key)
        elif len(waiting) > _WAITING:
            yield waiting.pop(next(iter(waiting)))
    yield from waiting.values()
