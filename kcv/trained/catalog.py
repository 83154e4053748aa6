"""The trained models that come with kcv, by name."""

import os
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "files"
_SUFFIX = ".keras"


class ModelFile(NamedTuple):
    """A trained model that comes with kcv.

    Attributes:
        name: Name of the model, such as "faster_rcnn/digit_scenes".
        path: Path of its `.keras` file.
        size: Size of the file in bytes.
        card: Path of its card, a text in Markdown.
    """

    name: str
    path: Path
    size: int
    card: Path


def list_models() -> dict[str, ModelFile]:
    """List the trained models that come with kcv.

    Returns:
        Dict from name to file, in the order of the names.

    Example:

    >>> models = list_models()
    >>> models["faster_rcnn/digit_scenes"].path.name
    'digit_scenes.keras'
    """
    found = {}
    for path in sorted(FOLDER.rglob(f"*{_SUFFIX}")):
        name = path.relative_to(FOLDER).with_suffix("").as_posix()
        found[name] = ModelFile(
            name, path, path.stat().st_size, path.with_suffix(".md")
        )
    return found


def find_model(model: str | os.PathLike) -> Path:
    """Find the file of a trained model.

    Args:
        model: Path of a `.keras` file, or name of a model that comes with kcv,
            such as "faster_rcnn/digit_scenes". A file of that path takes
            precedence over a name.

    Returns:
        Path of the file.

    Raises:
        ValueError: If neither a file nor a model of this name exists. The
            message lists the names.

    Example:

    >>> find_model("faster_rcnn/digit_scenes").suffix
    '.keras'
    """
    path = Path(model)
    if path.exists():
        return path
    known = list_models()
    if path.as_posix() in known:
        return known[path.as_posix()].path
    raise ValueError(
        "The model must be a file that exists, or the name of a model that "
        f"comes with kcv: {', '.join(known)}. Received: {str(model)!r}"
    )
