"""Features of every region of a training set, computed once, on disk."""

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kcv.boxes import iou_matrix
from kcv.storage import write_whole

# Box regression learns from regions that overlap an object more than this, so
# pool5, which is twice as large as fc7 and more, is kept of these alone.
REGRESSION_IOU = 0.6

# Of the mean norm to which features are scaled: SVMs with the constants of
# the paper expect it.
TARGET_NORM = 20.0
# Images, and regions of each, that the mean is taken over.
_NORM_SAMPLE = 200


@dataclasses.dataclass(frozen=True)
class ImageFeatures:
    """The regions of one image: its n objects, then its proposals.

    Args:
        image_id: the image's name.
        arrays: name to array, of a dict or an open .npz file; each is read
            when it is asked for.
    """

    image_id: str
    arrays: Mapping[str, np.ndarray]

    @property
    def boxes(self) -> np.ndarray:
        """(R, 4) float32 xyxy, pixels."""
        return self.arrays["boxes"]

    @property
    def labels(self) -> np.ndarray:
        """(n,) int32, classes of the objects."""
        return self.arrays["labels"]

    @property
    def fc7(self) -> np.ndarray:
        """(R, F) float32."""
        return self.arrays["fc7"]

    @property
    def pool5_norms(self) -> np.ndarray:
        """(R,) float32."""
        return self.arrays["pool5_norms"]

    @property
    def pool5_rows(self) -> np.ndarray:
        """(r,) int64, the proposals that box regression learns from."""
        return self.arrays["pool5_rows"]

    @property
    def pool5(self) -> np.ndarray:
        """(r, G) float32, of these."""
        return self.arrays["pool5"]

    def overlaps(self) -> np.ndarray:
        """Compute the IoU of each region with each object, (R, n) float32."""
        return overlaps(self.boxes, self.labels)


def overlaps(boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute the IoU of each region with each object, which come first.

    Args:
        boxes: (R, 4) xyxy, pixels.
        labels: (n,), of the objects.

    Returns:
        (R, n) float32.
    """
    return np.asarray(iou_matrix(boxes, boxes[: len(labels)]))


class FeatureStore(Sequence):
    """Features of a data set, one file for each image.

    Args:
        folder: where they lie.
        image_ids: of the images, in the order of the data set.
    """

    def __init__(self, folder: Path, image_ids: Sequence[str]):
        self.folder = Path(folder)
        self.image_ids = list(image_ids)

    def __len__(self):
        return len(self.image_ids)

    def __getitem__(self, index):
        image_id = self.image_ids[index]
        return ImageFeatures(image_id, np.load(_file(self.folder, image_id)))

    def scale(self, kind: str, seed: int = 0) -> float:
        """Find the factor that brings features to a mean norm of 20.

        Args:
            kind: "fc7" or "pool5".
            seed: of the 200 images and 200 regions of each that are looked
                at, where there are more.
        """
        random = np.random.default_rng(seed)
        norms = []
        for index in _sample(random, len(self)):
            entry = self[index]
            own = entry.pool5_norms
            if kind == "fc7":
                own = np.linalg.norm(entry.fc7, axis=1)
            norms.append(own[_sample(random, len(own))])
        return TARGET_NORM / float(np.mean(np.concatenate(norms)))


def extract_features(
    model: keras.Model, dataset: tf.data.Dataset, folder: str | os.PathLike
) -> FeatureStore:
    """Compute fc7 and pool5 of all objects and proposals of a data set.

    A run that was killed goes on where it stopped: a file is there whole or
    not at all, and what is there is not computed again.

    Args:
        model: an `RCNN`, fine-tuned.
        dataset: batches as `kcv.data.batch` makes them, with `proposals`; one
            pass, not mirrored at random.
        folder: where the files are, or will be, 4 * F bytes for each region
            and 4 * G for each that box regression learns from.

    Returns:
        The features.

    Raises:
        ValueError: if the data set is without end or empty, an image occurs
            twice, has no proposal or one that lies outside, or the folder
            holds features of another network or of other regions.
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "dataset is without end: take(n) of it, so that there is a last "
            "image"
        )
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _check_network(folder, model)
    compute = tf.function(model.features, reduce_retracing=True)
    image_ids = []
    for batch in dataset:
        if "proposals" not in batch:
            raise ValueError(
                "dataset has no `proposals`. Received the keys "
                f"{sorted(batch)}; see kcv.proposals.ProposalCache"
            )
        regions = [_regions(batch, i) for i in range(len(batch["image_id"]))]
        names = [name for name, _, _ in regions]
        twice = set(names) & set(image_ids) or len(set(names)) < len(names)
        if twice:
            raise ValueError(
                f"dataset: an image of {names} occurs twice; pass one epoch, "
                "without repeat(), of images with ids of their own"
            )
        image_ids += names
        if all(_is_done(folder, *own) for own in regions):
            continue
        proposals = _stack([boxes for _, boxes, _ in regions])
        vectors = compute(
            {
                "images": batch["images"],
                "image_sizes": batch["image_sizes"],
                "proposals": tf.constant(proposals),
            }
        )
        fc7, pool5 = (x.numpy() for x in vectors)
        for own, fc7_of_one, pool5_of_one in zip(
            regions, fc7, pool5, strict=True
        ):
            _write(folder, *own, fc7_of_one, pool5_of_one)
    if not image_ids:
        raise ValueError("dataset: not a single image to learn from")
    return FeatureStore(folder, image_ids)


def _regions(batch, index):
    """Name, regions (objects first) and labels of one image of a batch."""
    name = batch["image_id"][index].numpy().decode()
    labels = batch["bounding_boxes"]["labels"][index].numpy()
    real = labels >= 0
    if "is_crowd" in batch:
        real &= ~batch["is_crowd"][index].numpy()
    objects = batch["bounding_boxes"]["boxes"][index].numpy()[real]
    proposals = batch["proposals"][index].numpy()
    proposals = proposals[proposals[:, 2] > proposals[:, 0]]
    if not len(proposals):
        raise ValueError(
            f"image {name!r} has no proposals: nothing to learn the "
            "background from"
        )
    height, width = batch["image_sizes"][index].numpy()
    inside = (proposals[:, :2] < [width, height]) & (proposals[:, 2:] > 0)
    outside = ~inside.all(1)
    if outside.any():
        raise ValueError(
            f"image {name!r} has {width} x {height} pixels; proposals must be "
            "in pixels of the image as it was resized. Received: proposal "
            f"{proposals[outside][0].tolist()}, which lies outside"
        )
    boxes = np.concatenate([objects, proposals]).astype(np.float32)
    return name, boxes, labels[real].astype(np.int32)


def _stack(boxes):
    """Pad the regions of each image to a common number by zeros."""
    stacked = np.zeros((len(boxes), max(map(len, boxes)), 4), np.float32)
    for row, own in zip(stacked, boxes, strict=True):
        row[: len(own)] = own
    return stacked


def _write(folder, name, boxes, labels, fc7, pool5):
    fc7, pool5 = fc7[: len(boxes)], pool5[: len(boxes)]
    overlap = overlaps(boxes, labels).max(axis=1, initial=0.0)
    overlap[: len(labels)] = 0  # the objects themselves need no regression
    rows = np.flatnonzero(overlap > REGRESSION_IOU)
    arrays = {
        "boxes": boxes,
        "labels": labels,
        "fc7": fc7,
        "pool5_norms": np.linalg.norm(pool5, axis=1),
        "pool5_rows": rows,
        "pool5": pool5[rows],
    }
    write_whole(_file(folder, name), lambda path: np.savez(path, **arrays))


def _is_done(folder, name, boxes, labels):
    file = _file(folder, name)
    if not file.exists():
        return False
    with np.load(file) as arrays:
        same = np.array_equal(arrays["boxes"], boxes)
        same &= np.array_equal(arrays["labels"], labels)
    if not same:
        raise ValueError(
            f"{folder} holds features of other regions of image {name!r} than "
            "those of the data set. Give another folder, or remove it"
        )
    return True


def _check_network(folder, model):
    """Make sure that all features of a folder are of one network."""
    digest = hashlib.sha256()
    for part in (model.parts.trunk, model.parts.head):
        for weight in part.get_weights():
            digest.update(np.ascontiguousarray(weight).view(np.uint8))
    text = f"context {model.context}\nweights {digest.hexdigest()}\n"
    file = folder / "network.txt"
    if file.exists() and file.read_text() != text:
        raise ValueError(
            f"{folder} holds features of another network, or of the same "
            "before it was trained further. Give another folder, or remove it"
        )
    write_whole(file, text.encode())


def _file(folder, image_id):
    # Ids may hold slashes, and be longer than a name may be.
    name = hashlib.sha256(image_id.encode()).hexdigest()[:32]
    return Path(folder) / f"{name}.npz"


def _sample(random, count):
    return random.permutation(count)[:_NORM_SAMPLE]
