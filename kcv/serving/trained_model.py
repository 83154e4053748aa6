"""A trained model with what its run says about it, and what options change."""

import dataclasses
from pathlib import Path
from typing import NamedTuple
from typing import get_args

import keras

import kcv
from kcv.serving.outputs import choose_outputs
from kcv.serving.outputs import detection_outputs
from kcv.serving.preparation import CenterCrop
from kcv.serving.preparation import FixedSize
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import ShortSide
from kcv.serving.preparation import as_it_is
from kcv.serving.serving_config import ServingConfig
from kcv.serving.serving_config import Task
from kcv.serving.signatures import image_shape
from kcv.text_files import read_names

# What a model of a task gives, to be compared with what it does give.
_GIVES = {
    "classification": "probabilities (B, classes)",
    "detection": "a dict of boxes, scores, labels and num_detections",
    "faces": "unit vectors (B, D)",
    "masks": "a dict of masks, boxes and scores",
    "segmentation": "class scores (B, H, W, classes)",
    "style": "images (B, H, W, 3)",
}
_RANKS = {"classification": 2, "faces": 2, "segmentation": 4, "style": 4}


class TrainedModel(NamedTuple):
    """A model and how its images are prepared.

    Attributes:
        network: The Keras model.
        task: Purpose of the model, or None if nothing tells it.
        prepare: Function from a decoded image to what the model sees.
        class_names: Names of the classes 0, 1, ..., or an empty tuple.
    """

    network: keras.Model
    task: Task | None
    prepare: Prepare
    class_names: tuple[str, ...]


def read_trained_model(
    model: Path,
    task: Task | None = None,
    short_side: int | None = None,
    long_side: int | None = None,
    labels: Path | None = None,
) -> TrainedModel:
    """Load a model, and the serving.json inside or beside it.

    Args:
        model: Keras file, such as runs/faster_rcnn/model.keras.
        task: Purpose of the model. If None, it is that of serving.json. A model
            without that file is a detector if it gives detections. Defaults to
            None.
        short_side: Short side in pixels to which images are scaled. A
            classifier then sees the square in the middle. If None, it is that
            of serving.json. Without that file, images of a classifier are
            scaled to the side of its inputs, faces to the height and width of
            the inputs, and other images are not scaled. Defaults to None.
        long_side: Maximum number of pixels of the long side. It does not apply
            to classification. If None, it is the one of serving.json, or 5/3 of
            the short side. Defaults to None.
        labels: Text file with one class name a line. If None, the names are
            those of serving.json, or of labels.txt beside the model if there is
            one. Defaults to None.

    Returns:
        The model with its task, preparation and names.

    Raises:
        FileNotFoundError: If `model` or `labels` does not exist.
        ValueError: If the file is damaged, the model is not of the task, a
            classifier has no class names, or `long_side` has no short side.
    """
    for path in (model, *([labels] if labels else [])):
        if not path.is_file():
            raise FileNotFoundError(f"{path} does not exist")
    told = ServingConfig.of_model(model)
    network = load_network(model)
    task = task or (told.task if told else _task_of(network))
    _check_task(task, network)
    class_names = _class_names(model, labels, told)
    if task == "classification":
        _check_names(class_names, labels, network)
        prepare: Prepare = _crop(network, told, short_side, long_side)
    else:
        prepare = _scale(told, short_side, long_side)
    if task == "faces" and prepare is as_it_is:
        prepare = _face(network)
    return TrainedModel(network, task, prepare, class_names)


def load_network(model: Path) -> keras.Model:
    """Load a Keras model, not compiled.

    Args:
        model: Keras file.

    Returns:
        The model.

    Raises:
        ValueError: If Keras cannot load the file.
    """
    try:
        return kcv.load_model(model, compile=False)
    except (ImportError, MemoryError):
        raise
    # Keras lets through whatever zip files, JSON and layers raise.
    except Exception as error:
        raise ValueError(
            f"{model} is not a model that Keras can load: {error}"
        ) from error


def _class_names(model: Path, labels: Path | None, told) -> tuple[str, ...]:
    """Read the names of the classes, none where nothing names them."""
    if labels is None and told and told.class_names:
        return told.class_names
    labels = labels or model.with_name("labels.txt")
    if not labels.is_file():
        return ()
    return read_names(labels)


def _task_of(network) -> Task | None:
    """Recognize a detector by its outputs. Other models could be anything."""
    return "detection" if choose_outputs(network) is detection_outputs else None


def _check_task(task, network):
    """Raise ValueError where a model does not give what its task takes."""
    if task is None or task == _task_of(network):
        return
    if task not in get_args(Task):
        raise ValueError(
            f"`task` must be one of {', '.join(get_args(Task))}. Received: "
            f"task={task!r}"
        )
    given = network.output
    if task == "masks" and isinstance(given, dict) and "masks" in given:
        return
    if len(getattr(given, "shape", ())) != _RANKS.get(task):
        raise ValueError(
            f"`task` must be that of the model: task={task!r} is of a model "
            f"that gives {_GIVES[task]}. Received: {network.name!r}, which "
            f"gives {given}"
        )


def _check_names(class_names, labels, network):
    """Raise ValueError unless each class of a classifier has its name."""
    classes = network.output.shape[-1]
    if len(class_names) != classes:
        raise ValueError(
            f"`labels` must name each of the model's {classes} classes, one a "
            "line, in serving.json or labels.txt beside the model, or by "
            f"--labels. Received: {len(class_names)} names, labels={labels}"
        )


def _scale(told, short_side: int | None, long_side: int | None):
    """Choose how encoded images are scaled: as told, or as given."""
    prepare = told.prepare if told else as_it_is
    if short_side is not None:
        return ShortSide(short_side, long_side or short_side * 5 // 3)
    if long_side is None:
        return prepare
    if not isinstance(prepare, ShortSide):
        raise ValueError(
            "`long_side` must be given with `short_side`, whose scale it "
            f"limits. Received: long_side={long_side}, short_side=None"
        )
    return dataclasses.replace(prepare, long_side=long_side)


def _face(network):
    """Choose the size of an aligned face. A model that aligns has none."""
    height, width, _ = image_shape(network)
    return as_it_is if None in (height, width) else FixedSize(height, width)


def _crop(network, told, short_side: int | None, long_side: int | None):
    """Choose the square of an image that a classifier is shown."""
    if long_side is not None:
        raise ValueError(
            "`long_side` must be left out of classification, which sees a "
            f"square: give `short_side` alone. Received: long_side={long_side}"
        )
    if told and isinstance(told.prepare, CenterCrop):
        if short_side is None:
            return told.prepare
        return dataclasses.replace(told.prepare, short_side=short_side)
    height, width, channels = image_shape(network)
    given = (height, width) if height or width else (short_side,)
    sizes = {side for side in given if side is not None}
    if len(sizes) != 1:
        raise ValueError(
            "`short_side` must be given for a classifier of any size, and a "
            "classifier must take squares, for it is shown the square in the "
            f"middle of an image. Received: short_side={short_side}, and "
            f"{network.name!r} of images of (height, width) {(height, width)}"
        )
    (size,) = sizes
    return CenterCrop(short_side or size, size, channels)
