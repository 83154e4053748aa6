"""The proposals of a data set, computed once and kept in a folder.

folder/settings.json  method, options, number and seed
folder/*              files of `kcv.proposals.store.shards`
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kcv.locks import FolderLock
from kcv.proposals.propose import propose
from kcv.proposals.store.shards import Computed
from kcv.proposals.store.shards import Shard
from kcv.proposals.store.shards import checksum
from kcv.proposals.store.shards import shards
from kcv.proposals.store.shards import write_shard
from kcv.storage import write_whole
from kcv.text_files import read_json

IMAGES_PER_SHARD = 256
# A killed run loses no more than this: a slow method needs hours for a shard.
SECONDS_PER_SHARD = 60
_SECONDS_TO_OPEN = 60


@dataclasses.dataclass(frozen=True)
class Proposing:
    """How the proposals of an image are computed.

    Attributes:
        method: Name of a method or a function, see `kcv.proposals.propose`.
        max_proposals: Maximum number of proposals of an image.
        seed: Seed of the data set.
        options: Further arguments of the method.
    """

    method: str | Callable[..., Any]
    max_proposals: int
    seed: int
    options: dict[str, Any]

    def __call__(self, image_id: str, image: np.ndarray) -> Computed:
        """Propose regions of an image (H, W, 3) in 0..255."""
        try:
            boxes = propose(
                image,
                self.method,
                self.max_proposals,
                # One seed for all would draw the same boxes in every image.
                seed=zlib.crc32(f"{self.seed}/{image_id}".encode()),
                **self.options,
            )
        except Exception as error:
            raise RuntimeError(
                f"no proposals of image {image_id!r}: {error}"
            ) from error
        return Computed(image_id, image.shape[:2], checksum(image), boxes)


@dataclasses.dataclass(frozen=True)
class KnownImages:
    """Which images the folder of a cache has.

    Attributes:
        folder: Folder of the cache.
        images: Size and checksum of each image by its id.
    """

    folder: Path
    images: dict[str, tuple[tuple[int, int], int]]

    def has(self, image_id: str, image: np.ndarray) -> bool:
        """Return whether the folder has the proposals of an image.

        Args:
            image_id: Id of the image.
            image: Image (H, W, 3).

        Returns:
            True if there are proposals of this image.

        Raises:
            ValueError: If it has those of another image of the same id.
        """
        if image_id not in self.images:
            return False
        found = self.images[image_id]
        wanted = image.shape[:2], checksum(image)
        if found != wanted:
            raise ValueError(
                f"{self.folder} was made for another image {image_id!r}: of "
                f"{found[0]} pixels with checksum {found[1]}. Received: "
                f"{wanted[0]} pixels with checksum {wanted[1]}"
            )
        return True


class ProposalCache:
    """Compute the proposals of a data set and add them to its examples.

    Args:
        folder: Folder of the proposals, created if it does not exist. An
            existing cache with the same settings is reused and extended.
        method: Name of a method or a function, see `kcv.proposals.propose`.
            Defaults to "selective_search".
        max_proposals: Maximum number of proposals of an image. Defaults to
            2000.
        seed: Seed of the random numbers of the method. Every image has random
            numbers of its own. Defaults to 0.
        **options: Further arguments of the method.

    Raises:
        ValueError: If the folder holds proposals of other settings.

    Example:

    ```python
    cache = kcv.proposals.ProposalCache("runs/voc/proposals", mode="fast")
    cache.compute(train)
    train = kcv.data.batch(kcv.data.resize(cache.attach(train)), 2)
    ```
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        method: str | Callable[..., Any] = "selective_search",
        max_proposals: int = 2000,
        seed: int = 0,
        **options: Any,
    ):
        self.folder = Path(folder)
        self.proposing = Proposing(method, max_proposals, seed, options)
        name = method if isinstance(method, str) else _name(method)
        settings = {
            "method": name,
            "max_proposals": max_proposals,
            "seed": seed,
            "options": options,
        }
        file = self.folder / "settings.json"
        # In the form in which they are read: lists for tuples.
        settings = json.loads(json.dumps(settings, default=str))
        if not file.exists():
            # Another process may be about to do the same.
            with FolderLock(self.folder, wait=_SECONDS_TO_OPEN):
                if not file.exists():
                    text = json.dumps(settings, indent=2)
                    write_whole(file, text.encode())
        found = read_json(file)
        found = found if isinstance(found, dict) else {}
        different = [k for k in settings if found.get(k) != settings[k]]
        if different:
            key = different[0]
            raise ValueError(
                f"{self.folder} holds proposals with {key}={found.get(key)!r}. "
                f"Received: {key}={settings[key]!r}. Pass another folder, or "
                "delete this one."
            )
        self.known = KnownImages(self.folder, {})
        # Where the boxes of each image are: a shard, and their place in it.
        self._places: dict[str, tuple[Shard, int]] = {}
        self._opened: set[str] = set()
        self._open_shards()

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._places)

    def __getitem__(self, image_id: str) -> np.ndarray:
        """Return the boxes of an image, (n, 4) float32 xyxy, best first.

        Raises:
            KeyError: If the cache does not have the image.
            ValueError: If the boxes are not those that were written. The
                message says which files to delete.
        """
        try:
            shard, row = self._places[image_id]
        except KeyError:
            raise KeyError(
                f"{self.folder} has no proposals of image {image_id!r}"
            ) from None
        return shard.boxes(row)

    def compute(
        self,
        dataset: tf.data.Dataset,
        threads: int | None = None,
        verbose: bool = True,
    ) -> None:
        """Compute the proposals of all images that the cache does not have.

        Args:
            dataset: Dataset of single examples with `images` (H, W, 3), 0..255,
                and `image_id`, in one pass.
            threads: Number of images that are computed in parallel. Defaults to
                None, for the number of cores.
            verbose: Whether to show a progress bar. Defaults to True.

        Raises:
            ValueError: If examples are batched or repeat forever, or an image
                occurs twice or is another one than when the cache was made.
            RuntimeError: If a method fails. The message names the image.
                Earlier results are kept.
            FolderInUseError: If another process computes the same cache.
        """
        rank = dataset.element_spec["images"].shape.rank
        count = int(dataset.cardinality())
        if rank != 3 or count == tf.data.INFINITE_CARDINALITY:
            raise ValueError(
                "`dataset` must be of single examples, in one pass: open it "
                "without a seed, and batch it afterwards. Received: images of "
                f"rank {rank}, {count} examples (-1: no end)"
            )
        threads = threads or os.cpu_count() or 1
        progress = keras.utils.Progbar(
            count if count > 0 else None,
            verbose=int(verbose),
            unit_name="image",
        )
        known, locked = set(), False
        done = []  # results that are not in a file yet
        waiting = collections.deque()
        written = time.monotonic()
        pool = concurrent.futures.ThreadPoolExecutor(threads)

        def collect(max_waiting):
            nonlocal written
            while len(waiting) > max_waiting:
                done.append(waiting.popleft().result())
                progress.add(1)
                overdue = time.monotonic() - written >= SECONDS_PER_SHARD
                if len(done) >= IMAGES_PER_SHARD or overdue:
                    self._write_shard(done)
                    done.clear()
                    written = time.monotonic()

        examples = dataset.map(lambda x: (x["image_id"], x["images"]))
        with contextlib.ExitStack() as lock:
            try:
                for image_id, image in examples.as_numpy_iterator():
                    image_id = image_id.decode()
                    if image_id in known:
                        raise ValueError(f"image {image_id!r} occurs twice")
                    known.add(image_id)
                    if not locked and not self.known.has(image_id, image):
                        # Not above: a cache that is complete may be in a
                        # folder that nobody can write to.
                        lock.enter_context(FolderLock(self.folder))
                        self._open_shards()  # What others wrote meanwhile.
                        locked = True
                    if self.known.has(image_id, image):
                        progress.add(1)
                        continue
                    waiting.append(pool.submit(self.proposing, image_id, image))
                    collect(2 * threads)
                collect(0)
            finally:
                # Results are written first: at Ctrl-C the process may end
                # before the images in work are done.
                pool.shutdown(wait=False, cancel_futures=True)
                if done:
                    self._write_shard(done)
                pool.shutdown()

    def attach(
        self, dataset: tf.data.Dataset, max_proposals: int | None = None
    ) -> tf.data.Dataset:
        """Add `proposals` to the examples of a data set.

        Args:
            dataset: Dataset of single examples as `compute` received them,
                before images are resized or flipped.
            max_proposals: Maximum number of proposals of an image, of which
                the best are taken. Defaults to None, for all.

        Returns:
            The dataset with `proposals` (n, 4) float32, xyxy in pixels.
            Iteration raises an error that names the image where the cache has
            no proposals, or those of an image of another size.
        """

        def look_up(image_id, size):
            name = image_id.decode()
            boxes = self[name]
            known, _ = self.known.images[name]
            if known != tuple(size):
                raise ValueError(
                    f"image {name!r} has size {tuple(size)}, and proposals "
                    f"for {known} in {self.folder}: attach "
                    "them before images are resized"
                )
            return np.asarray(boxes[:max_proposals])

        def attach(example):
            size = tf.shape(example["images"])[:2]
            boxes = tf.numpy_function(
                look_up,
                [example["image_id"], size],
                tf.float32,
                stateful=False,
            )
            return {**example, "proposals": tf.ensure_shape(boxes, (None, 4))}

        return dataset.map(attach, tf.data.AUTOTUNE, deterministic=True)

    def _write_shard(self, done):
        self._open_shard(write_shard(self.folder, done))

    def _open_shards(self):
        """Open the shards that were not there before."""
        for stem in shards(self.folder):
            if stem not in self._opened:
                self._open_shard(stem)

    def _open_shard(self, stem):
        shard = Shard(self.folder, stem)
        for row, (image_id, size, pixels) in enumerate(shard.images):
            self.known.images[image_id] = size, pixels
            self._places[image_id] = shard, row
        self._opened.add(stem)


def _name(function):
    return getattr(function, "__qualname__", type(function).__qualname__)
