"""Repeatability of methods, measured on changed images."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf

import kcv
from kcv.metrics import IDENTITY_AMOUNTS
from kcv.metrics import PERTURBATIONS
from kcv.metrics import Perturbed
from kcv.proposals import ProposalCache

Change = tuple[str, float | None]

#: The image itself, proposed with other random numbers.
AGAIN = "again"


class Changed(NamedTuple):
    """A changed image.

    Attributes:
        image_id: Name of the changed image.
        reference: Name of the image that its proposals are compared with.
        change: Text of the change, such as "scale 0.5".
        perturbed: The image, and the homography from the reference.
    """

    image_id: str
    reference: str
    change: str
    perturbed: Perturbed


def name_change(kind: str, amount: float | None) -> str:
    """Return the text of a change, such as "scale 0.5"."""
    number = "lossless" if amount is None else f"{amount:g}"
    return f"{kind.replace('_', ' ')} {number}"


def all_changes() -> tuple[Change, ...]:
    """List the changes of the paper that change something."""
    return tuple(
        (kind, amount)
        for kind, amounts in PERTURBATIONS.items()
        for amount in amounts
        if amount != IDENTITY_AMOUNTS[kind]
    )


def change_image(
    image_id: str, image: np.ndarray, changes: Sequence[Change]
) -> Iterator[Changed]:
    """Change an image in many ways.

    Args:
        image_id: Name of the image.
        image: Image (H, W, 3) uint8.
        changes: Kind and amount of each change, see `kcv.metrics.perturb`.

    Yields:
        The references, which are their own, the image once more, and the
        changed images.
    """
    references = {}
    for kind in {kind: None for kind, _ in changes}:
        identity = kcv.metrics.perturb(image, kind, IDENTITY_AMOUNTS[kind])
        # Rotated images are compared with a part of the image.
        cropped = identity.image.shape != image.shape
        references[kind] = f"{image_id}/cropped" if cropped else image_id
        if cropped:
            yield Changed(references[kind], references[kind], "", identity)
    same = Perturbed(image, np.eye(3))
    yield Changed(image_id, image_id, "", same)
    yield Changed(f"{image_id}/{AGAIN}", image_id, AGAIN, same)
    for kind, amount in changes:
        text = name_change(kind, amount)
        changed = kcv.metrics.perturb(image, kind, amount)
        yield Changed(f"{image_id}/{text}", references[kind], text, changed)


def change_images(
    images: tf.data.Dataset, changes: Sequence[Change]
) -> tf.data.Dataset:
    """Change all images of a dataset.

    Args:
        images: Single examples with `images` and `image_id`, one pass.
        changes: Kind and amount of each change.

    Returns:
        Single examples with `images` and `image_id`, one pass.
    """

    def generate():
        for changed in _changed(images, changes):
            yield {
                "images": changed.perturbed.image,
                "image_id": changed.image_id,
            }

    return tf.data.Dataset.from_generator(
        generate,
        output_signature={
            "images": tf.TensorSpec((None, None, 3), tf.uint8),
            "image_id": tf.TensorSpec((), tf.string),
        },
    )


def measure_repeatability(
    images: tf.data.Dataset, changes: Sequence[Change], cache: ProposalCache
) -> dict[str, float]:
    """Compare the proposals of changed images with those of the references.

    Args:
        images: Single examples with `images` and `image_id`, one pass.
        changes: Kind and amount of each change.
        cache: Proposals of what `change_images` returns.

    Returns:
        Repeatability by the text of the change. `AGAIN` is that of the image
        itself with other random numbers, 1 for methods that use none.
    """
    sizes: dict[str, tuple[int, int]] = {}
    repeated: dict[str, list] = {}
    for changed in _changed(images, changes):
        size = changed.perturbed.image.shape[:2]
        if not changed.change:
            sizes[changed.image_id] = size
            continue
        found = kcv.metrics.repeated_overlaps(
            cache[changed.reference],
            cache[changed.image_id],
            changed.perturbed.homography,
            sizes[changed.reference],
            size,
        )
        repeated.setdefault(changed.change, []).append(found)
    return {
        change: kcv.metrics.repeatability(found)["repeatability"]
        for change, found in repeated.items()
    }


def _changed(images: tf.data.Dataset, changes) -> Iterator[Changed]:
    few = images.map(lambda x: {k: x[k] for k in ("images", "image_id")})
    example: dict[str, Any]
    for example in few.as_numpy_iterator():
        name = example["image_id"].decode()
        yield from change_image(name, example["images"], changes)
