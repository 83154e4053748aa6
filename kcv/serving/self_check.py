"""Compare the answers of an export with the predictions of its model."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kcv.layers.region_warp import full_sizes
from kcv.serving.errors import ExportError
from kcv.serving.limits import Limits
from kcv.serving.op_check import unservable_ops
from kcv.serving.outputs import Outputs
from kcv.serving.outputs import servable
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import prepare_batch
from kcv.serving.preparation import scale_places
from kcv.serving.signatures import PLACES
from kcv.serving.signatures import image_shape
from kcv.serving.signatures import model_inputs
from kcv.serving.warmup import Request
from kcv.serving.warmup import read_warmup
from kcv.serving.warmup import replay


def check_export(
    saved_model: Path,
    model: keras.Model,
    outputs: Outputs,
    prepare: Prepare,
    tolerance: float,
    limits: Limits,
) -> None:
    """Run the warm-up requests on an export, and compare with `predict`.

    Args:
        saved_model: Folder of the SavedModel, with its warm-up records.
        model: The model that was exported.
        outputs: Function from predictions to named outputs.
        prepare: Function from a decoded image to what the model sees.
        tolerance: Largest difference that is accepted, relative to the largest
            value of an output (or to 1 if that is larger). It is also the
            largest share of the numbers of a feature map or label map that may
            differ by more.
        limits: Sizes of the requests that the export answers.

    Raises:
        ExportError: If no server runs an operation of the export, an output
            does not have the batch first, or it differs from the prediction.
    """
    unservable = unservable_ops(saved_model)
    if unservable:
        raise ExportError(
            "A model server cannot run this model:\n  "
            + "\n  ".join(unservable)
        )
    loaded = tf.saved_model.load(str(saved_model))
    requests = list(read_warmup(saved_model))
    try:
        answers = replay(loaded.signatures, requests)
    except tf.errors.OpError as error:
        raise ExportError(
            f"The export of {model.name!r} does not run: {error}"
        ) from error
    for request, answer in zip(requests, answers, strict=True):
        expected = _expected(request, model, outputs, prepare, limits)
        _compare(request, answer, expected, tolerance)


def _expected(
    request: Request, model, outputs: Outputs, prepare: Prepare, limits: Limits
) -> dict[str, np.ndarray]:
    _, inputs = request
    more = {}
    places = {name: inputs[name] for name in PLACES if name in inputs}
    if "images" in inputs:
        images = tf.constant(inputs["images"])
        sizes = full_sizes(images)
    else:
        encoded = tf.constant(inputs["image_bytes"])
        images, sizes, original = prepare_batch(
            encoded, prepare, image_shape(model)[-1], limits
        )
        more = {"image_shape": original}
        places = {
            name: scale_places(tf.constant(place), original, sizes)
            for name, place in places.items()
        }
    x = tf.nest.map_structure(
        np.asarray, model_inputs(model, images, sizes, places)
    )
    predictions = model.predict(x, batch_size=len(images), verbose=0)
    predictions = tf.nest.map_structure(tf.constant, predictions)
    named = {**servable(outputs(predictions, sizes)), **more}
    return {name: tensor.numpy() for name, tensor in named.items()}


def _compare(request, answer, expected, tolerance):
    signature, inputs = request
    batch = len(next(iter(inputs.values())))
    where = f"signature {signature!r}, a batch of {batch}"
    if sorted(answer) != sorted(expected):
        raise ExportError(
            f"{where}: outputs {sorted(answer)}, expected {sorted(expected)}"
        )
    for name, value in answer.items():
        if value.ndim == 0 or len(value) != batch:
            raise ExportError(
                f"{where}: output {name!r} has shape {value.shape}; every "
                f"output must have the batch ({batch}) first"
            )
        if value.shape != expected[name].shape:
            raise ExportError(
                f"{where}: output {name!r} has shape {value.shape}, predict "
                f"gives {expected[name].shape}"
            )
        gap = _gap(value, expected[name], tolerance)
        if gap:
            raise ExportError(
                f"{where}: output {name!r} is not what predict gives: {gap}"
            )


def _gap(value: np.ndarray, true: np.ndarray, tolerance: float) -> str:
    """Describe the difference of two arrays, if it is too large."""
    limit = 0.0
    if value.dtype == object:  # names of classes
        errors = (value != true).astype(np.float64)
    else:
        true = true.astype(np.float64)
        errors = np.abs(value - true)
    is_float = np.issubdtype(value.dtype, np.floating)
    if is_float:
        limit = tolerance * max(1.0, float(np.abs(true).max(initial=0)))
    # The last bit of a float may decide how it is rounded, or which of several
    # is the largest (the switches of a pooling). So a few of thousands of
    # integers or pixels may differ.
    allowed = 0.0 if is_float and value.ndim <= 2 else tolerance
    off = ~(errors <= limit)  # also where it is NaN
    share = float(np.mean(off)) if off.size else 0.0
    if share <= allowed and np.isfinite(errors[off]).all():
        return ""
    what = "names" if value.dtype == object else "numbers"
    return (
        f"{share:.3g} of the {what} differ by more than {limit:.3g}, "
        f"allowed {allowed:g} (tolerance {tolerance:g}); largest "
        f"difference {float(errors.max(initial=0)):.3g}"
    )
