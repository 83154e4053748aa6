"""Warm-up requests: a server's slow first call happens before it answers."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from kcv.serving.messages import PredictionLog
from kcv.serving.tensors import to_array
from kcv.serving.tensors import to_tensor_proto

FILE = Path("assets.extra") / "tf_serving_warmup_requests"
# A server refuses the whole model at the 1001st record.
MOST_RECORDS = 1000

Request = tuple[str, dict[str, np.ndarray]]


def write_warmup(
    saved_model: Path, requests: Sequence[Request], model: str
) -> None:
    """Write requests where a model server looks for its warm-up.

    Args:
        saved_model: Folder of the SavedModel.
        requests: (signature, {input name: value}) each.
        model: Name that the requests carry; servers do not compare it.

    Raises:
        ValueError: More requests than a server accepts.
    """
    if len(requests) > MOST_RECORDS:
        raise ValueError(
            f"A server takes at most {MOST_RECORDS} warm-up records. "
            f"Received: {len(requests)}"
        )
    path = saved_model / FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, inputs in requests:
            record = PredictionLog()
            request = record.predict_log.request
            request.model_spec.name = model
            request.model_spec.signature_name = signature
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(to_tensor_proto(value))
            writer.write(record.SerializeToString())


def read_warmup(saved_model: Path) -> Iterator[Request]:
    """Read the warm-up requests, as a server does before it serves.

    Args:
        saved_model: Folder of the SavedModel.

    Yields:
        Name of the signature and its inputs, arrays by name.
    """
    for raw in tf.data.TFRecordDataset(str(saved_model / FILE)):
        request = PredictionLog.FromString(raw.numpy()).predict_log.request
        inputs = {name: to_array(t) for name, t in request.inputs.items()}
        yield request.model_spec.signature_name, inputs


def replay(
    signatures: dict[str, Callable], requests: Sequence[Request]
) -> list[dict[str, np.ndarray]]:
    """Run requests on the signatures of a loaded SavedModel.

    Args:
        signatures: Concrete functions of a loaded SavedModel, by name.
        requests: Names of signatures and their inputs, as `read_warmup` reads
            them.

    Returns:
        Outputs of each request, arrays by name.
    """
    answers = []
    for signature, inputs in requests:
        tensors = {k: tf.constant(v) for k, v in inputs.items()}
        outputs = signatures[signature](**tensors)
        answers.append({k: v.numpy() for k, v in outputs.items()})
    return answers
