"""Sets with a mask for each object, by the name that a command line gives."""

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.instance_maps import read_voc_instances
from kcv.data.formats.masked_images import MaskedImages
from kcv.data.formats.segmentation_trees import segmentation_splits
from kcv.data.formats.shards import Shards
from kcv.data.sources.coco_files import read_coco_split
from kcv.data.sources.digit_scenes import load_digit_scenes
from kcv.data.sources.names import parse_name
from kcv.data.sources.voc_lists import SEGMENTATION_LISTS
from kcv.data.sources.voc_lists import read_split
from kcv.data.streams.holdout import source_split
from kcv.data.streams.holdout import take_validation
from kcv.examples import DataSet

_FORMS = (
    "digit_scenes",
    "voc:FOLDER",
    "coco:ANNOTATIONS.json:IMAGES",
    "coco:TRAIN.json:IMAGES:HELD_OUT.json",
    "shards:FOLDER",
)
# What an example has.
_KEYS = (
    "images",
    "bounding_boxes",
    "instance_masks",
    "difficult",
    "is_crowd",
    "image_id",
)


def load_instances(
    source: str = "digit_scenes",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
    validation: float = 0.0,
    boxes: str = "raise",
) -> DataSet:
    """Open a set with a mask for each object by its name.

    Training and held-out images never meet. Of a VOC tree without lists and of
    a single COCO JSON, a fifth of the images is held out, drawn by their names,
    and a log line says so.

    Args:
        source: "digit_scenes", "voc:FOLDER" (see `read_voc_instances`),
            "coco:ANNOTATIONS.json:IMAGES",
            "coco:TRAIN.json:IMAGES:HELD_OUT.json" (see `read_coco`) or
            "shards:FOLDER" (files of `python -m kcv shard`). Defaults to
            "digit_scenes".
        split: "train", "validation" or "test" (held out). Defaults to "train".
        seed: Integer that determines the shuffling. Every epoch has a different
            order, the stream repeats forever, and example number p is a pure
            function of (source, seed, p). If None, the examples are read once,
            in order. Defaults to None. Digit scenes of "train" repeat forever
            in any case.
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        on_error: "raise" an error at an image that cannot be decoded, or "skip"
            it. Defaults to "raise".
        skipped: List to which the names of skipped images are appended. If
            None, they are only logged. Defaults to None.
        validation: Part of the training images that "validation" has, and
            "train" does not have. It is drawn by the names of images, and is
            the same in every run. Of digit scenes, further scenes are drawn
            instead. Float in [0, 1). Defaults to 0.
        boxes: "raise" an error at a box that is empty, inverted or outside its
            image; "clip" boxes to the image and leave out those of which
            nothing remains; or "drop" these boxes. The numbers are logged.
            Defaults to "raise".

    Returns:
        `DataSet` (dataset, class_names, size). Examples have `images` (H, W, 3)
        uint8 RGB, `bounding_boxes`, `instance_masks` (N, H, W) uint8 of 0 and
        1, `difficult` and `is_crowd` (N,) bool, and `image_id` () string.

    Raises:
        ValueError: If `source`, `split` or `validation` is not supported,
            or an annotation is wrong.
        FileNotFoundError: If files are missing.
        ImportError: If masks of COCO are read and pycocotools is not
            installed.

    Example:

    >>> example = next(iter(load_instances("digit_scenes", "test").dataset))
    >>> example["instance_masks"].shape[1:] == example["images"].shape[:2]
    True
    """
    own = source_split(split, validation)
    kind, paths = parse_name(source, _FORMS)
    if kind == "digit_scenes":
        return load_digit_scenes(split, seed, start, "instance", validation)
    if kind == "shards":
        shards = take_validation(Shards(paths[0], own), split, validation)
        return shards.data_set(seed, start, on_error, skipped, _KEYS)
    found = take_validation(_read(kind, paths, own, boxes), split, validation)
    return found.data_set(seed, start, on_error, skipped)


def instance_files(
    source: str, split: str, boxes: str = "raise"
) -> Annotations | MaskedImages | None:
    """List the files of a set with masks of objects, without the pixels.

    Args:
        source: Name of a set, see `load_instances`.
        split: "train" or "test" (held out).
        boxes: "raise", "clip" or "drop", see `load_instances`. Defaults to
            "raise".

    Returns:
        The `Annotations` of COCO or the `InstanceImages` of VOC, or None if the
        set is not one's own files.
    """
    kind, paths = parse_name(source, _FORMS)
    if kind == "shards" or not paths:
        return None
    return _read(kind, paths, split, boxes)


def _read(kind, paths, split, boxes) -> Annotations | MaskedImages:
    if kind == "coco":
        return read_coco_split(split, *paths, masks=True, boxes=boxes)
    return read_split(
        paths[0],
        split,
        segmentation_splits(paths[0]),
        SEGMENTATION_LISTS,
        lambda names: [read_voc_instances(paths[0], n) for n in names],
    )
