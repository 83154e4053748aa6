"""Classification datasets by the name that a command line gives them."""

import logging
from pathlib import Path
from typing import Any

from kcv.data.embedded.digits import digits
from kcv.data.embedded.scenes.material import DIGIT_CLASSES
from kcv.data.embedded.scenes.material import digit_cells
from kcv.data.formats.folders import visible
from kcv.data.formats.idx import idx_class_names
from kcv.data.formats.idx import read_idx
from kcv.data.formats.image_folder import LabelledFiles
from kcv.data.formats.image_folder import read_image_folder
from kcv.data.formats.shards import Shards
from kcv.data.formats.tfds import tfds_classification
from kcv.data.sources.names import parse_name
from kcv.data.sources.voc_lists import find_pair
from kcv.data.sources.voc_lists import voc_name
from kcv.data.streams.arrays import choose
from kcv.data.streams.arrays import stream
from kcv.data.streams.holdout import keep_files_apart
from kcv.data.streams.holdout import source_split
from kcv.data.streams.holdout import take_split
from kcv.data.streams.holdout import take_validation
from kcv.data.streams.holdout import validation_rule
from kcv.examples import DataSet

_LOG = logging.getLogger(__name__)
# Folders of class folders, to train on and to hold out.
_FOLDERS = (("train", "test"), ("train", "val"))
#: Held-out splits of the sets of TFDS. ImageNet's test labels are not public.
TFDS_TEST = {
    "mnist": "test",
    "fashion_mnist": "test",
    "cifar10": "test",
    "cifar100": "test",
    "imagenet2012": "validation",
}
_FORMS = (
    "digits",
    *TFDS_TEST,
    "idx:FOLDER",
    "folder:TRAIN",
    "folder:TRAIN:TEST",
    "shards:FOLDER",
)
# What an example has.
_KEYS = ("images", "labels", "image_id")


def load_classification(
    source: str = "digits",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
    validation: float = 0.0,
) -> DataSet:
    """Open a classification set by its name, or one's own by its path.

    Training and held-out images never meet. Of "folder:TRAIN", a fifth of each
    class is held out, drawn by the names of its images, and a log line says so.
    If the folder has the folders train and test, val or valid instead of
    classes, they are the parts.

    Args:
        source: "digits", "mnist", "fashion_mnist", "cifar10", "cifar100",
            "imagenet2012", "idx:FOLDER" (MNIST's files), "folder:TRAIN" or
            "folder:TRAIN:TEST" (folders of class folders), or "shards:FOLDER"
            (files of `python -m kcv shard`). Defaults to "digits".
        split: "train", "validation" or "test" (held out). Defaults to "train".
        seed: Integer that determines the shuffling. Every epoch has a different
            order, the stream repeats forever, and example number p is a pure
            function of (source, seed, p). If None, the examples are read once,
            in order. Defaults to None.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended. If
            None, they are only logged. Defaults to None.
        validation: Part of the training images that "validation" has, and
            "train" does not have. It is the same in every run. Of sets of
            TFDS it is evenly spaced. Of other sets it is drawn from each class
            by the names or numbers of images. Float in [0, 1). Defaults to 0.

    Returns:
        `DataSet` (dataset, class_names, size). Examples have `images` (H, W,
        C) uint8, `labels` () int32 and `image_id` () string.

    Raises:
        ValueError: If `source`, `split` or `validation` is not supported,
            or files are damaged.
        FileNotFoundError: If files are missing.
        ImportError: If the set comes from TFDS and `kcv[data]` is not
            installed.

    Example:

    ```python
    dataset, names, size = kcv.data.load_classification("folder:flowers")
    ```
    """
    own = source_split(split, validation)
    kind, paths = parse_name(source, _FORMS)
    if kind == "digits":
        dataset = digits(split, seed=seed, start=start, validation=validation)
        chosen = choose(digit_cells(own)[1], split, validation)
        return DataSet(dataset, DIGIT_CLASSES, len(chosen))
    if kind == "idx":
        images, labels = read_idx(paths[0], own)
        chosen = choose(labels, split, validation)
        dataset = stream(images, labels, own, seed, start, chosen)
        return DataSet(dataset, idx_class_names(paths[0]), len(chosen))
    options: dict[str, Any] = {
        "seed": seed,
        "start": start,
        "on_error": on_error,
        "skipped": skipped,
    }
    if kind == "shards":
        shards = take_validation(Shards(paths[0], own), split, validation)
        return shards.data_set(**options, keys=_KEYS)
    if kind == "folder":
        found = take_validation(_folder(own, *paths), split, validation)
        return found.data_set(**options)
    options["belongs"] = validation_rule(split, validation)
    own = "train" if own == "train" else TFDS_TEST[kind]
    return tfds_classification(kind, own, **options)


def classification_files(source: str, split: str) -> LabelledFiles | None:
    """List the files of a folder of class folders, without the pixels.

    Args:
        source: Name of a set, see `load_classification`.
        split: "train" or "test" (held out).

    Returns:
        The `LabelledFiles`, or None if the set is not a folder.
    """
    kind, paths = parse_name(source, _FORMS)
    return _folder(split, *paths) if kind == "folder" else None


def _folder(split: str, train: str, test: str | None = None) -> LabelledFiles:
    if test is None:
        parts = _parts(Path(train))
        if parts is None:
            return take_split(read_image_folder(train), split)
        train, test = parts
        _LOG.warning("Training on %s, and holding out %s.", train, test)
    files = read_image_folder(train)
    others = read_image_folder(test, files.class_names)
    keep_files_apart(files, others, f"{train} and {test}")
    return files if split == "train" else others


def _parts(folder: Path) -> tuple[str, str] | None:
    """Find folders of training and of held-out images, in place of classes."""
    names = [path.name for path in visible(folder) if path.is_dir()]
    pair = find_pair(names, _FOLDERS)
    # A class may have the name "train", but then it is not alone.
    if pair is None or not {*map(voc_name, names)} <= {"train", "val", "test"}:
        return None
    return str(folder / pair[0]), str(folder / pair[1])
