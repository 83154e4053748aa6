"""Sets of plain images by the name that a command line gives them."""

import collections
from pathlib import Path

from kcv.data.embedded.scenes.material import PHOTOGRAPHS
from kcv.data.embedded.scenes.material import RAW
from kcv.data.formats.folders import find_files
from kcv.data.formats.image_folder import LabelledFiles
from kcv.data.formats.shards import Shards
from kcv.data.sources.names import parse_name
from kcv.data.streams.holdout import keep_files_apart
from kcv.data.streams.holdout import source_split
from kcv.data.streams.holdout import take_split
from kcv.data.streams.holdout import take_validation
from kcv.examples import DataSet
from kcv.text_files import path_text

_FORMS = ("photographs", "folder:PATH", "folder:TRAIN:TEST", "shards:FOLDER")
# What an example has.
_KEYS = ("images", "image_id")


def load_images(
    source: str = "photographs",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
    validation: float = 0.0,
) -> DataSet:
    """Open a set of images without labels.

    Training and held-out images never meet: Of one folder, a fifth is held
    out, drawn by the names of its images, and a log line says so.

    Args:
        source: "photographs", which come with kcv (9 to train on, 4 held out),
            "folder:PATH", for all images below it, "folder:TRAIN:TEST", for
            two folders, or "shards:FOLDER", for files of `python -m kcv
            shard`. Defaults to "photographs".
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
            "train" does not have. It is drawn by the names of images, and is
            the same in every run. Float in [0, 1). Defaults to 0.

    Returns:
        `DataSet` (dataset, class_names, size), without class names. Examples
        have `images` (H, W, 3) uint8 RGB and `image_id` () string.

    Raises:
        ValueError: If `source`, `split` or `validation` is not supported,
            one folder holds fewer than two images, or two folders share an
            image.
        FileNotFoundError: If the folder does not exist.

    Example:

    ```python
    train = kcv.data.load_images("folder:photos", seed=1).dataset
    train = kcv.data.random_crop(train, 256, seed=1)
    ```
    """
    own = source_split(split, validation)
    kind, paths = parse_name(source, _FORMS)
    if kind == "shards":
        shards = take_validation(Shards(paths[0], own), split, validation)
        opened = shards.data_set(seed, start, on_error, skipped, _KEYS)
        return opened._replace(class_names=())
    found = take_validation(_list(source, kind, paths, own), split, validation)
    dataset = found.dataset(seed, start, on_error, skipped)
    return DataSet(dataset.map(_without_label), (), len(found))


def image_files(source: str, split: str) -> LabelledFiles | None:
    """List the files of a set of images, without the pixels.

    Args:
        source: Name of a set, see `load_images`.
        split: "train" or "test" (held out).

    Returns:
        The `LabelledFiles`, all of one class, or None if the set is in shards.
    """
    kind, paths = parse_name(source, _FORMS)
    return None if kind == "shards" else _list(source, kind, paths, split)


def _list(source, kind, paths, split) -> LabelledFiles:
    if kind == "photographs":
        names = PHOTOGRAPHS[split]
        return _files({name: str(RAW / f"{name}.jpg") for name in names})
    if len(paths) == 2:
        train, test = (_files(_by_id(Path(path)), source) for path in paths)
        keep_files_apart(train, test, " and ".join(paths))
        return train if split == "train" else test
    return take_split(_files(_by_id(Path(*paths)), source), split)


def _by_id(folder: Path) -> dict[str, str]:
    """Name the images of a folder, with their suffix where two share a name."""
    files = find_files(folder)
    names = [file.relative_to(folder).with_suffix("") for file in files]
    shared = collections.Counter(names)
    return {
        path_text(file.relative_to(folder) if shared[name] > 1 else name): str(
            file
        )
        for file, name in zip(files, names, strict=True)
    }


def _files(files: dict[str, str], origin: str = "photographs"):
    return LabelledFiles(
        files=tuple(files.values()),
        image_ids=tuple(files),
        labels=(0,) * len(files),
        class_names=("image",),
        origin=origin,
    )


def _without_label(example):
    return {key: example[key] for key in _KEYS}
