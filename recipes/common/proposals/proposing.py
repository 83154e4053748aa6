"""The proposals of several methods, kept in the folder of a run."""

from collections.abc import Hashable
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import NamedTuple

import tensorflow as tf

from kcv.metrics.forms import Boxes
from kcv.proposals import METHODS
from kcv.proposals import ProposalCache


class Proposed(NamedTuple):
    """The proposals of one method.

    Attributes:
        caches: Proposals of all images by their maximum number.
    """

    caches: dict[int, ProposalCache]

    def take(self, count: int) -> ProposalCache:
        """Return the proposals of which the first `count` are to be used."""
        return self.caches.get(count) or self.caches[max(self.caches)]

    def boxes(self, truth: Boxes, count: int) -> Boxes:
        """Return the first boxes of the images of a ground truth.

        Args:
            truth: Ground truth by image, see `read_truth`.
            count: Maximum number of boxes of an image.

        Returns:
            `{image_id: {"boxes": (n, 4)}}`, as the metrics take it.
        """
        cache = self.take(count)
        return {name: {"boxes": cache[str(name)][:count]} for name in truth}


def propose_images(
    folder: Path,
    method: str,
    dataset: tf.data.Dataset,
    counts: Sequence[int],
    seed: int,
) -> Proposed:
    """Compute the proposals that a folder does not have yet.

    Args:
        folder: Folder of the proposals of all methods.
        method: Name of the method, a key of `kcv.proposals.METHODS`.
        dataset: Single examples with `images` and `image_id`, one pass.
        counts: Numbers of proposals of an image that are to be used.
        seed: Seed of the random numbers.

    Returns:
        The proposals.
    """
    caches = {}
    # As in the paper, methods whose fewer proposals are not the first of more
    # run for every number.
    for count in counts if METHODS[method].reruns else [max(counts)]:
        cache = ProposalCache(folder / method / str(count), method, count, seed)
        cache.compute(dataset)
        caches[count] = cache
    return Proposed(caches)


def read_truth(dataset: tf.data.Dataset) -> Boxes:
    """Read the objects of a dataset.

    Args:
        dataset: Single examples, one pass.

    Returns:
        `{image_id: {"boxes": (n, 4), "labels": (n,), "difficult": (n,)}}`, as
        the metrics take it.
    """
    objects = dataset.map(
        lambda x: {
            "image_id": x["image_id"],
            "difficult": x["difficult"],
            **x["bounding_boxes"],
        }
    )
    truth: dict[Hashable, Any] = {}
    for example in objects.as_numpy_iterator():
        truth[example.pop("image_id").decode()] = example
    return truth
