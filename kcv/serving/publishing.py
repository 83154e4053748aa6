"""Write a version of a model that TensorFlow Serving loads."""

import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kcv.pixels import pixel_limit
from kcv.serving.description import write_description
from kcv.serving.limits import Limits
from kcv.serving.outputs import Outputs
from kcv.serving.outputs import choose_outputs
from kcv.serving.outputs import with_class_names
from kcv.serving.preparation import CenterCrop
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import as_it_is
from kcv.serving.self_check import check_export
from kcv.serving.signatures import build_signatures
from kcv.serving.signatures import place_shapes
from kcv.serving.versions import put_in_place
from kcv.serving.versions import reserve
from kcv.serving.warmup import write_warmup
from kcv.serving.warmup_requests import make_requests
from kcv.text_files import check_names

# A SavedModel's graph is one protocol buffer, and those end at 2 GB.
_LARGEST_GRAPH = 2**31 - 2**26  # 64 MiB left for the graph itself
_LARGE_GRAPH = 3 * 2**29  # 1.5 GiB


def publish(
    model: keras.Model,
    base_dir: str | os.PathLike,
    version: int | None = None,
    *,
    prepare: Prepare = as_it_is,
    outputs: Outputs | None = None,
    class_names: Sequence[str] | None = None,
    examples: Sequence[np.ndarray] | None = None,
    freeze: bool = False,
    tolerance: float = 1e-3,
    max_batch: int = 32,
    max_pixels: int | None = None,
    max_proposals: int = 10_000,
) -> Path:
    """Publish a model as a numbered version for TensorFlow Serving.

    The version has two signatures. "serving_bytes" takes `image_bytes`, (B,)
    JPEG or PNG files of any sizes, decodes and prepares them inside the
    graph, and also answers `image_shape`, (B, 2) int32 (height, width) of
    each as sent. "serving_default" takes `images`, (B, H, W, C) float32 in
    0..255 RGB, each filling its canvas. Both answer what `outputs` names,
    with the batch first. Of a model that is given its
    regions both also take `proposals`, (B, P, 4) float32 xyxy in pixels of
    the images as sent, zero rows for padding. Of a model that aligns faces
    both also take `landmarks`, (B, 5, 2) float32 xy in the same pixels.

    A request is checked before anything is computed: its shapes and its size,
    and that every number is finite and every pixel in 0..255. What does not
    pass gets an error and no answer.

    It is written beside its place under a name that a server ignores, with
    warm-up requests, class names (`assets.extra/labels.txt`) and a
    description (`assets.extra/kcv.json`); then loaded and compared with
    `model.predict`; and only then renamed, so that a server that watches
    `base_dir` never sees half a version. On failure nothing is left. Two
    processes that publish at once write two versions, and what a killed one
    has left is removed.

    Args:
        model: Functional Keras model of `images`, or of a dict with `images`
            and optionally `image_sizes` (B, 2) int32 (height, width),
            `proposals` (B, P, 4) float32 xyxy pixels, and `landmarks`
            (B, 5, 2) float32 xy pixels.
        base_dir: Folder of the model's versions, made if missing. The
            server's `base_path`.
        version: Number of the version, a positive integer. An existing version
            is never overwritten. If None, it is one more than the newest.
            Defaults to None.
        prepare: Function from a decoded (H, W, 3) uint8 image to the (h, w,
            C) float32 image that the model sees, for "serving_bytes"; for a
            detector that was trained on scaled images `ShortSide(600, 1000)`.
            By default the image at its own size. Of a model of gray images
            it may leave the colors, which become gray afterwards. Proposals
            and landmarks are scaled by as much as the image is, which must
            not be cropped then.
        outputs: Function from predictions and image sizes (B, 2) int32 to named
            outputs. If None, it is `detection_outputs` for a model that gives
            detections, and otherwise the predictions are answered as they are.
            Defaults to None.
        class_names: Names of the classes 0, 1, ... With `detection_outputs` and
            `label_maps`, answers have them as `class_names`. If None, answers
            have no names. Defaults to None.
        examples: Images (H, W, 3) uint8 RGB for warm-up and comparison. A few
            real ones of the sizes to be served make a better check. If None,
            two small images of noise are used, one wide and one tall. Defaults
            to None.
        freeze: Whether to turn the variables into constants. This is 1.4 to 1.7
            times as fast on a CPU, but slower to load, and limited to 2 GB. It
            changes rounding under mixed precision: detections with nearly equal
            scores may swap places, which `tolerance` cannot account for.
            Defaults to False.
        tolerance: Maximum difference from `predict` that is accepted, relative
            to the largest value of an output (or to 1 if that is larger). It is
            also the maximum share of the numbers of a feature map or label map
            that may differ by more. With infinity, only names, shapes and NaN
            are checked. Defaults to 0.001.
        max_batch: Number of images that a request may have. The memory of a
            server grows with it. Defaults to 32.
        max_pixels: Number of pixels that an image may have as sent. All images
            of a request together have at most this number, or 100 million if
            that is more, as sent and as the model sees them, padded to one
            size. Defaults to None, for `kcv.pixels.pixel_limit`, 100 million.
        max_proposals: Number of proposals that an image may have, if the model
            takes them. Defaults to 10,000.

    Returns:
        The folder of the new version.

    Raises:
        ValueError: If the version is not a positive integer, for class names
            that do not fit, a model too large to freeze, a crop of images that
            proposals or landmarks are of, a limit that is not a positive
            integer, or a `base_dir` that is a file.
        FileExistsError: If the version exists already, or another process is
            writing it.
        ExportError: A server could not run the export, or it differs from
            `predict`.
        OSError: It could not be written, for instance to a full disk.

    Example:

    ```python
    # Path("models/faster_rcnn/1"), and so on
    prepare = kcv.serving.ShortSide(600, 1000)
    publish(model, "models/faster_rcnn", prepare=prepare)
    ```
    """
    class_names = _check_class_names(class_names, model)
    _check_prepare(prepare, model)
    max_pixels = pixel_limit() if max_pixels is None else max_pixels
    limits = Limits(max_batch, max_pixels, max_proposals)
    if freeze:
        _check_size(model)
    base = Path(base_dir)
    outputs = with_class_names(
        outputs or choose_outputs(model), class_names or ()
    )
    requests = make_requests(examples, model, limits)

    version, unfinished = reserve(base, version)
    try:
        try:
            module, signatures = build_signatures(
                model, outputs, prepare, freeze, limits
            )
            tf.saved_model.save(
                module,
                str(unfinished),
                signatures,
                tf.saved_model.SaveOptions(experimental_custom_gradients=False),
            )
            write_warmup(unfinished, requests, base.name)
            write_description(
                unfinished,
                model,
                signatures,
                prepare,
                class_names,
                freeze,
                limits,
            )
        except (OSError, tf.errors.OpError) as error:
            raise OSError(
                f"Version {version} could not be written to {base}: {error}"
            ) from error
        check_export(unfinished, model, outputs, prepare, tolerance, limits)
        put_in_place(unfinished, base / str(version))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return base / str(version)


def _check_class_names(class_names, model):
    if class_names is None:
        return None
    classes = getattr(model, "classes", len(class_names))
    if len(class_names) != classes:
        raise ValueError(
            f"`class_names` must name each of the model's {classes} classes. "
            f"Received {len(class_names)} names"
        )
    return check_names(class_names, "`class_names`", unique=False)


def _check_prepare(prepare, model):
    places = place_shapes(model)
    if places and isinstance(prepare, CenterCrop):
        raise ValueError(
            f"`prepare` may scale the images of a model with "
            f"{' and '.join(places)}, which are scaled with them, but not crop "
            f"them. Received: prepare={prepare}"
        )


def _check_size(model):
    size = sum(
        int(np.prod(v.shape, dtype=np.int64))
        * tf.as_dtype(keras.backend.standardize_dtype(v.dtype)).size
        for v in model.variables
    )
    if size > _LARGEST_GRAPH:
        raise ValueError(
            f"freeze=True puts the variables ({size / 2**30:.2f} GiB) into "
            "one protocol buffer, which holds at most 2 GiB. Publish this "
            "model with freeze=False"
        )
    if size > _LARGE_GRAPH:
        warnings.warn(
            f"freeze=True with {size / 2**30:.2f} GiB of variables is near "
            "the 2 GiB that a graph may have, and will be slow to load",
            stacklevel=3,
        )
