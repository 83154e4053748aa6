"""Features of every region of a training set, computed once, on disk.

Shapes: R regions of an image (its n objects, then its proposals), r of which
box regression learns from, F features of fc7 and G of pool5.
"""

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
from kcv.locks import FolderLock
from kcv.storage import write_whole

# Box regression learns from regions whose IoU with an object is above this.
# pool5, which is more than twice as large as fc7, is kept for these alone.
REGRESSION_IOU = 0.6

# The mean norm to which features are scaled: SVMs with the constants of the
# paper expect it.
TARGET_NORM = 20.0
# The mean is taken over so many images, and so many regions of each.
_NORM_SAMPLE = 200


@dataclasses.dataclass(frozen=True)
class ImageFeatures:
    """The regions of one image: its n objects, then its proposals.

    Args:
        image_id: Name of the image.
        arrays: Arrays by name, in a dict or an open .npz file, from which each
            is read when it is needed.
    """

    image_id: str
    arrays: Mapping[str, np.ndarray]

    @property
    def boxes(self) -> np.ndarray:
        """Boxes of the regions, (R, 4) float32 xyxy in pixels."""
        return self.arrays["boxes"]

    @property
    def labels(self) -> np.ndarray:
        """Labels of the objects, (n,) int32."""
        return self.arrays["labels"]

    @property
    def fc7(self) -> np.ndarray:
        """Features of all regions, (R, F) float32."""
        return self.arrays["fc7"]

    @property
    def pool5_norms(self) -> np.ndarray:
        """Norms of pool5 of all regions, (R,) float32."""
        return self.arrays["pool5_norms"]

    @property
    def pool5_rows(self) -> np.ndarray:
        """Indices of the regions that box regression learns from, (r,)."""
        return self.arrays["pool5_rows"]

    @property
    def pool5(self) -> np.ndarray:
        """Features of the regions in `pool5_rows`, (r, G) float32."""
        return self.arrays["pool5"]

    @property
    def object_pool5(self) -> np.ndarray:
        """Features of the objects, (n, G) float32."""
        return self.arrays["object_pool5"]

    def overlaps(self) -> np.ndarray:
        """Compute the IoU of each region with each object.

        Returns:
            IoU (R, n) in [0, 1], float32.
        """
        return overlaps(self.boxes, self.labels)


def overlaps(boxes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute the IoU of each region with each object, which come first.

    Args:
        boxes: Regions (R, 4) xyxy in pixels, objects first.
        labels: Labels (n,) of the objects.

    Returns:
        IoU (R, n) float32.
    """
    return np.asarray(iou_matrix(boxes, boxes[: len(labels)]))


class FeatureStore(Sequence):
    """Features of a data set, one file for each image.

    Args:
        folder: Folder that `extract_features` has filled.
        image_ids: Names of the images, in the order of the data set.
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
        """Compute the factor that scales features to a mean norm of 20.

        Args:
            kind: "fc7" or "pool5".
            seed: Seed of the random sample of 200 images and 200 regions of
                each that the mean is taken over. Defaults to 0.

        Returns:
            The factor.
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

    A run that was killed continues where it stopped: files are written whole
    or not at all, and a file that exists is not computed again.

    Args:
        model: A fine-tuned `RCNN`.
        dataset: One pass over batches as `kcv.data.batch` makes them, with
            `proposals`, not mirrored at random.
        folder: Folder of the files. It takes 4 * F bytes for each region and
            4 * G for each object and each region that box regression learns
            from.

    Returns:
        The features.

    Raises:
        ValueError: If the data set is infinite or empty, an image occurs
            twice, has no proposals or one that lies outside, or the folder
            holds features of another network or of other regions, or a
            damaged file.
        FolderInUseError: If another process writes to the folder.
    """
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "`dataset` must be finite: use `dataset.take(n)`. Received: an "
            "infinite data set"
        )
    with FolderLock(folder):
        return _extract_features(model, dataset, Path(folder))


def _extract_features(model, dataset, folder):
    _check_network(folder, model)
    compute = tf.function(model.features, reduce_retracing=True)
    image_ids = []
    for batch in dataset:
        if "proposals" not in batch:
            raise ValueError(
                "`dataset` must have `proposals`, see "
                f"`kcv.proposals.ProposalCache`. Received: {sorted(batch)}"
            )
        regions = [_regions(batch, i) for i in range(len(batch["image_id"]))]
        names = [name for name, _, _ in regions]
        twice = set(names) & set(image_ids) or len(set(names)) < len(names)
        if twice:
            raise ValueError(
                "`dataset` must be one epoch, without `repeat()`, of images "
                f"with unique ids. Received: an image of {names} twice"
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
        raise ValueError("`dataset` must have images. Received: none")
    return FeatureStore(folder, image_ids)


def _regions(batch, index):
    """Return name, regions (objects first) and labels of one image."""
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
            f"`proposals` of image {name!r} must not be empty: the background "
            "is learned from them"
        )
    height, width = batch["image_sizes"][index].numpy()
    inside = (proposals[:, :2] < [width, height]) & (proposals[:, 2:] > 0)
    outside = ~inside.all(1)
    if outside.any():
        raise ValueError(
            f"`proposals` of image {name!r} must be in pixels of the image as "
            f"it was resized, {width} x {height}. Received: "
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
    overlap[: len(labels)] = 0  # objects need no regression
    rows = np.flatnonzero(overlap > REGRESSION_IOU)
    arrays = {
        "boxes": boxes,
        "labels": labels,
        "fc7": fc7,
        "pool5_norms": np.linalg.norm(pool5, axis=1),
        "pool5_rows": rows,
        "pool5": pool5[rows],
        "object_pool5": pool5[: len(labels)],
    }
    write_whole(_file(folder, name), lambda file: np.savez(file, **arrays))


def _is_done(folder, name, boxes, labels):
    file = _file(folder, name)
    if not file.exists():
        return False
    try:
        # NumPy leaves a file open that it cannot read.
        with open(file, "rb") as content, np.load(content) as arrays:
            same = np.array_equal(arrays["boxes"], boxes)
            same &= np.array_equal(arrays["labels"], labels)
            whole = "object_pool5" in arrays
    except Exception as error:  # NumPy and zipfile raise a dozen kinds
        raise ValueError(
            f"{file} is damaged: {error}. Delete it, and the features of image "
            f"{name!r} are computed again."
        ) from error
    if not same:
        raise ValueError(
            f"`folder` must hold features of the data set's regions: remove "
            f"it, or choose another one. Received: folder={str(folder)!r}, "
            f"which has other regions for image {name!r}"
        )
    return whole


def _check_network(folder, model):
    """Check that all features of a folder are of one network."""
    digest = hashlib.sha256()
    for part in (model.parts.trunk, model.parts.head):
        for weight in part.get_weights():
            digest.update(np.ascontiguousarray(weight).view(np.uint8))
    text = f"context {model.context}\nweights {digest.hexdigest()}\n"
    file = folder / "network.txt"
    if file.exists() and file.read_text() != text:
        raise ValueError(
            f"`folder` must hold features of this network: remove it, or "
            f"choose another one. Received: folder={str(folder)!r}, which has "
            "features of another network, or of this one before it was "
            "trained further"
        )
    write_whole(file, text.encode())


def _file(folder, image_id):
    # Ids may contain slashes, and may be longer than a file name can be.
    name = hashlib.sha256(image_id.encode()).hexdigest()[:32]
    return Path(folder) / f"{name}.npz"


def _sample(random, count):
    return random.permutation(count)[:_NORM_SAMPLE]
