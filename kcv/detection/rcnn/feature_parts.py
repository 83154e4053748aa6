"""Features of R-CNN that many machines compute, by Apache Beam."""

import dataclasses
import functools
import json
import os
import threading
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from kcv.detection.rcnn.features import FeatureStore
from kcv.detection.rcnn.features import _extract_features
from kcv.locks import FolderLock
from kcv.parts import PartFiles
from kcv.parts import do_parts
from kcv.parts import keep_settings
from kcv.parts import read_options

_loading = threading.Lock()


def extract_features_by_beam(
    model: str | os.PathLike,
    batches: Callable[[int], tf.data.Dataset],
    parts: int,
    folder: str | os.PathLike,
    flags: Sequence[str] = (),
) -> FeatureStore:
    """Compute the features of a data set in parts, on many machines.

    The folder then has what `extract_features` would have written, so that
    `train_rcnn` with this folder computes nothing again. A run that was stopped
    continues with the parts that are missing.

    Args:
        model: Path of the `.keras` file of a fine-tuned `RCNN`, which all
            workers can read.
        batches: Function from the number of a part to the batches of its
            images, see `extract_features`. It is pickled and called by the
            workers. No image may be in two parts.
        parts: Number of parts. Some hundred images in each are a good size.
        folder: Folder of the features, which all workers can write to.
        flags: Options of the pipeline, as on a command line. Defaults to none,
            for one process of this machine.

    Returns:
        The features, in the order of the parts.

    Raises:
        ImportError: If `kcv[beam]` is not installed.
        ValueError: If an image is in two parts, or the folder has other parts.
        FolderInUseError: If another process writes to the folder.
        Exception: What the runner raises if a worker finds a mistake, see
            `extract_features`.

    Example:

    ```python
    def batches(number):
        images = kcv.data.load_detection("voc:VOC2007").dataset
        own = images.skip(500 * number).take(500)
        cache = kcv.proposals.ProposalCache("/nfs/boxes")
        return kcv.data.batch(cache.attach(own), 2)

    extract_features_by_beam("/nfs/rcnn.keras", batches, 11, "/nfs/features")
    ```
    """
    if int(parts) != parts or parts < 1:
        raise ValueError(
            f"`parts` must be a positive integer. Received: parts={parts}"
        )
    options = read_options(flags)
    folder = Path(folder).absolute()
    files = PartFiles(folder, parts, ".json", "images")
    work = _FeatureWork(Path(model).absolute(), batches, folder)
    with FolderLock(folder):
        keep_settings(folder, {"model": str(work.model), "parts": parts})
        do_parts(work, range(parts), files, options)
    image_ids = [
        image_id
        for number in range(parts)
        for image_id in json.loads(files.file(number).read_bytes())
    ]
    twice = len(image_ids) - len({*image_ids})
    if twice:
        raise ValueError(
            f"`batches` must have no image in two parts. Received: {twice} "
            "images twice"
        )
    return FeatureStore(folder, image_ids)


@dataclasses.dataclass(frozen=True)
class _FeatureWork:
    """Write the features of a part, and list its images."""

    model: Path
    batches: Callable[[int], tf.data.Dataset]
    folder: Path

    def __call__(self, number: int, part: int) -> bytes:
        with _loading:
            model = _load(self.model)
        store = _extract_features(model, self.batches(part), self.folder)
        return json.dumps(store.image_ids).encode()


@functools.lru_cache(1)
def _load(file: Path):
    return keras.saving.load_model(file, compile=False)
