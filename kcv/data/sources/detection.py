"""Detection datasets by the name that a command line gives them."""

from typing import Any

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.shards import Shards
from kcv.data.formats.tfds import tfds_detection
from kcv.data.formats.voc import read_voc_lists
from kcv.data.formats.voc import voc_splits
from kcv.data.sources.coco_files import read_coco_split
from kcv.data.sources.digit_scenes import load_digit_scenes
from kcv.data.sources.names import parse_name
from kcv.data.sources.voc_lists import DETECTION_LISTS
from kcv.data.sources.voc_lists import read_split
from kcv.data.streams.holdout import source_split
from kcv.data.streams.holdout import take_validation
from kcv.data.streams.holdout import validation_rule
from kcv.examples import DataSet

#: Splits of the sets of TFDS, which has no boxes of the test sets of VOC 2012,
#: COCO and WIDER FACE.
TFDS_SPLITS = {
    "voc/2007": {"train": "trainval", "test": "test"},
    "voc/2012": {"train": "train", "test": "val"},
    "coco/2014": {"train": "train", "test": "val"},
    "coco/2017": {"train": "train", "test": "val"},
    "wider_face": {"train": "train", "test": "val"},
}
_FORMS = (
    "digit_scenes",
    *TFDS_SPLITS,
    "voc:FOLDER",
    "coco:ANNOTATIONS.json:IMAGES",
    "coco:TRAIN.json:IMAGES:HELD_OUT.json",
    "shards:FOLDER",
)
# What an example of detection has.
_KEYS = ("images", "bounding_boxes", "difficult", "is_crowd", "image_id")


def load_detection(
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
    """Open a detection set by its name, or one's own by its path.

    Training and held-out images never meet. Of "voc:FOLDER", the lists
    trainval and test, train and test, or train and val (or valid) are taken. Of
    a tree without them and of a single COCO JSON, a fifth of the images is held
    out, drawn by their ids, and a log line says so. With two COCO JSONs, the
    classes are those of the training file.

    Args:
        source: "digit_scenes", "voc/2007", "voc/2012", "coco/2014",
            "coco/2017", "wider_face", "voc:FOLDER",
            "coco:ANNOTATIONS.json:IMAGES",
            "coco:TRAIN.json:IMAGES:HELD_OUT.json" or "shards:FOLDER" (files of
            `python -m kcv shard`). Defaults to "digit_scenes".
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
        `DataSet` (dataset, class_names, size) of examples as `kcv.data.voc`
        returns them. The size is None if it is not known or the stream repeats
        forever.

    Raises:
        ValueError: If `source`, `split` or `validation` is not supported,
            or an annotation is wrong.
        FileNotFoundError: If files are missing.
        ImportError: If the set comes from TFDS and `kcv[data]` is not
            installed.

    Example:

    ```python
    dataset, names, size = kcv.data.load_detection("voc:my_tree", "test")
    ```
    """
    own = source_split(split, validation)
    kind, paths = parse_name(source, _FORMS)
    if kind == "digit_scenes":
        return load_digit_scenes(split, seed, start, None, validation)
    options: dict[str, Any] = {
        "seed": seed,
        "start": start,
        "on_error": on_error,
        "skipped": skipped,
    }
    if kind == "shards":
        shards = take_validation(Shards(paths[0], own), split, validation)
        return shards.data_set(**options, keys=_KEYS)
    if kind in TFDS_SPLITS:
        options["belongs"] = validation_rule(split, validation)
        own = TFDS_SPLITS[kind][own]
        return tfds_detection(kind, own, boxes=boxes, **options)
    found = _read(kind, paths, own, boxes)
    return take_validation(found, split, validation).data_set(**options)


def detection_files(
    source: str, split: str, boxes: str = "raise"
) -> Annotations | None:
    """Read the annotations of a set of files, without the pixels.

    Args:
        source: Name of a set, see `load_detection`.
        split: "train" or "test" (held out).
        boxes: "raise", "clip" or "drop", see `load_detection`. Defaults to
            "raise".

    Returns:
        The `Annotations`, or None if the set is not one's own files.
    """
    kind, paths = parse_name(source, _FORMS)
    if kind == "shards" or not paths:
        return None
    return _read(kind, paths, split, boxes)


def _read(kind, paths, split, boxes) -> Annotations:
    if kind == "coco":
        return read_coco_split(split, *paths, boxes=boxes)
    return read_split(
        paths[0],
        split,
        voc_splits(paths[0]),
        DETECTION_LISTS,
        # The classes are those of both lists, since one may lack a class.
        lambda names: read_voc_lists(paths[0], names, boxes),
    )
