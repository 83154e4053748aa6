"""Segmentation datasets by the name that a command line gives them."""

from kcv.data.formats.camvid import read_camvid
from kcv.data.formats.masked_images import MaskedImages
from kcv.data.formats.segmentation_trees import read_masked_folder
from kcv.data.formats.segmentation_trees import read_sbd
from kcv.data.formats.segmentation_trees import read_voc_segmentation
from kcv.data.formats.segmentation_trees import segmentation_splits
from kcv.data.formats.shards import Shards
from kcv.data.sources.digit_scenes import load_digit_scenes
from kcv.data.sources.names import parse_name
from kcv.data.sources.voc_lists import SEGMENTATION_LISTS
from kcv.data.sources.voc_lists import read_split
from kcv.data.streams.holdout import keep_apart
from kcv.data.streams.holdout import keep_files_apart
from kcv.data.streams.holdout import source_split
from kcv.data.streams.holdout import take_split
from kcv.data.streams.holdout import take_validation
from kcv.examples import DataSet

_FORMS = (
    "digit_scenes",
    "voc:FOLDER",
    "sbd:SBD:VOC",
    "camvid:FOLDER",
    "folder:IMAGES:MASKS",
    "shards:FOLDER",
)
# What an example has.
_KEYS = ("images", "segmentation_masks", "image_id")


def load_segmentation(
    source: str = "digit_scenes",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
    validation: float = 0.0,
) -> DataSet:
    """Open a segmentation set by its name, or one's own by its path.

    Training and held-out images never meet. Of a VOC tree without lists and of
    a folder, a fifth of the images is held out, drawn by their names, and a log
    line says so. Of "sbd:SBD:VOC", as in the work of FCN's authors, SBD's list
    "train" is trained on, and the images of VOC's "val" that are not in it are
    held out: 736 of VOC 2011. Of "camvid:FOLDER", SegNet's lists "train" and
    "test" are used, and "val" is not.

    Args:
        source: "digit_scenes", "voc:FOLDER" (see `read_voc_segmentation`),
            "sbd:SBD:VOC" (see `read_sbd`), "camvid:FOLDER" (see `read_camvid`),
            "folder:IMAGES:MASKS" (see `read_masked_folder`) or "shards:FOLDER"
            (files of `python -m kcv shard`). Defaults to "digit_scenes".
        split: "train", "validation" or "test" (held out). Defaults to "train".
        seed: Integer that determines the shuffling. Every epoch has a different
            order, the stream repeats forever, and example number p is a pure
            function of (source, seed, p). If None, the examples are read once,
            in order. Defaults to None. Digit scenes of "train" repeat forever
            in any case.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise". A label map that is wrong is always an
            error.
        skipped: List to which the names of skipped images are appended. If
            None, they are only logged. Defaults to None.
        validation: Part of the training images that "validation" has, and
            "train" does not have. It is drawn by the names of images, and is
            the same in every run. Of digit scenes, further scenes are drawn
            instead. Float in [0, 1). Defaults to 0.

    Returns:
        `DataSet` (dataset, class_names, size). Examples have `images` (H, W, 3)
        uint8 RGB, `segmentation_masks` (H, W) uint8, 255 for void, and
        `image_id` () string. The first class is background, except in CamVid,
        which has none. The size is None if the stream repeats forever.
        Iteration raises `InvalidArgumentError`, naming the file, if a mask is
        damaged, has another size than its image, or a label that is not a
        class.

    Raises:
        ValueError: If `source`, `split` or `validation` is not supported.
        FileNotFoundError: If files are missing.

    Example:

    ```python
    dataset, names, size = kcv.data.load_segmentation("voc:VOC2012", "test")
    ```
    """
    own = source_split(split, validation)
    kind, paths = parse_name(source, _FORMS)
    if kind == "digit_scenes":
        dataset, names, size = load_digit_scenes(
            split, seed, start, "semantic", validation
        )
        return DataSet(dataset.map(_masked), ("background", *names), size)
    if kind == "shards":
        shards = take_validation(Shards(paths[0], own), split, validation)
        return shards.data_set(seed, start, on_error, skipped, _KEYS)
    found = take_validation(_read(kind, paths, own), split, validation)
    return found.data_set(seed, start, on_error, skipped)


def segmentation_files(source: str, split: str) -> MaskedImages | None:
    """List the files of a set of label maps, without the pixels.

    Args:
        source: Name of a set, see `load_segmentation`.
        split: "train" or "test" (held out).

    Returns:
        The `MaskedImages`, or None if the set is not one's own files.
    """
    kind, paths = parse_name(source, _FORMS)
    if kind == "shards" or not paths:
        return None
    return _read(kind, paths, split)


def _read(kind, paths, split) -> MaskedImages:
    if kind == "voc":
        return read_split(
            paths[0],
            split,
            segmentation_splits(paths[0]),
            SEGMENTATION_LISTS,
            lambda names: [read_voc_segmentation(paths[0], n) for n in names],
        )
    if kind == "sbd":
        return _sbd(split, *paths)
    if kind == "camvid":
        return _camvid(split, *paths)
    return take_split(read_masked_folder(*paths), split)


def _masked(scene):
    return {key: scene[key] for key in _KEYS}


def _sbd(split: str, folder: str, voc: str) -> MaskedImages:
    train = read_sbd(folder, "train")
    if split == "train":
        return train
    seen = set(train.image_ids)
    test = read_voc_segmentation(voc, "val").only(lambda name: name not in seen)
    keep_files_apart(train, test, f"{folder} and {voc}")
    return test


def _camvid(split: str, folder: str) -> MaskedImages:
    train, test = (read_camvid(folder, name) for name in ("train", "test"))
    lists = f"lists train and test of {folder}"
    keep_apart(train.image_ids, test.image_ids, lists)
    keep_files_apart(train, test, lists)
    return train if split == "train" else test
