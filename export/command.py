"""From the folder of a run to a version that a server loads."""

import dataclasses
from pathlib import Path
from typing import Literal

# `kcv.serving.serving_config.Task`, without which --help need not wait for
# TensorFlow.
Task = Literal[
    "classification", "detection", "faces", "masks", "segmentation", "style"
]

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


def export(
    model: Path,
    out: Path,
    version: int | None = None,
    task: Task | None = None,
    short_side: int | None = None,
    long_side: int | None = None,
    labels: Path | None = None,
    examples: tuple[Path, ...] = (),
    freeze: bool = False,
    tolerance: float = 1e-3,
) -> Path:
    """Publish a saved model as a version for TensorFlow Serving.

    Prints the folder of the new version, which a server that watches OUT
    loads within a second. The serving.json beside the model, which every
    recipe writes, says what is not given here.

    Args:
        model: Keras file of a run, such as runs/faster_rcnn/model.keras.
        out: Folder of the model's versions, which is the server's base path.
        version: Number of the version. None is one more than the newest.
        task: Purpose of the model, which decides what a server answers:
            classification, top classes of probabilities (B, classes);
            detection, boxes; faces, unit vectors (B, D); masks, masks and
            their boxes; segmentation, label maps of class scores (B, H, W,
            classes); style, images. None is the task of serving.json. A
            model without that file is a detector if it gives detections, and
            otherwise its outputs are answered as they are.
        short_side: Short side in pixels to which encoded images are scaled.
            A classifier then sees the square in the middle. None is the scale
            of serving.json. Without that file, a classifier's images are
            scaled to the side that it takes, faces to the height and width,
            and others not at all.
        long_side: Most pixels of the long side. Not for classification. None
            is the one of serving.json, or 5/3 of the short side, as in the
            600 and 1000 pixels of Faster R-CNN.
        labels: Text file with one class name a line, which is shipped with the
            export. A classifier needs it. None is the names of serving.json,
            or labels.txt beside the model if there is one.
        examples: Image files for the warm-up and for the comparison with
            predict. Without them, two small noise images are used.
        freeze: Turn variables into constants, which is faster on CPU, slower
            to load, and limited to 2 GB.
        tolerance: Largest accepted difference from predict, relative to the
            largest value of an output. inf compares names and shapes alone.

    Returns:
        Folder of the new version.

    Raises:
        FileNotFoundError: If `model`, `labels` or an example does not exist.
        ValueError: If the model is not of the task, a classifier has no class
            names, `long_side` has no short side, or `publish` refuses.

    Example:

    ```python
    export(
        Path("cats_and_dogs.keras"),  # No serving.json is beside it.
        Path("models/cats_and_dogs"),
        task="classification",
        short_side=256,
        labels=Path("cats_and_dogs.txt"),
    )
    ```
    """
    for path in (model, *([labels] if labels else [])):
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")

    # Not above, where --help would wait for TensorFlow.
    import kcv
    from kcv.data import read_image
    from kcv.serving import ServingConfig
    from kcv.serving import publish
    from kcv.serving.preparation import as_it_is

    told = ServingConfig.load(model.parent)
    network = kcv.load_model(model, compile=False)
    task = task or (told.task if told else _task_of(network))
    _check_task(task, network)
    class_names = _class_names(model, labels, told)
    if task == "classification":
        _check_names(class_names, labels, network)
        prepare = _crop(network, told, short_side, long_side)
    else:
        prepare = _scale(told, short_side, long_side)
    if task == "faces" and prepare is as_it_is:
        prepare = _face(network)
    # A model that is not known is served as a detector is: it says itself what
    # it answers.
    config = ServingConfig(task or "detection", prepare, class_names)
    print(f"Task: {task or 'not told by --task, outputs are as they are'}")
    print(f"Encoded images: {getattr(prepare, '__name__', prepare)}")
    folder = publish(
        network,
        out,
        version,
        **config.publish_options(),
        examples=[read_image(path) for path in examples] or None,
        freeze=freeze,
        tolerance=tolerance,
    )
    print(f"Published: {folder}")
    return folder


def _class_names(model: Path, labels: Path | None, told) -> tuple[str, ...]:
    """Read the names of the classes, none where nothing names them."""
    from kcv.text_files import read_names

    if labels is None and told and told.class_names:
        return told.class_names
    labels = labels or model.with_name("labels.txt")
    if not labels.is_file():
        return ()
    return read_names(labels)


def _task_of(network) -> Task | None:
    """Recognize a detector by its outputs. Other models could be anything."""
    from kcv.serving.outputs import detection_outputs
    from kcv.serving.outputs import outputs_of

    return "detection" if outputs_of(network) is detection_outputs else None


def _check_task(task, network):
    """Raise ValueError where a model does not give what its task takes."""
    if task is None or task == _task_of(network):
        return
    if task not in _GIVES:
        raise ValueError(
            f"`task` must be one of {', '.join(_GIVES)}. Received: "
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
    from kcv.serving import ShortSide
    from kcv.serving.preparation import as_it_is

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
    from kcv.serving import FixedSize
    from kcv.serving.preparation import as_it_is
    from kcv.serving.signatures import image_shape

    height, width, _ = image_shape(network)
    return as_it_is if None in (height, width) else FixedSize(height, width)


def _crop(network, told, short_side: int | None, long_side: int | None):
    """Choose the square of an image that a classifier is shown."""
    from kcv.serving import CenterCrop
    from kcv.serving.signatures import image_shape

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
    sizes = {height, width} - {None} or {short_side} - {None}
    if len(sizes) != 1:
        raise ValueError(
            "`short_side` must be given for a classifier of any size, and a "
            "classifier must take squares, for it is shown the square in the "
            f"middle of an image. Received: short_side={short_side}, and "
            f"{network.name!r} of images of (height, width) {(height, width)}"
        )
    (size,) = sizes
    return CenterCrop(short_side or size, size, channels)
