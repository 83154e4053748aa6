"""One name for every classification set: what a command line's --data takes."""

import os

from kcv.data.embedded.digits import digits
from kcv.data.embedded.scenes.material import DIGIT_CLASSES
from kcv.data.embedded.scenes.material import digit_indices
from kcv.data.formats.idx import idx_class_names
from kcv.data.formats.idx import read_idx
from kcv.data.formats.image_folder import LabelledFiles
from kcv.data.formats.image_folder import read_image_folder
from kcv.data.formats.tfds_classification import tfds_classification
from kcv.data.streams.arrays import stream
from kcv.data.streams.holdout import divided
from kcv.data.streams.holdout import keep_apart
from kcv.examples import DataSet

_HELP = (
    "digits, mnist, fashion_mnist, cifar10, cifar100, imagenet2012, "
    "idx:FOLDER, folder:TRAIN or folder:TRAIN:TEST"
)
# ImageNet's test labels are not public.
_TFDS_TEST = {
    "mnist": "test",
    "fashion_mnist": "test",
    "cifar10": "test",
    "cifar100": "test",
    "imagenet2012": "validation",
}


def load_classification(
    source: str = "digits",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Open a classification set by its name, or the user's own by its path.

    Training and held-out images never meet. Of `folder:TRAIN` alone a fifth
    of each class is held out, drawn by the names of its images, and a log
    line says so.

    Args:
        source: digits, mnist, fashion_mnist, cifar10, cifar100, imagenet2012,
            idx:FOLDER (MNIST's files), folder:TRAIN or folder:TRAIN:TEST
            (folders of class folders).
        split: "train" or "test" (held out).
        seed: shuffles, every epoch anew, without end; example number p is a
            function of (source, seed, p) alone. None is one pass in order.
        start: position of the first example, as for a run that is resumed.
        on_error: "raise" or "skip" an image that cannot be decoded.
        skipped: a list to which the names of skipped images are appended.

    Returns:
        (dataset, class_names, size): single examples of `images` (H, W, C)
        uint8, `labels` () int32 and `image_id` () string; names in label
        order; examples in one epoch, None if not known.

    Raises:
        ValueError: if `source` or `split` is none of the above, or files are
            damaged.
        FileNotFoundError: if files are missing.
        ImportError: if a TFDS set is asked for without `kcv[data]`.

    Example:

    ```python
    dataset, names, size = kcv.data.load_classification("folder:flowers")
    ```
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', not {split!r}")
    if source in _TFDS_TEST:
        return tfds_classification(
            source,
            "train" if split == "train" else _TFDS_TEST[source],
            seed=seed,
            start=start,
            on_error=on_error,
            skipped=skipped,
        )
    kind, _, rest = source.partition(":")
    if source == "digits":
        dataset = digits(split, seed=seed, start=start)
        return DataSet(dataset, DIGIT_CLASSES, len(digit_indices(split)))
    if kind == "idx" and rest:
        images, labels = read_idx(rest, split)
        dataset = stream(images, labels, split, seed, start)
        return DataSet(dataset, idx_class_names(rest), len(labels))
    if kind == "folder" and rest and rest.count(":") < 2:
        files = _folder(rest.split(":"), split)
        dataset = files.dataset(seed, start, on_error, skipped)
        return DataSet(dataset, files.class_names, len(files))
    raise ValueError(f"source must be one of {_HELP}; not {source!r}")


def _folder(parts: list[str], split: str) -> LabelledFiles:
    folder, *held_out = parts
    files = read_image_folder(folder)
    if held_out:
        others = read_image_folder(held_out[0], files.class_names)
        keep_apart(
            *(list(map(os.path.realpath, x.files)) for x in (files, others)),
            f"{folder} and {held_out[0]}",
        )
        return files if split == "train" else others
    return divided(files, split)
