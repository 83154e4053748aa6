"""Where the model is that a command is given: a run, a file, or a version."""

from pathlib import Path
from typing import TYPE_CHECKING

from kcv.text_files import read_names
from kcv.text_files import read_object
from kcv.trained.catalog import list_models

if TYPE_CHECKING:
    from kcv.commands.answers import KerasAnswers
    from kcv.commands.answers import SavedAnswers

_KERAS = "model.keras"
_SAVED = "saved_model.pb"


def find_model(place: Path) -> Path:
    """Find the model that a path means, without loading it.

    Args:
        place: Folder of a run, `.keras` file, folder of a published version,
            folder of versions, of which the newest is taken, or name of a
            model that comes with kcv.

    Returns:
        Path of the `.keras` file, or folder of the version.

    Raises:
        FileNotFoundError: If the path does not exist, or the folder has no
            model.
        ValueError: If the folder is that of a run that has not finished, or the
            file is not a `.keras` file.
    """
    if place.is_file():
        if place.suffix != ".keras":
            raise ValueError(
                f"{place} must be a .keras file, the folder of a run, or a "
                "published model."
            )
        return place
    known = list_models()
    if not place.exists() and place.as_posix() in known:
        return known[place.as_posix()].path
    if not place.is_dir():
        raise FileNotFoundError(
            f"{place} does not exist, and no model of this name comes with "
            f"kcv: {', '.join(known)}."
        )
    if (place / _KERAS).is_file():
        return place / _KERAS
    if (place / _SAVED).is_file():
        return place
    versions = [
        folder
        for folder in place.iterdir()
        if folder.name.isdecimal() and (folder / _SAVED).is_file()
    ]
    if versions:
        return max(versions, key=lambda folder: int(folder.name))
    if (place / "config.json").is_file():
        raise ValueError(
            f"{place} is the folder of a run that has not finished: it has no "
            f"{_KERAS} yet. Start the recipe again with the same options, and "
            "it resumes."
        )
    raise FileNotFoundError(
        f"{place} holds no model: neither {_KERAS} of a run nor a version "
        "that was published."
    )


def open_model(
    model: Path,
    task: str | None = None,
    short_side: int | None = None,
    labels: Path | None = None,
) -> "KerasAnswers | SavedAnswers":
    """Load a model with all that is needed to ask it about images.

    Args:
        model: Path that `find_model` has returned.
        task: Purpose of a Keras model without serving.json beside it. If None,
            serving.json says so. Defaults to None.
        short_side: Short side to which images are scaled, in pixels. If None,
            serving.json says so. Defaults to None.
        labels: Text file with one class name a line. If None, the names are
            those that belong to the model. Defaults to None.

    Returns:
        The model.

    Raises:
        FileNotFoundError: If `labels` does not exist.
        ValueError: If the file is damaged, nothing tells what the model is for,
            or an option does not fit it.
    """
    # Not above, so that mistakes in the command line need not wait for
    # TensorFlow.
    from kcv.commands.answers import KerasAnswers
    from kcv.serving.trained_model import read_trained_model

    if model.is_file():
        return KerasAnswers(
            read_trained_model(
                model,
                task,  # type: ignore[arg-type]  # checked there
                short_side=short_side,
                labels=labels,
            )
        )
    if task or short_side:
        raise ValueError(
            f"`task` and `short_side` must be left out: {model} was published "
            "with its own."
        )
    return _load_version(model, labels)


def _load_version(folder: Path, labels: Path | None) -> "SavedAnswers":
    import tensorflow as tf

    from kcv.commands.answers import SavedAnswers

    extras = folder / "assets.extra"
    labels = labels or extras / "labels.txt"
    described = extras / "kcv.json"
    prepare = None
    if described.is_file():
        prepare = read_object(described).get("prepare")
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:  # of protocol buffers, files and TensorFlow
        raise ValueError(
            f"{folder} is not a model that TensorFlow can load: {error}"
        ) from error
    return SavedAnswers(
        loaded,
        read_names(labels) if labels.is_file() else (),
        str(folder),
        is_scaled=prepare != "as_it_is",
    )
