"""From the folder of a run to a version that a server loads."""

import json
from pathlib import Path


def export(
    model: Path,
    out: Path,
    version: int | None = None,
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
        short_side: Scale encoded images to this short side, in pixels; by
            default as in training (image_size in the config.json beside the
            model), or not at all where that is not told.
        long_side: Most pixels of the long side; by default 5/3 of the short
            side, as in the paper's 600 and 1000.
        labels: Text file with one class name a line, shipped with the export;
            by default the labels.txt beside the model, if there is one.
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
        ValueError: `long_side` without a short side, or as `publish` raises.
    """
    for path in (model, *([labels] if labels else [])):
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")
    run = _configuration(model)
    # Segmenters scale images by themselves, and their answers back; painters
    # take any size.
    task = run.get("task")
    if task is None:
        short_side = short_side or run.get("image_size")
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
    from kcv.serving import label_maps
    from kcv.serving import pictures
    from kcv.serving import publish
    from kcv.serving.preparation import as_it_is

    prepare = as_it_is
    if short_side is not None:
        prepare = ShortSide(short_side, long_side or short_side * 5 // 3)
    print(f"Encoded images: {getattr(prepare, '__name__', prepare)}")
    folder = publish(
        keras.models.load_model(model, compile=False),
        out,
        version,
        prepare=prepare,
        outputs={"segmentation": label_maps, "style": pictures}.get(task),
        class_names=_class_names(labels, model),
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
