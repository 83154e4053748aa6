"""One name for every segmentation set: what a command line's --data takes."""

import tensorflow as tf

from kcv.data.formats.masked_images import MaskedImages
from kcv.data.formats.segmentation_trees import read_masked_folder
from kcv.data.formats.segmentation_trees import read_sbd
from kcv.data.formats.segmentation_trees import read_voc_segmentation
from kcv.data.formats.segmentation_trees import segmentation_splits
from kcv.data.streams.holdout import divided
from kcv.data.streams.holdout import keep_apart
from kcv.examples import DataSet

_HELP = "digit_scenes, voc:FOLDER, sbd:SBD:VOC or folder:IMAGES:MASKS"
# Lists of a VOC tree to train on and to hold out, the first pair that is there.
_VOC_LISTS = (("train", "val"), ("trainval", "test"), ("train", "test"))


def load_segmentation(
    source: str = "digit_scenes",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Open a segmentation set by its name, or the user's own by its path.

    Training and held-out images never meet. A VOC tree without lists and a
    folder are divided by the names of their images, a fifth being held out,
    and a log line says so. Of `sbd:SBD:VOC`, as FCN's authors have it, one
    trains on SBD's list "train" and holds out the images of VOC's "val" that
    are not in it: 736 of VOC 2011.

    Args:
        source: digit_scenes, voc:FOLDER (see `read_voc_segmentation`),
            sbd:SBD:VOC (see `read_sbd`) or folder:IMAGES:MASKS (see
            `read_masked_folder`).
        split: "train" or "test" (held out).
        seed: shuffles, every epoch anew, without end; example number p is a
            function of (source, seed, p) alone. None is one pass in order.
            Digit scenes of "train" are without end in any case.
        start: position of the first example, as for a run that is resumed.
        on_error: "raise" or "skip" an image that cannot be decoded.
        skipped: a list to which the names of skipped images are appended.

    Returns:
        (dataset, class_names, size): single examples of `images` (H, W, 3)
        uint8 RGB, `segmentation_masks` (H, W) uint8, 255 for void, and
        `image_id` () string; names in label order, background first; examples
        in one epoch, None if it is without end. Iteration raises
        `InvalidArgumentError`, naming the file, where a mask is damaged, has
        other sides than its image, or a label that is no class.

    Raises:
        ValueError: if `source` or `split` is none of the above.
        FileNotFoundError: if files are missing.

    Example:

    ```python
    dataset, names, size = kcv.data.load_segmentation("voc:VOC2012", "test")
    ```
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', not {split!r}")
    if source == "digit_scenes":
        return _digit_scenes(split, seed, start)
    kind, *parts = source.split(":")
    if kind == "voc" and len(parts) == 1:
        found = _voc(*parts, split)
    elif kind == "sbd" and len(parts) == 2:
        found = _sbd(*parts, split)
    elif kind == "folder" and len(parts) == 2:
        found = divided(read_masked_folder(*parts), split)
    else:
        raise ValueError(f"source must be one of {_HELP}; not {source!r}")
    return DataSet(
        found.dataset(seed, start, on_error, skipped),
        found.class_names,
        len(found),
    )


def _digit_scenes(split, seed, start) -> DataSet:
    # Its photographs and digits are loaded for those who ask for them.
    from kcv.data.embedded.digit_scenes import digit_scenes
    from kcv.data.embedded.scenes.material import DIGIT_CLASSES

    own = 0 if split == "test" else seed or 0
    dataset = digit_scenes(split, seed=own, masks="semantic", start=start)
    size = int(dataset.cardinality())
    size = None if size == tf.data.INFINITE_CARDINALITY else size
    keys = ("images", "segmentation_masks", "image_id")
    dataset = dataset.map(lambda scene: {key: scene[key] for key in keys})
    return DataSet(dataset, ("background", *DIGIT_CLASSES), size)


def _voc(folder: str, split: str) -> MaskedImages:
    there = segmentation_splits(folder)
    for train, test in _VOC_LISTS:
        if train in there and test in there:
            both = [read_voc_segmentation(folder, x) for x in (train, test)]
            keep_apart(
                *(images.image_ids for images in both),
                f"lists {train} and {test} of {folder}",
            )
            return both[split == "test"]
    only = next((s for s in ("trainval", "train") if s in there), None)
    return divided(read_voc_segmentation(folder, only), split)


def _sbd(folder: str, voc: str, split: str) -> MaskedImages:
    train = read_sbd(folder, "train")
    if split == "train":
        return train
    seen = set(train.image_ids)
    return read_voc_segmentation(voc, "val").only(lambda name: name not in seen)
