"""One name for every set of plain images, as a command line has it."""

from pathlib import Path

from kcv.data.embedded.scenes.material import PHOTOGRAPHS
from kcv.data.embedded.scenes.material import RAW
from kcv.data.formats.image_folder import LabelledFiles
from kcv.data.formats.masked_images import files_by_name
from kcv.data.streams.holdout import divided
from kcv.examples import DataSet


def load_images(
    source: str = "photographs",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Open a set of images that nothing is known about.

    Training and held-out images never meet: of a folder a fifth is held out,
    drawn by the names of its images, and a log line says so.

    Args:
        source: photographs, which come with kcv (9 to train on, 4 held out),
            or folder:PATH, all images below it.
        split: "train" or "test" (held out).
        seed: shuffles, every epoch anew, without end; example number p is a
            function of (source, seed, p) alone. None is one pass in order.
        start: position of the first example, as for a run that is resumed.
        on_error: "raise" or "skip" an image that cannot be decoded.
        skipped: a list to which the names of skipped images are appended.

    Returns:
        (dataset, class_names, size): single examples of `images` (H, W, 3)
        uint8 RGB and `image_id` () string; no names; examples in one epoch.

    Raises:
        ValueError: if `source` or `split` is none of the above, or the folder
            holds fewer than two images.
        FileNotFoundError: if there is no such folder.

    Example:

    ```python
    train = kcv.data.load_images("folder:photos", seed=1).dataset
    train = kcv.data.random_crop(train, 256, seed=1)
    ```
    """
    if split not in ("train", "test"):
        raise ValueError(f"split must be 'train' or 'test', not {split!r}")
    kind, _, folder = source.partition(":")
    if source == "photographs":
        names = PHOTOGRAPHS[split]
        found = _files({name: str(RAW / f"{name}.jpg") for name in names})
    elif kind == "folder" and folder:
        found = divided(_files(files_by_name(Path(folder)), source), split)
    else:
        raise ValueError(
            f"source must be photographs or folder:PATH; not {source!r}"
        )
    dataset = found.dataset(seed, start, on_error, skipped)
    return DataSet(dataset.map(_without_label), (), len(found))


def _files(files: dict[str, str], origin: str = "photographs"):
    return LabelledFiles(
        files=tuple(files.values()),
        image_ids=tuple(files),
        labels=(0,) * len(files),
        class_names=("image",),
        origin=origin,
    )


def _without_label(example):
    return {key: example[key] for key in ("images", "image_id")}
