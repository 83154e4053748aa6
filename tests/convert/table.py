"""What converts: the table in docs/converters.md, and how it is measured.

`python -m tests.convert.table` measures every row and writes the page again.
With names of rows it prints what these give, and writes nothing.
"""

import gc
import re
import sys
import tempfile
from pathlib import Path
from textwrap import shorten

import keras
import numpy as np
import pytest

from kcv import segmentation
from kcv import style
from kcv.convert import ConversionError
from kcv.convert import convert
from tests.test_model_contract import IDS
from tests.test_model_contract import MODELS
from tests.test_model_contract import Case
from tests.test_model_contract import faster_rcnn
from tests.test_model_contract import images
from tests.test_model_contract import shrink_networks

PAGE = Path(__file__).parents[2] / "docs" / "converters.md"
FORMATS = {"LiteRT": ".tflite", "ONNX": ".onnx"}
_BEGIN, _END = "<!-- begin of the table -->", "<!-- end of the table -->"


def dense_rpn():
    """Trunk and RPN of Faster R-CNN, without suppression of proposals."""
    model = faster_rcnn()
    pixels = keras.Input((None, None, 3), name="images")
    features, cells, _ = model.trunk(model.preprocessing(pixels))
    logits, deltas, *_ = model.rpn([features, cells])
    return keras.Model(pixels, {"logits": logits, "deltas": deltas})


def region_head(model):
    """Trunk, RoI pooling and head of a detector, for boxes that are given."""
    pixels = keras.Input((None, None, 3), name="images")
    boxes = keras.Input((None, 4), name="proposals")
    features, cells, _ = model.trunk(model.preprocessing(pixels))
    class_logits, box_deltas = model.head([features, cells, boxes])
    return keras.Model(
        {"images": pixels, "proposals": boxes},
        {"class_logits": class_logits, "box_deltas": box_deltas},
    )


def labeler(backbone):
    """FCN-8s, of which not all scores are zero as they are at first."""
    model = segmentation.FCN8s(3, backbone)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if layer.name.startswith("score_"):
            layer.kernel.assign(random.normal(size=layer.kernel.shape))
    return model


# Models of the contract: all but those that convert if their parts do, the nets
# of face cascades, and models that only prepare inputs of others.
_NAMES = (
    "AlexNet",
    "AlexNet1",
    "CIFARResNet",
    "GoogLeNet",
    "LeNet5",
    "LeNet51",
    "LeNet52",
    "NetworkInNetwork",
    "ResNet18",
    "ResNet34",
    "ResNet50",
    "ResNet101",
    "ResNet152",
    "VGG11",
    "VGG16",
    "VGG19",
    "ZFNet",
    "SegNet",
    "SegNetBasic",
    "DeconvNet",
    "StyleTransformNet",
    "SuperResolutionNet",
    "DeepFace",
    "DeepID",
    "DeepID1",
    "DeepID2",
    "FaceNetNN1",
    "DeepMask",
    "SharpMask",
    "PNet",
    "RCNN",
    "RegionProposals",
    "FastRCNN",
    "FasterRCNN",
    "MTCNN",
)
CASES = {name: dict(zip(IDS, MODELS, strict=True))[name] for name in _NAMES}
CASES |= {
    name: Case(name, build, images(48))
    for name, build in {
        **{
            f"FCN8s, {backbone}": lambda backbone=backbone: labeler(backbone)
            for backbone in ("vgg16", "alexnet", "googlenet")
        },
        "FasterRCNN, trunk and RPN": dense_rpn,
        "FasterRCNN, trunk, RoI pooling and head": lambda: region_head(
            faster_rcnn()
        ),
        "SuperResolutionNet, match_histogram=False": lambda: (
            style.SuperResolutionNet(2, blocks=1, match_histogram=False)
        ),
    }.items()
}


def measure(name, kind):
    """Convert a model.

    Args:
        name: Key of `CASES`.
        kind: Key of `FORMATS`.

    Returns:
        None, or the error of the conversion.
    """
    keras.utils.set_random_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        shrink_networks(patch)
        model = CASES[name].build()
    with tempfile.TemporaryDirectory() as folder:
        try:
            convert(model, Path(folder, f"model{FORMATS[kind]}"))
        except ConversionError as error:
            return str(error)
        finally:
            keras.backend.clear_session()
            gc.collect()
    return None


def read_page():
    """Read the table: whether each system converts to each format."""
    rows = re.findall(
        r"^\| `(.+?)` +\| (yes|no) +\| (yes|no) +\|$",
        PAGE.read_text("utf-8"),
        re.MULTILINE,
    )
    return {
        name: dict(zip(FORMATS, cells, strict=True)) for name, *cells in rows
    }


def write_page(errors):
    """Write the table, and the errors below it.

    Args:
        errors: Error or None by (name, kind).
    """
    lines = ["| system | LiteRT | ONNX |", "|---|---|---|"]
    for name in CASES:
        cells = ["no" if errors[name, kind] else "yes" for kind in FORMATS]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    lines += ["", "The errors of those that do not convert:", ""]
    for (name, kind), error in errors.items():
        if error:
            lines.append(f"- `{name}`, {kind}: {shorten(error, 200)}")
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    after = rest.partition(_END)[2]
    block = "\n".join([_BEGIN, "", *lines, "", _END])
    PAGE.write_text(before + block + after, "utf-8")


def main(*names):
    """Measure rows, all by default, and write the page if they are all."""
    errors = {}
    for name in names or CASES:
        for kind in FORMATS:
            errors[name, kind] = measure(name, kind)
            print(name, kind, errors[name, kind] or "yes", flush=True)
    if not names:
        write_page(errors)


if __name__ == "__main__":
    main(*sys.argv[1:])
