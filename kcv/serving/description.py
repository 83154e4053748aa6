"""What lies beside a SavedModel for those who read it: names and signatures."""

import dataclasses
import datetime
import json
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

import kcv
from kcv.serving.limits import Limits
from kcv.serving.preparation import Prepare


def write_description(
    folder: Path,
    model: keras.Model,
    signatures: Mapping[str, Any],
    prepare: Prepare,
    class_names: Sequence[str] | None,
    freeze: bool,
    limits: Limits,
) -> None:
    """Write `kcv.json` and, if there are class names, `labels.txt`.

    Args:
        folder: Folder of the SavedModel, which has the folder `assets.extra`.
        model: Model that was exported.
        signatures: Concrete function of each signature.
        prepare: Function from a decoded image to what the model sees.
        class_names: Names of the classes 0, 1, ..., or None.
        freeze: Whether the variables are constants.
        limits: Sizes of the requests that the export answers.
    """
    extras = folder / "assets.extra"
    now = datetime.datetime.now(datetime.UTC)
    description = {
        "model": model.name,
        "created": now.isoformat(timespec="seconds"),
        "versions": {
            "kcv": kcv.__version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        },
        "frozen": freeze,
        "limits": dataclasses.asdict(limits),
        "prepare": getattr(prepare, "__name__", repr(prepare)),
        "class_names": None if class_names is None else list(class_names),
        "signatures": {
            name: {
                "inputs": _describe(
                    {
                        t.name: t
                        for t in tf.nest.flatten(
                            function.structured_input_signature
                        )
                        if t is not None
                    }
                ),
                "outputs": _describe(function.structured_outputs),
            }
            for name, function in signatures.items()
        },
    }
    text = json.dumps(description, indent=2)
    (extras / "kcv.json").write_text(text + "\n", encoding="utf-8")
    if class_names is not None:
        (extras / "labels.txt").write_text(
            "".join(f"{name}\n" for name in class_names), encoding="utf-8"
        )


def _describe(tensors):
    return {
        name: {"dtype": t.dtype.name, "shape": list(t.shape)}
        for name, t in tensors.items()
    }
