"""Export of the model of a run as a version for a server."""

from pathlib import Path
from typing import Literal

from kcv.quiet_tensorflow import load_tensorflow

# `kcv.serving.serving_config.Task`, without which --help need not wait for
# TensorFlow.
Task = Literal[
    "classification", "detection", "faces", "masks", "segmentation", "style"
]


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
    max_batch: int = 32,
    max_pixels: int | None = None,
) -> Path:
    """Publish a saved model as a version for TensorFlow Serving.

    Prints the folder of the new version, which a server that watches OUT
    loads within a second. The serving.json beside the model, which every
    recipe writes, says what is not given here.

    Args:
        model: Keras file of a run, such as runs/faster_rcnn/model.keras.
        out: Folder of the model's versions, which is the server's base path.
        version: Number of the version. Defaults to one more than the newest.
        task: Purpose of the model, which decides what a server answers:
            classification, top classes of probabilities (B, classes);
            detection, boxes; faces, unit vectors (B, D); masks, masks and their
            boxes; segmentation, label maps of class scores (B, H, W, classes);
            style, images. Defaults to the task of serving.json. A model without
            that file is a detector if it gives detections, and otherwise its
            outputs are answered as they are.
        short_side: Short side in pixels to which encoded images are scaled. A
            classifier then sees the square in the middle. Defaults to the scale
            of serving.json. Without that file, a classifier's images are scaled
            to the side that it takes, faces to the height and width, and others
            not at all.
        long_side: Maximum number of pixels of the long side. Not for
            classification. Defaults to that of serving.json, or to 5/3 of the
            short side, as in the 600 and 1000 pixels of Faster R-CNN.
        labels: Text file with one class name a line, which is shipped with the
            export. A classifier needs it. Defaults to the names of
            serving.json, or to labels.txt beside the model if there is one.
        examples: Image files for the warm-up and for the comparison with
            predict. Without them, two small noise images are used. Defaults to
            none.
        freeze: Turn variables into constants, which is faster on CPU, slower to
            load, and limited to 2 GB. Defaults to False.
        tolerance: Largest accepted difference from predict, relative to the
            largest value of an output. inf compares names and shapes alone.
            Defaults to 0.001.
        max_batch: Number of images that a request may have. Defaults to 32.
        max_pixels: Number of pixels that an image may have as sent. Defaults to
            100 million, or to KCV_MAX_PIXELS in the environment.

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
    # Not above, where --help would wait for TensorFlow.
    load_tensorflow()
    from kcv.data import read_image
    from kcv.serving import ServingConfig
    from kcv.serving import publish
    from kcv.serving.trained_model import read_trained_model

    trained = read_trained_model(model, task, short_side, long_side, labels)
    # A model that is not known is served as a detector is: it says itself what
    # it answers.
    config = ServingConfig(
        trained.task or "detection", trained.prepare, trained.class_names
    )
    print(
        f"Task: {trained.task or 'not told by --task, outputs are as they are'}"
    )
    prepare = trained.prepare
    print(f"Encoded images: {getattr(prepare, '__name__', prepare)}")
    folder = publish(
        trained.network,
        out,
        version,
        **config.publish_options(),
        examples=[read_image(path) for path in examples] or None,
        freeze=freeze,
        tolerance=tolerance,
        max_batch=max_batch,
        max_pixels=max_pixels,
    )
    print(f"Published: {folder}")
    return folder
