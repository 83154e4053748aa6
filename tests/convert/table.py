"""What converts: the table in docs/converters.md, and how it is measured.

`python -m tests.convert.table` measures every model of the contract and some
parts of models, and writes the page. A row is stored in table.json once it is
measured, so that a run that was interrupted continues. With names of rows, it
measures these again.
"""

import gc
import json
import platform
import re
import subprocess
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path
from textwrap import shorten

import keras
import numpy as np
import pytest

from kcv import segmentation
from kcv import style
from kcv.convert import ConversionError
from kcv.convert.conversion import convert_and_compare
from kcv.convert.conversion import known_answers
from kcv.convert.tracing import trace
from kcv.storage import write_whole
from tests.test_model_contract import IDS
from tests.test_model_contract import MODELS
from tests.test_model_contract import faster_rcnn
from tests.test_model_contract import shrink_networks

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "converters.md"
RECORD = Path(__file__).with_name("table.json")
FORMATS = {"LiteRT": ".tflite", "ONNX": ".onnx"}
PACKAGES = ("tensorflow", "keras", "ai-edge-litert", "tf2onnx", "onnxruntime")
_BEGIN, _END = "<!-- begin of the table -->", "<!-- end of the table -->"


def dense_rpn():
    """Trunk and RPN of Faster R-CNN, without suppression of proposals."""
    model = faster_rcnn()
    pixels = keras.Input((None, None, 3), name="images")
    features, cells, _ = model.trunk(model.preprocessing(pixels))
    logits, deltas, *_ = model.rpn([features, cells])
    return keras.Model(pixels, {"logits": logits, "deltas": deltas})


def region_head():
    """Trunk, RoI pooling and head of a detector, for boxes that are given."""
    model = faster_rcnn()
    pixels = keras.Input((None, None, 3), name="images")
    boxes = keras.Input((None, 4), name="proposals")
    features, cells, _ = model.trunk(model.preprocessing(pixels))
    class_logits, box_deltas = model.head([features, cells, boxes])
    return keras.Model(
        {"images": pixels, "proposals": boxes},
        {"class_logits": class_logits, "box_deltas": box_deltas},
    )


def labeler(backbone):
    """FCN-8s of fewer filters, of which not all scores are zero."""
    config = segmentation.FCN8s(3, backbone).get_config()
    for layer in config["layers"]:
        layer.pop("build_config", None)  # Sizes follow from the layer below.
        if layer["config"].get("filters") == 4096:  # fc6 and fc7
            layer["config"]["filters"] = 16
    model = keras.Model.from_config(config)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.startswith("score_"):
            layer.kernel.assign(random.normal(size=layer.kernel.shape))
    return model


# Names of rows where the contract has several variants of a model.
VARIANTS = {
    "AlexNet1": 'AlexNet(variant="one-tower")',
    "LeNet51": 'LeNet5(variant="1998")',
    "LeNet52": 'LeNet5(variant="caffe")',
    "DeepID1": "DeepID(local_sharing=False)",
    "DeepID31": "DeepID3(net=2)",
}
BUILDERS = {
    VARIANTS.get(name, name): case.build
    for name, case in zip(IDS, MODELS, strict=True)
} | {
    'FCN8s(backbone="vgg16")': lambda: labeler("vgg16"),
    'FCN8s(backbone="alexnet")': lambda: labeler("alexnet"),
    'FCN8s(backbone="googlenet")': lambda: labeler("googlenet"),
    "SuperResolutionNet(match_histogram=False)": lambda: (
        style.SuperResolutionNet(2, blocks=1, match_histogram=False)
    ),
    "FasterRCNN: trunk and RPN": dense_rpn,
    "FasterRCNN: trunk, RoI pooling and head": region_head,
}


def measure(name):
    """Convert a model to all formats.

    Args:
        name: Key of `BUILDERS`.

    Returns:
        For each key of `FORMATS`, the largest difference between the outputs
        of the file and of the model, or the error of the conversion.
    """
    keras.utils.set_random_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        shrink_networks(patch)
        model = BUILDERS[name]()
    try:
        traced = trace(model)
    except ValueError as error:
        return dict.fromkeys(FORMATS, str(error))
    answers = known_answers(traced)
    found = {}
    for kind, suffix in FORMATS.items():
        try:
            found[kind] = convert_and_compare(traced, suffix, answers)[1]
        except ConversionError as error:
            found[kind] = shorten(str(error), 250)
    del traced
    keras.backend.clear_session()
    gc.collect()
    return found


def read_record():
    """Read what was measured: a dict of each row, by name."""
    return json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}


def write_record(record):
    """Write what was measured, without rows that there are no longer."""
    rows = {name: record[name] for name in BUILDERS if name in record}
    write_whole(RECORD, (json.dumps(rows, indent=1) + "\n").encode())


def describe_conditions():
    """Return what a measurement depends on, and its date."""
    command = ["git", "log", "-1", "--format=%h", "--", "kcv"]
    commit = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {
        "date": date.today().isoformat(),
        "commit of kcv": commit.stdout.strip(),
        "machine": f"{platform.system()}, {platform.machine()}, "
        f"Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def write_table(record):
    """Write the table of the page: which models convert, and the errors.

    Args:
        record: What `read_record` returns.

    Returns:
        Markdown text.
    """
    lines = ["| system | LiteRT | ONNX |", "|---|---|---|"]
    errors = []
    for name in BUILDERS:
        cells = []
        for kind in FORMATS:
            found = record.get(name, {}).get(kind)
            if found is None:
                cells.append("not measured")
            elif isinstance(found, str):
                cells.append("no")
                errors.append(f"- `{name}`, {kind}: {found}")
            else:
                cells.append(f"yes, {found:.0e}")
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    conditions = {}
    for row in record.values():
        key = tuple(row["conditions"].values())
        conditions[key] = conditions.get(key, 0) + 1
    measured = [
        f"- {count} rows on {day}, kcv at commit {commit}, on {machine}, "
        f"with {packages}"
        for (day, commit, machine, packages), count in conditions.items()
    ]
    return "\n".join(
        [
            *lines,
            "",
            "The errors of those that do not convert:",
            "",
            *errors,
            "",
            "Measured by `python -m tests.convert.table`:",
            "",
            *measured,
        ]
    )


def read_page():
    """Read the part of the page that `write_table` writes."""
    between = PAGE.read_text("utf-8").partition(_BEGIN)[2].partition(_END)[0]
    return between.strip()


def write_page(table):
    """Replace the part of the page that `write_table` writes."""
    text = PAGE.read_text("utf-8")
    pattern = re.compile(f"{_BEGIN}.*{_END}", re.DOTALL)
    block = f"{_BEGIN}\n\n{table}\n\n{_END}"
    write_whole(PAGE, pattern.sub(lambda _: block, text).encode())


def main(*names):
    """Measure rows: those that are given, or all that were not measured yet."""
    conditions = describe_conditions()
    for name in names or BUILDERS:
        stored = read_record().get(name, {}).get("conditions", {})
        if names or {**stored, "date": ""} != {**conditions, "date": ""}:
            found = {**measure(name), "conditions": conditions}
            print(name, found, flush=True)
            write_record({**read_record(), name: found})
    write_page(write_table(read_record()))


if __name__ == "__main__":
    main(*sys.argv[1:])
