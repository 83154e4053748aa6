"""Mask proposals of several systems, measured on the same images."""

import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

import kcv
from kcv.masks import MaskProposals
from kcv.proposals import Proposals
from kcv.proposals import propose
from kcv.visualize import segmentation_gallery

# Published average recall on COCO 2014, the first 5,000 images of val, of
# masks and of boxes (Pinheiro et al. 2015 and 2016). DeepMask's masks are those
# of ResNet-50, its boxes those of VGG-A.
PAPERS = {
    "mcg": {"segm": (0.077, 0.186), "bbox": (0.101, 0.246)},
    "DeepMask": {"segm": (0.144, 0.258), "bbox": (0.153, 0.313)},
    "SharpMask": {"segm": (0.156, 0.276), "bbox": (0.197, 0.364)},
}
COUNTS = (10, 100)
# Images of the page.
_SHOWN = 6


class Measured(NamedTuple):
    """What a system finds in held-out images.

    Attributes:
        recall: Result of `kcv.metrics.mask_average_recall`.
        seconds: Median time of an image.
    """

    recall: dict[str, float]
    seconds: float


def name_system(method: str | MaskProposals) -> str:
    """Return the name of a method or of the class of a model."""
    if isinstance(method, str):
        return method
    return type(method.model).__name__


def measure_system(
    method: str | MaskProposals, test: tf.data.Dataset, max_proposals: int
) -> Measured:
    """Measure the masks of a system.

    Args:
        method: Name of a method of `kcv.proposals` that has masks, or a mask
            model as `MaskProposals`.
        test: Held-out single examples with `instance_masks`, one pass.
        max_proposals: Number of proposals of an image.

    Returns:
        The measures.

    Raises:
        ValueError: If the method has no masks.
    """
    find = _finder(method, max_proposals)
    truth, found, seconds = {}, {}, []
    for number, example in enumerate(test):
        image = example["images"].numpy()
        if not number:
            find(image)  # Traces and compiles, which is not timed.
        clock = time.perf_counter()
        proposals = find(image)
        seconds.append(time.perf_counter() - clock)
        if proposals.masks is None:
            raise ValueError(
                "`methods` must have masks. Received: "
                f"{name_system(method)!r}, which has boxes alone"
            )
        masks = proposals.masks[:max_proposals].to_dense()
        image_id = example["image_id"].numpy().decode()
        found[image_id] = {"masks": kcv.metrics.encode_masks(masks)}
        truth[image_id] = {
            "masks": kcv.metrics.encode_masks(
                example["instance_masks"].numpy()
            ),
            "difficult": example["difficult"].numpy(),
            "is_crowd": example["is_crowd"].numpy(),
        }
    recall = kcv.metrics.mask_average_recall(
        truth, found, _counts(max_proposals)
    )
    return Measured(recall, float(np.median(seconds)))


def table_row(name: str, measured: Measured) -> dict[str, Any]:
    """Make the row of a system, the papers' figures beside ours.

    Args:
        name: Name of the system.
        measured: Its measures.

    Returns:
        Dict from column to value.
    """
    row: dict[str, Any] = {"system": name}
    for kind, title in (("segm", "mask"), ("bbox", "box")):
        for place, count in enumerate(COUNTS):
            value = measured.recall.get(f"{kind}_ar{count}")
            row[f"{title} AR@{count}"] = "-" if value is None else value
            published = PAPERS.get(name, {}).get(kind)
            row[f"paper, {title} AR@{count}"] = (
                "-" if published is None else published[place]
            )
        row[f"{title} AUC"] = measured.recall[f"{kind}_auc"]
    row["seconds per image"] = measured.seconds
    return row


def draw_masks(
    systems: Sequence[str | MaskProposals],
    test: tf.data.Dataset,
    max_proposals: int,
) -> Figure:
    """Draw the objects of some images, and the best masks of all systems.

    Args:
        systems: Names of methods, and mask models as `MaskProposals`.
        test: Held-out single examples with `instance_masks`, one pass.
        max_proposals: Number of proposals of an image.

    Returns:
        Matplotlib figure.
    """
    examples = [
        example
        for example in test.take(2 * _SHOWN).as_numpy_iterator()
        if len(example["instance_masks"])
    ][:_SHOWN]
    rows = []
    for example in examples:
        objects = example["instance_masks"]
        row = {
            "image": example["images"],
            "objects": cover_objects(objects, objects),
        }
        for system in systems:
            masks = _finder(system, max_proposals)(example["images"]).masks
            dense = masks[:max_proposals].to_dense() if masks else objects[:0]
            row[name_system(system)] = cover_objects(objects, dense)
        rows.append(row)
    return segmentation_gallery(rows)


def cover_objects(objects: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Lay the masks of highest IoU with some objects into a label map.

    Args:
        objects: Masks (n, H, W) of the objects.
        masks: Masks (m, H, W) of the proposals.

    Returns:
        Label map (H, W) uint8: the numbers of the objects from 1, and 0.
    """
    labels = np.zeros(objects.shape[1:], np.uint8)
    for number, own in enumerate(objects, start=1):
        if not len(masks):
            break
        repeated = np.repeat(own[None], len(masks), 0)
        best = kcv.metrics.mask_iou(masks, repeated).argmax()
        labels[masks[best] > 0] = number
    return labels


def _counts(max_proposals: int) -> list[int]:
    return [count for count in COUNTS if count < max_proposals] + [
        max_proposals
    ]


def _finder(
    method: str | MaskProposals, max_proposals: int
) -> Callable[[np.ndarray], Proposals]:
    if not isinstance(method, str):
        return method
    return lambda image: propose(
        image, method, max_proposals, return_proposals=True
    )
