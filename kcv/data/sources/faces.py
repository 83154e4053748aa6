"""Sets of faces by the name that a command line gives them."""

import logging
from pathlib import Path

from kcv.data.embedded.rendered_faces import rendered_faces
from kcv.data.formats.faces.celeba import read_celeba
from kcv.data.formats.faces.celeba import read_partition
from kcv.data.formats.faces.face_files import FaceFiles
from kcv.data.formats.faces.face_list import read_face_list
from kcv.data.formats.faces.people import read_people
from kcv.data.formats.faces.tfds_lfw import tfds_lfw
from kcv.data.formats.shards import Shards
from kcv.data.sources.names import parse_name
from kcv.data.streams.holdout import check_split
from kcv.data.streams.holdout import keep_apart
from kcv.data.streams.holdout import keep_files_apart
from kcv.data.streams.kept import keep_faces
from kcv.examples import DataSet

_LOG = logging.getLogger(__name__)
_FORMS = (
    "rendered_faces",
    "lfw",
    "lfw:FOLDER",
    "celeba:FOLDER",
    "folder:PEOPLE",
    "folder:PEOPLE:TEST",
    "list:FILE:FOLDER",
    "shards:FOLDER",
)
# Number of rendered people and of photos of each.
_RENDERED = {"train": (400, 30), "test": (120, 20)}
# CelebA's parts share no people. Its validation part is not used.
_CELEBA_PARTS = {"train": 0, "test": 2}


def load_faces(
    source: str = "rendered_faces",
    split: str = "train",
    *,
    seed: int | None = None,
    start: int = 0,
    on_error: str = "raise",
    skipped: list[str] | None = None,
) -> DataSet:
    """Open a set of faces by its name, or one's own by its path.

    People to train on and held-out people never meet. Where a set does not
    divide people, a fifth is held out, drawn by name, and a log line says so.

    Args:
        source: "rendered_faces", drawings of people who do not exist; "lfw" (of
            TFDS); "lfw:FOLDER", the folder of Labeled Faces in the Wild;
            "celeba:FOLDER", a folder with CelebA's images and lists;
            "folder:PEOPLE" or "folder:PEOPLE:TEST", with a folder of photos for
            each person; "list:FILE:FOLDER", a list of images and people; or
            "shards:FOLDER", files of `python -m kcv shard`. Defaults to
            "rendered_faces".
        split: "train" or "test" (people held out). Defaults to "train".
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

    Returns:
        `DataSet` (dataset, class_names, size). Examples have `images` (H, W, 3)
        uint8 RGB, `labels` () int32, the number of the person, and `image_id`
        () string; `landmarks` (5, 2) float32 and `bounding_boxes`, if the set
        has them. `kcv.examples` describes them.

    Raises:
        ValueError: If `source` or `split` is not one of the names above, files
            are damaged, or a person is in both parts.
        FileNotFoundError: If files are missing.
        ImportError: If the set comes from TFDS and `kcv[data]` is not
            installed.

    Example:

    ```python
    faces = kcv.data.load_faces("folder:family", "train")
    ```
    """
    check_split(split)
    kind, paths = parse_name(source, _FORMS)
    if kind == "rendered_faces":
        people, photos = _RENDERED[split]
        if seed is None:
            return rendered_faces(split, people, photos, start=start)
        opened = rendered_faces(split, people, photos)
        dataset = keep_faces(opened).dataset(seed, start)
        return opened._replace(dataset=dataset)
    if kind == "lfw" and not paths:
        _log_people("lfw", split)
        return tfds_lfw(
            split == "test",
            seed=seed,
            start=start,
            on_error=on_error,
            skipped=skipped,
        )
    found = read_faces(source, split)
    return found.data_set(seed, start, on_error, skipped)


def read_faces(source: str, split: str = "train") -> FaceFiles | Shards:
    """List the photos of a set of files by its name.

    Args:
        source: "lfw:FOLDER", "celeba:FOLDER", "folder:PEOPLE",
            "folder:PEOPLE:TEST", "list:FILE:FOLDER" or "shards:FOLDER", see
            `load_faces`.
        split: "train" or "test" (people held out). Defaults to "train".

    Returns:
        The `FaceFiles`, or the shards, which have the same methods
        `with_photos`, `only_people`, `dataset`, `pick` and `data_set`.

    Raises:
        ValueError: If `source` or `split` is not one of the names above, files
            are damaged, or a person is in both parts.
        FileNotFoundError: If files are missing.

    Example:

    ```python
    faces = kcv.data.read_faces("celeba:celeba", "train").with_photos(5)
    batches = kcv.data.people_batches(faces, people=24, photos=5)
    ```
    """
    check_split(split)
    kind, paths = parse_name(source, [form for form in _FORMS if ":" in form])
    if kind == "shards":
        return Shards(paths[0], split)
    if kind == "celeba":
        return _celeba(Path(*paths), split)
    if kind == "folder" and len(paths) == 2:
        train, test = map(read_people, paths)
        where = f"{paths[0]} and {paths[1]}"
        keep_apart(train.class_names, test.class_names, where, "people")
        keep_files_apart(train, test, where)
        return train if split == "train" else test
    if kind == "list":
        found = read_face_list(*paths)
    elif kind == "lfw":
        found = _lfw(Path(*paths))
    else:
        found = read_people(*paths)
    _log_people(found.origin, split)
    return found.split(split == "test")


def face_files(source: str, split: str) -> FaceFiles | None:
    """List the photos of a set, without the pixels.

    Args:
        source: Name of a set, see `load_faces`.
        split: "train" or "test" (people held out).

    Returns:
        The `FaceFiles`, or None if the set is not one's own files.
    """
    _, paths = parse_name(source, _FORMS)
    found = read_faces(source, split) if paths else None
    return None if isinstance(found, Shards) else found


def _log_people(origin: str, split: str) -> None:
    _LOG.warning(
        "%s names no held-out people: a fifth, drawn by name, is held out, and "
        "%s has %s",
        origin,
        split,
        "them" if split == "test" else "the others",
    )


def _lfw(folder: Path) -> FaceFiles:
    """Read the folder of the people, or the one below it."""
    for name in ("lfw", "lfw-deepfunneled", "lfw_funneled"):
        if (folder / name).is_dir():
            return read_people(folder / name)
    return read_people(folder)


def _celeba(folder: Path, split: str) -> FaceFiles:
    """Find the files of CelebA, aligned or not, where its archives have them.

    Args:
        folder: Folder of the set.
        split: "train" or "test".

    Returns:
        The records of that part.
    """

    def find(*names):
        for place in (folder, folder / "Anno", folder / "Eval"):
            for name in names:
                if (place / name).exists():
                    return place / name
        return None

    # Some archives have a folder of the same name inside.
    name = "img_align_celeba"
    aligned = find(f"{name}/{name}", name)
    images = aligned or find("img_celeba", "Img/img_celeba")
    identities = find("identity_CelebA.txt")
    partition = find("list_eval_partition.txt", "list_eval_partition.csv")
    for what, path in (
        ("folder of images, img_align_celeba or img_celeba", images),
        ("file identity_CelebA.txt", identities),
        ("file list_eval_partition.txt", partition),
    ):
        if path is None:
            raise FileNotFoundError(f"{folder} has no {what}")
    if aligned:
        landmarks = find(
            "list_landmarks_align_celeba.txt", "list_landmarks_align_celeba.csv"
        )
        boxes = None  # of the images that are not aligned
    else:
        landmarks = find("list_landmarks_celeba.txt")
        boxes = find("list_bbox_celeba.txt", "list_bbox_celeba.csv")
    found = read_celeba(images, identities, landmarks=landmarks, boxes=boxes)
    part = read_partition(partition)
    return found.only(lambda name: part.get(name) == _CELEBA_PARTS[split])
