"""From the folder of a run to a version that a server loads."""

import dataclasses
import json
from pathlib import Path
from typing import Literal
from typing import get_args

# What a model is for, and by that what a server answers.
Task = Literal["classification", "detection", "segmentation", "style"]

# What its answers are made from, to be compared with what a model gives.
_GIVES = {
    "classification": "probabilities (B, classes)",
    "detection": "a dict of boxes, scores, labels and num_detections",
    "segmentation": "logits (B, H, W, classes)",
    "style": "images (B, H, W, 3)",
}


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
    takes up within a second.

    Args:
        model: The .keras file of a run, such as runs/faster_rcnn/model.keras.
        out: Folder of the model's versions, the server's base path.
        version: Number of the version; by default one more than the newest.
        task: What the model is for, and by that what a server answers:
            classification, top classes of probabilities (B, classes);
            detection, boxes; segmentation, label maps of logits (B, H, W,
            classes); style, images. By default what the config.json beside
            the model says, else detection where the model gives detections,
            else its outputs are answered as they are.
        short_side: Scale encoded images to this short side, in pixels; by
            default as in training (image_size or crop in the config.json
            beside the model). Where that is not told, a classifier's images
            are scaled to the side that it takes, and others not at all. A
            classifier sees the square in the middle.
        long_side: Most pixels of the long side; by default 5/3 of the short
            side, as in the paper's 600 and 1000. Not for classification.
        labels: Text file with one class name a line, shipped with the export;
            by default the labels.txt beside the model, if there is one.
            Classification needs it.
        examples: Image files for warm-up and for the comparison with predict;
            by default two small noise images.
        freeze: Turn variables into constants: faster on CPU, slower to load,
            at most 2 GB.
        tolerance: Largest difference from predict that is accepted, relative
            to the largest value of an output; inf looks at names and shapes
            alone.

    Returns:
        Folder of the new version.

    Raises:
        FileNotFoundError: `model`, `labels` or an example is not there.
        ValueError: a `task` that there is not, or that the model is not of;
            no names for a classifier; `long_side` without a short side; or as
            `publish` raises.

    Example:

    ```python
    export(
        Path("cats_and_dogs.keras"),  # without a run's config.json
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
    run = _configuration(model)
    told = "" if task else f" in {model.with_name('config.json')}"
    task = task or run.get("task")
    if task is not None and task not in get_args(Task):
        raise ValueError(
            f"`task` must be one of {', '.join(get_args(Task))}. Received: "
            f"task={task!r}{told}"
        )
    # Segmenters scale images by themselves, and their answers back; painters
    # take any size.
    if task in (None, "detection"):
        short_side = short_side or run.get("image_size")
    if long_side is not None and task == "classification":
        raise ValueError(
            f"long_side={long_side} is not for classification, which sees a "
            "square: pass short_side alone"
        )
    if long_side is not None and short_side is None:
        raise ValueError(
            f"long_side={long_side} caps the scale that short_side sets; "
            "pass short_side too"
        )

    # Not above, where --help would wait for TensorFlow.
    import keras

    import kcv.classification
    import kcv.detection
    import kcv.segmentation
    import kcv.style  # noqa: F401  a model finds its class among these
    from kcv.data import read_image
    from kcv.serving import ShortSide
    from kcv.serving import TopClasses
    from kcv.serving import label_maps
    from kcv.serving import pictures
    from kcv.serving import publish
    from kcv.serving.preparation import as_it_is

    network = keras.models.load_model(model, compile=False)
    task = task or _task_of(network)
    _check_task(task, network)
    class_names = _class_names(labels, model)
    outputs = {"segmentation": label_maps, "style": pictures}.get(task)
    prepare = as_it_is
    if task == "classification":
        _check_names(class_names, labels, network)
        outputs = TopClasses(class_names)
        prepare = _crop(network, run.get("crop"), short_side)
    elif short_side is not None:
        prepare = ShortSide(short_side, long_side or short_side * 5 // 3)
    print(f"Task: {task or 'not told by --task, outputs are as they are'}")
    print(f"Encoded images: {getattr(prepare, '__name__', prepare)}")
    folder = publish(
        network,
        out,
        version,
        prepare=prepare,
        outputs=outputs,
        class_names=class_names,
        examples=[read_image(path) for path in examples] or None,
        freeze=freeze,
        tolerance=tolerance,
    )
    print(f"Published: {folder}")
    return folder


def _configuration(model: Path) -> dict:
    """Read the options of a run beside its model, empty where it has none."""
    config = model.with_name("config.json")
    if not config.is_file():
        return {}
    return json.loads(config.read_text(encoding="utf-8"))


def _class_names(labels: Path | None, model: Path) -> list[str] | None:
    labels = labels or model.with_name("labels.txt")
    if not labels.is_file():
        return None
    return labels.read_text(encoding="utf-8").splitlines()


def _task_of(network) -> Task | None:
    """Tell a detector by its outputs; other models could be anything."""
    from kcv.serving.outputs import detection_outputs
    from kcv.serving.outputs import outputs_of

    return "detection" if outputs_of(network) is detection_outputs else None


def _check_task(task, network):
    """Raise ValueError where a model does not give what its task takes."""
    if task is None or task == _task_of(network):
        return
    given = network.output
    rank = {"classification": 2, "segmentation": 4, "style": 4}.get(task)
    if rank is None or len(getattr(given, "shape", ())) != rank:
        raise ValueError(
            f"task={task!r} is of a model that gives {_GIVES[task]}. Received: "
            f"{network.name!r}, which gives {given}"
        )


def _check_names(class_names, labels, network):
    """Raise ValueError unless each class of a classifier has its name."""
    classes = network.output.shape[-1]
    if class_names is None:
        raise ValueError(
            "a classifier answers with names: give a text file with one name "
            f"a line for each of its {classes} classes, as labels.txt beside "
            f"the model or by --labels. Received: labels={labels}"
        )
    if len(class_names) != classes:
        raise ValueError(
            f"labels must name each of the model's {classes} classes, one a "
            f"line. Received: {len(class_names)} names in "
            f"{labels or 'labels.txt beside the model'}"
        )


def _crop(network, crop: dict | None, short_side: int | None):
    """Choose the square of an image that a classifier is shown.

    Args:
        network: the classifier.
        crop: fields of the `CenterCrop` of its evaluation, from a run's
            config.json; None where there is none.
        short_side: to scale to instead, in pixels.

    Returns:
        A `CenterCrop`.

    Raises:
        ValueError: the network takes no squares, or squares of any size and
            `short_side` is None.
    """
    from kcv.serving import CenterCrop
    from kcv.serving.signatures import image_shape

    if crop is not None:
        centre = CenterCrop(**crop)
        if short_side is None:
            return centre
        return dataclasses.replace(centre, short_side=short_side)
    height, width, channels = image_shape(network)
    sizes = {height, width} - {None} or {short_side} - {None}
    if len(sizes) != 1:
        raise ValueError(
            "a classifier is shown the square in the middle of an image, so "
            "it must take squares, and needs short_side where it takes any "
            f"size. Received: {network.name!r} of images of (height, width) "
            f"{(height, width)}, short_side={short_side}"
        )
    (size,) = sizes
    return CenterCrop(short_side or size, size, channels)
