"""One name for every detection set: what a command line's --data takes."""

import tensorflow as tf

from kcv.data.formats.annotations import Annotations
from kcv.data.formats.coco import read_coco
from kcv.data.formats.tfds_detection import is_tfds_name
from kcv.data.formats.tfds_detection import tfds_detection
from kcv.data.formats.voc import read_voc
from kcv.data.formats.voc import voc_class_names
from kcv.data.formats.voc import voc_image_names
from kcv.data.formats.voc import voc_splits
from kcv.data.streams.holdout import divided
from kcv.data.streams.holdout import keep_apart
from kcv.examples import DataSet

_HELP = (
    "digit_scenes, voc/2007, voc/2012, coco/2017, voc:FOLDER, "
    "coco:ANNOTATIONS.json:IMAGES or coco:TRAIN.json:IMAGES:HELD_OUT.json"
)
# TFDS has no boxes of the test sets of VOC 2012 and COCO.
_TFDS_SPLITS = {
    "voc/2007": {"train": "trainval", "test": "test"},
    "voc/2012": {"train": "train", "test": "val"},
    "coco/2014": {"train": "train", "test": "val"},
    "coco/2017": {"train": "train", "test": "val"},
}
# Lists of a VOC tree to train on and to hold out, the first pair that is there.
_VOC_LISTS = (("trainval", "test"), ("train", "test"), ("train", "val"))


def load_detection(
    source: str = "digit_scenes",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Open a detection set by its name, or the user's own by its path.

    Training and held-out images never meet. `voc:FOLDER` takes the tree's
    lists trainval and test, train and test, or train and val; a tree without
    them and a single COCO JSON are divided by the ids of their images, a fifth
    being held out, and a log line says so. `coco:TRAIN.json:IMAGES:VAL.json`
    names the held-out file; the classes are those of the training file.

    Args:
        source: digit_scenes, voc/2007, voc/2012, coco/2017, voc:FOLDER,
            coco:ANNOTATIONS.json:IMAGES or
            coco:TRAIN.json:IMAGES:HELD_OUT.json.
        split: "train" or "test" (held out).
        seed: shuffles, every epoch anew, without end; example number p is a
            function of (source, seed, p) alone. None is one pass in order.
            Digit scenes of "train" are without end in any case.
        start: position of the first example, as for a run that is resumed.
        on_error: "raise" or "skip" an image that cannot be decoded.
        skipped: a list to which the names of skipped images are appended.

    Returns:
        (dataset, class_names, size): single examples as `kcv.data.voc` gives
        them, names in label order, and examples in one epoch, None if not
        known or without end.

    Raises:
        ValueError: if `source` or `split` is none of the above, or an
            annotation is wrong.
        FileNotFoundError: if files are missing.
        ImportError: if a TFDS set is asked for without `kcv[data]`.

    Example:

    ```python
    dataset, names, size = kcv.data.load_detection("voc:my_tree", "test")
    ```
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', not {split!r}")
    if source == "digit_scenes":
        return _digit_scenes(split, seed, start)
    if source in _TFDS_SPLITS and is_tfds_name(source, source.split("/")[0]):
        return tfds_detection(
            source,
            _TFDS_SPLITS[source][split],
            seed=seed,
            start=start,
            on_error=on_error,
            skipped=skipped,
        )
    kind, _, rest = source.partition(":")
    if kind == "voc" and rest:
        annotations = _voc(rest, split)
    elif kind == "coco" and rest.count(":") in (1, 2):
        annotations = _coco(rest.split(":"), split)
    else:
        raise ValueError(f"source must be one of {_HELP}; not {source!r}")
    return DataSet(
        annotations.dataset(seed, start, on_error, skipped),
        annotations.class_names,
        len(annotations.images),
    )


def _digit_scenes(split, seed, start) -> DataSet:
    # Its photographs and digits are loaded for those who ask for them.
    from kcv.data.embedded.digit_scenes import digit_scenes
    from kcv.data.embedded.scenes.material import DIGIT_CLASSES

    if split == "test":
        dataset = digit_scenes("test", start=start)
    else:
        dataset = digit_scenes("train", seed=seed or 0, start=start)
    size = int(dataset.cardinality())
    size = None if size == tf.data.INFINITE_CARDINALITY else size
    return DataSet(dataset, tuple(DIGIT_CLASSES), size)


def _voc(folder: str, split: str) -> Annotations:
    there = voc_splits(folder)
    for train, test in _VOC_LISTS:
        if train in there and test in there:
            keep_apart(
                voc_image_names(folder, train),
                voc_image_names(folder, test),
                f"lists {train} and {test} of {folder}",
            )
            # Of both, as one list need not show every class.
            names = voc_class_names(folder, [train, test])
            return read_voc(folder, train if split == "train" else test, names)
    only = next((s for s in ("trainval", "train") if s in there), None)
    return divided(read_voc(folder, only, classes=None), split)


def _coco(parts: list[str], split: str) -> Annotations:
    file, images, *held_out = parts
    annotations = read_coco(file, images)
    if not held_out:
        return divided(annotations, split)
    if split == "train":
        return annotations
    others = read_coco(held_out[0], images, annotations.class_names)
    keep_apart(
        [image.file for image in annotations.images],
        [image.file for image in others.images],
        f"{file} and {held_out[0]}",
    )
    return others
