"""`python -m kcv convert`: a model for LiteRT or ONNX Runtime."""

import argparse
from pathlib import Path

from kcv.commands.console import Console
from kcv.commands.model_places import find_model
from kcv.quiet_tensorflow import load_tensorflow
from kcv.trained.catalog import FOLDER

HELP = """\
usage: python -m kcv convert MODEL --to FORMAT [options]

Convert a trained model to a file that runs without TensorFlow. The file is run
and compared with the model before it takes its place.

  MODEL           folder of a run, .keras file, or name of a model of kcv
  --to FORMAT     litert or onnx

options:
  --out FILE      file to write (beside the model: model.tflite or model.onnx;
                  in the current folder for a model of kcv)
  --image-size S  height and width, such as 480x640, to which the file is fixed
                  (those of the model, which may take any size)
  --tolerance N   largest accepted difference, as a fraction of the largest
                  value of an output (0.0001)
  --overwrite     replace the file if it exists

The file takes float32 images, RGB in 0..255, already scaled as the model needs
them. It does not hold the names of the classes.

example:
  python -m kcv convert runs/fcn --to onnx --image-size 384x512
"""

_SUFFIXES = {"litert": ".tflite", "onnx": ".onnx"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command to its parser.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument("model", type=Path)
    parser.add_argument("--to", required=True, choices=[*_SUFFIXES])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--image-size")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--overwrite", action="store_true")


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command.

    Args:
        options: Options of the command line.
        console: Console that messages are written to.

    Returns:
        Exit code, 0.

    Raises:
        OSError: If a file does not exist or cannot be written.
        ValueError: If an option is wrong, or the model does not convert.
    """
    place = find_model(options.model)
    if place.is_dir():
        raise ValueError(
            f"{place} must be a .keras file or the folder of a run. A "
            "published version cannot be converted."
        )
    suffix = _SUFFIXES[options.to]
    # A model that comes with kcv lies where kcv is installed.
    comes = place.is_relative_to(FOLDER)
    beside = Path(place.name) if comes else place
    out = options.out or beside.with_suffix(suffix)
    if out.suffix != suffix:
        raise ValueError(f"`out` must end in {suffix}. Received: out={out}")
    load_tensorflow()

    from kcv.convert import convert
    from kcv.convert.tracing import parse_size
    from kcv.serving.trained_model import load_network

    size = parse_size(options.image_size) if options.image_size else None
    convert(
        load_network(place),
        out,
        image_size=size,
        tolerance=options.tolerance,
        overwrite=options.overwrite,
    )
    console.say(f"Converted: {out}, which answers what the model predicts.")
    return 0
