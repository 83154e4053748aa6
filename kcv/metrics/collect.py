"""Run a detector over a dataset and bring its boxes into one form."""

import typing
from collections.abc import Iterable
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from kcv.data.transforms.inputs import model_inputs

if typing.TYPE_CHECKING:
    import keras
    import tensorflow as tf


class Detected(NamedTuple):
    """An image of a dataset, its objects, and what a detector finds in it.

    Attributes:
        image_id: Name of the image.
        truth: Objects, an entry of the first dict of `collect_detections`.
        found: Detections, an entry of the second dict.
        image: Pixels that the detector saw, without padding, (H, W, 3).
        scale: Factor from the pixels of `truth` and `found` to those of
            `image`.
    """

    image_id: str
    truth: dict[str, np.ndarray]
    found: dict[str, np.ndarray]
    image: np.ndarray
    scale: float


def collect_detections(
    model: "keras.Model",
    dataset: "tf.data.Dataset | Iterable[dict]",
    original_pixels: bool = True,
) -> tuple[dict, dict]:
    """Return the ground truth of a dataset and what a detector finds in it.

    One pass: boxes, ids and predictions come from the same batch, so a dataset
    whose order changes from pass to pass is measured rightly too.

    Args:
        model: A `keras.Model` called on `{"images", "image_sizes"}`, and on
            `proposals` where batches have them, that
            returns `boxes` (B, M, 4), `scores` (B, M), `labels` (B, M) and
            `num_detections` (B,).
        dataset: Iterable of batches as made by `kcv.data.batch`: `images`,
            `image_sizes`, `bounding_boxes` with labels padded by -1,
            `difficult`, `is_crowd`, `image_id`, and `scale` if the images
            were resized.
        original_pixels: Whether boxes are divided by `scale`, so that they are
            in pixels of the image before it was resized. If False, they are in
            pixels of the image that the model saw. Defaults to True.

    Returns:
        (ground_truth, detections), two dictionaries by image id as
        `voc_average_precision` takes them.

    Raises:
        ValueError: If an image id occurs twice, or the dataset is empty.

    Example:

    ```python
    ground_truth, detections = collect_detections(model, test_batches)
    kcv.metrics.voc_average_precision(ground_truth, detections)["voc07_map"]
    ```
    """
    ground_truth, detections = {}, {}
    for one in each_detection(model, dataset, original_pixels):
        ground_truth[one.image_id] = one.truth
        detections[one.image_id] = one.found
    return ground_truth, detections


def each_detection(
    model: "keras.Model",
    dataset: "tf.data.Dataset | Iterable[dict]",
    original_pixels: bool = True,
) -> Iterator[Detected]:
    """Run a detector over a dataset, image by image.

    Args:
        model: A `keras.Model` called on `{"images", "image_sizes"}`, and on
            `proposals` if batches have them, that returns `boxes` (B, M, 4),
            `scores` (B, M), `labels` (B, M) and `num_detections` (B,).
        dataset: Iterable of batches as made by `kcv.data.batch`, see
            `collect_detections`.
        original_pixels: Whether boxes are in pixels of the image before it was
            resized. If False, they are in pixels of the image that the model
            saw. Defaults to True.

    Yields:
        The images in the order of the dataset, each a `Detected`.

    Raises:
        ValueError: If an image id occurs twice, or the dataset is empty.

    Example:

    ```python
    for one in each_detection(model, test_batches):
        print(one.image_id, len(one.found["boxes"]))
    ```
    """
    seen = set()
    for batch in dataset:
        inputs = model_inputs(batch)
        # Under MirroredStrategy every replica is given the whole batch, and
        # the copies come one after another: the first B rows are the batch.
        found = model.predict_on_batch(inputs)
        truth = batch["bounding_boxes"]
        columns = {
            "images": batch["images"],
            "sizes": batch["image_sizes"],
            "truth_boxes": truth["boxes"],
            "truth_labels": truth["labels"],
            "difficult": batch["difficult"],
            "is_crowd": batch["is_crowd"],
            "boxes": found["boxes"],
            "scores": found["scores"],
            "labels": found["labels"],
            "count": found["num_detections"],
            "scale": batch.get("scale", np.ones(len(truth["labels"]))),
        }
        columns = {key: np.asarray(value) for key, value in columns.items()}
        for i, image_id in enumerate(np.asarray(batch["image_id"]).tolist()):
            if isinstance(image_id, bytes):
                image_id = image_id.decode()
            if image_id in seen:
                raise ValueError(
                    f"dataset: image_id {image_id!r} occurs twice; evaluate "
                    "one pass, without repeat(), over images with ids of "
                    "their own"
                )
            seen.add(image_id)
            one = {key: value[i] for key, value in columns.items()}
            scale = float(one["scale"]) if original_pixels else 1.0
            real = one["truth_labels"] >= 0
            count = int(one["count"])
            height, width = one["sizes"]
            yield Detected(
                image_id,
                {
                    "boxes": one["truth_boxes"][real] / scale,
                    "labels": one["truth_labels"][real],
                    "difficult": one["difficult"][real],
                    "is_crowd": one["is_crowd"][real],
                },
                {
                    "boxes": one["boxes"][:count] / scale,
                    "scores": one["scores"][:count],
                    "labels": one["labels"][:count],
                },
                one["images"][:height, :width],
                scale,
            )
    if not seen:
        raise ValueError("dataset: not a single batch to evaluate")
