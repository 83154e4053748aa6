"""The proposals of a data set, computed once and kept in a folder.

    folder/settings.json     method, options, number and seed
    folder/00000.images.npz  ids, sizes and checksums of some hundred images
    folder/00000.boxes.npy   their boxes, one below the other

Boxes are written before the images that they belong to, each file under
another name first: a cache whose making was killed is a shorter one.
"""

import collections
import concurrent.futures
import itertools
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kcv.data.validation import check_boxes
from kcv.proposals.propose import as_rgb
from kcv.proposals.propose import propose

IMAGES_PER_SHARD = 256


class _Entry(NamedTuple):
    """What is kept of an image."""

    size: tuple[int, int]  # height, width
    checksum: int  # of its pixels
    boxes: np.ndarray  # (n, 4) float32, in a file


class ProposalCache:
    """Compute the proposals of a data set and give them to its examples.

    Args:
        folder: Where they are kept; made when needed. An earlier cache with
            the same settings is gone on with.
        method: Of `kcv.proposals.propose`, or a function from an image
            (H, W, 3) uint8 to boxes (n, 4) xyxy, best first: a region
            proposal network, for example.
        max_proposals: Of an image, at most.
        seed: Of what the method draws; every image draws its own.
        **options: Of the method.

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
        method: str | Callable[[np.ndarray], np.ndarray] = "selective_search",
        max_proposals: int = 2000,
        seed: int = 0,
        **options: Any,
    ):
        self.folder = Path(folder)
        self.method = method
        self.max_proposals = max_proposals
        self.seed = seed
        self.options = options
        name = method if isinstance(method, str) else _name(method)
        settings = {
            "method": name,
            "max_proposals": max_proposals,
            "seed": seed,
            "options": options,
        }
        file = self.folder / "settings.json"
        # As they come back: lists for tuples.
        settings = json.loads(json.dumps(settings, default=str))
        if file.exists():
            found = json.loads(file.read_text("utf-8"))
            different = [k for k in settings if found.get(k) != settings[k]]
            if different:
                key = different[0]
                raise ValueError(
                    f"{self.folder} holds proposals with {key}="
                    f"{found.get(key)!r}, not {key}={settings[key]!r}. Give "
                    "another folder, or delete this one."
                )
        else:
            self.folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(settings, indent=2)
            _write(file, lambda out: out.write(text.encode()))
        self._entries = {}
        for shard in sorted(self.folder.glob("*.images.npz")):
            self._read(shard)

    def __len__(self) -> int:
        """Count the images."""
        return len(self._entries)

    def __getitem__(self, image_id: str) -> np.ndarray:
        """Give the boxes of an image, (n, 4) float32 xyxy, best first."""
        try:
            return self._entries[image_id].boxes
        except KeyError:
            raise KeyError(
                f"{self.folder} has no proposals of image {image_id!r}"
            ) from None

    def compute(
        self,
        dataset: tf.data.Dataset,
        threads: int | None = None,
        verbose: bool = True,
    ) -> None:
        """Compute what is not there yet.

        Args:
            dataset: Of single examples with `images` (H, W, 3), 0..255, and
                `image_id`, one pass.
            threads: Images at a time; by default as many as there are cores.
                The methods of kcv run side by side in threads.
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If an image occurs twice or is another one than when
                the cache was made.
            RuntimeError: If a method fails, naming the image.
        """
        threads = threads or os.cpu_count() or 1
        count = int(dataset.cardinality())
        progress = keras.utils.Progbar(
            count if count > 0 else None,
            verbose=int(verbose),
            unit_name="image",
        )
        known = set()
        done = []  # (id, size, checksum, boxes) not in a file yet
        waiting = collections.deque()

        def collect(least):
            while len(waiting) > least:
                done.append(waiting.popleft().result())
                progress.add(1)
            if len(done) >= IMAGES_PER_SHARD:
                self._write_shard(done)
                done.clear()

        examples = dataset.map(lambda x: (x["image_id"], x["images"]))
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            for image_id, image in examples.as_numpy_iterator():
                image_id = image_id.decode()
                if image_id in known:
                    raise ValueError(f"image {image_id!r} occurs twice")
                known.add(image_id)
                if image_id in self._entries:
                    self._check(image_id, image)
                    progress.add(1)
                    continue
                waiting.append(pool.submit(self._compute_one, image_id, image))
                collect(2 * threads)
            collect(0)
        if done:
            self._write_shard(done)

    def attach(
        self, dataset: tf.data.Dataset, max_proposals: int | None = None
    ) -> tf.data.Dataset:
        """Add `proposals` to the examples of a data set.

        Args:
            dataset: Of single examples as `compute` has seen them: before
                images are resized or flipped.
            max_proposals: The best of each image; None is all.

        Returns:
            The dataset, whose examples have `proposals` (n, 4) float32 xyxy in
            pixels. Iteration raises an error, naming the image, where the
            cache has none or an image of another size.
        """

        def look_up(image_id, size):
            name = image_id.decode()
            boxes = self[name]
            if self._entries[name].size != tuple(size):
                raise ValueError(
                    f"image {name!r} has size {tuple(size)}, and proposals "
                    f"for {self._entries[name].size} in {self.folder}: attach "
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

    def _compute_one(self, image_id, image):
        try:
            if isinstance(self.method, str):
                boxes = propose(
                    image,
                    self.method,
                    self.max_proposals,
                    # Its own, or chance would be the same in every image.
                    seed=zlib.crc32(f"{self.seed}/{image_id}".encode()),
                    **self.options,
                )
            else:
                boxes = self.method(as_rgb(image), **self.options)
            boxes = np.asarray(boxes, np.float32)[: self.max_proposals]
            boxes = check_boxes(
                boxes,
                np.zeros(len(boxes), int),
                classes=1,
                name="proposals",
                size=image.shape[:2],
            )
        except Exception as error:
            raise RuntimeError(
                f"no proposals of image {image_id!r}: {error}"
            ) from error
        return image_id, image.shape[:2], _checksum(image), boxes

    def _check(self, image_id, image):
        entry = self._entries[image_id]
        if (image.shape[:2], _checksum(image)) != entry[:2]:
            raise ValueError(
                f"{self.folder} was made for another image {image_id!r}: of "
                f"{entry.size} pixels with checksum {entry.checksum}, not "
                f"{image.shape[:2]} with {_checksum(image)}"
            )

    def _write_shard(self, done):
        ids, sizes, checksums, boxes = zip(*done, strict=True)
        stem = next(
            stem
            for stem in map("{:05d}".format, itertools.count())
            if not (self.folder / f"{stem}.images.npz").exists()
        )
        together = np.concatenate(boxes)
        _write(
            self.folder / f"{stem}.boxes.npy",
            lambda out: np.save(out, together),
        )
        file = self.folder / f"{stem}.images.npz"
        _write(
            file,
            lambda out: np.savez(
                out,
                ids=np.array(ids),
                sizes=np.array(sizes, np.int32),
                checksums=np.array(checksums, np.uint32),
                counts=np.array([len(own) for own in boxes]),
            ),
        )
        self._read(file)

    def _read(self, file):
        with np.load(file) as images:
            columns = [
                images[key].tolist()
                for key in ("ids", "sizes", "checksums", "counts")
            ]
        stem = file.name.removesuffix(".images.npz")
        # Of all of COCO 4 GB: what is not used stays in the file.
        boxes = np.load(file.with_name(f"{stem}.boxes.npy"), mmap_mode="r")
        start = 0
        for image_id, size, checksum, count in zip(*columns, strict=True):
            own = boxes[start : start + count]
            self._entries[image_id] = _Entry(tuple(size), checksum, own)
            start += count


def _name(function):
    return getattr(function, "__qualname__", type(function).__qualname__)


def _checksum(image):
    return zlib.crc32(np.ascontiguousarray(image))


def _write(file, write):
    """Write under another name and rename: a killed run leaves no half."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with open(temporary, "wb") as out:
            write(out)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
