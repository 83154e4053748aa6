"""`python -m kcv inspect`: what is in a dataset, and what is wrong in it."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kcv.commands.console import Console
from kcv.commands.output_folder import check_folder
from kcv.commands.text_table import format_table
from kcv.quiet_tensorflow import load_tensorflow

if TYPE_CHECKING:
    from kcv.commands.inspection import Inspection

HELP = """\
usage: python -m kcv inspect --data SOURCE [options]

Look at a dataset before training: decode every image, and name all that is
wrong in its files at once, each with its place. An error is what training
refuses, and an image that is in both parts. A warning is what it accepts:
doubles, EXIF rotation, alpha, images without objects, unused classes, ...

  --data SOURCE  dataset, as in the recipes: digit_scenes, voc:FOLDER,
                 coco:FILE.json:IMAGES, camvid:FOLDER, folder:IMAGES:MASKS,
                 folder:CLASSES, folder:TRAIN:TEST, ...
  --task TASK    detection, masks, segmentation or classification (detection
                 for coco and voc, segmentation for camvid and sbd, otherwise
                 classification). masks are those of objects, for DeepMask
  --out DIR      new or empty folder for report.html: samples, objects per
                 class, sizes, and all faults
  --limit N      first N images of each part only (200 of endless sets)
  --show N       faults on the screen (20); the others are counted
  --overwrite    write into a folder that has files

The exit code is 0 without errors and 1 with errors.

example: python -m kcv inspect --data coco:train.json:images --out inspected
"""

_TASKS = ("detection", "masks", "segmentation", "classification")
_TASK_OF = {
    "coco": "detection",
    "voc": "detection",
    "digit_scenes": "detection",
    "wider_face": "detection",
    "camvid": "segmentation",
    "sbd": "segmentation",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command to its parser.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument("--data", required=True)
    parser.add_argument("--task", choices=_TASKS)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--overwrite", action="store_true")


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command.

    Args:
        options: Options of the command line.
        console: Console that messages are written to.

    Returns:
        Exit code: 0 without errors in the dataset, 1 with errors, or 130 if
        the user has stopped the command.

    Raises:
        OSError: If the dataset does not exist, or the page cannot be written.
        ValueError: If an option is wrong.
    """
    if options.limit is not None and options.limit < 1:
        raise ValueError(
            f"`limit` must be at least 1. Received: limit={options.limit}"
        )
    if options.show < 0:
        raise ValueError(
            f"`show` must be at least 0. Received: show={options.show}"
        )
    if options.out is not None:
        check_folder(options.out, options.overwrite)
    kind = options.data.partition(":")[0].partition("/")[0]
    task = options.task or _TASK_OF.get(kind, "classification")
    load_tensorflow()

    from kcv.commands.inspection import Inspector

    with console.progress(None) as progress:
        inspector = Inspector(task, options.data, options.limit, progress)
        found = inspector.inspect()
    with console.uninterrupted():
        _show(found, options, console)
        if options.out is not None:
            from kcv.commands.inspection_page import write_page

            command = " ".join(["python -m kcv", *sys.argv[1:]])
            page = write_page(found, options.data, options.out, command)
            console.say(f"Report: {page}")
    if not found.is_whole:
        console.say("Stopped by the user. The other images were not read.")
        return 130
    return int(any(fault.is_error for fault in found.faults))


def _show(found: "Inspection", options, console: Console) -> None:
    from kcv.commands.inspection_page import class_rows
    from kcv.commands.inspection_page import summary_rows

    for rows in (summary_rows(found), class_rows(found)):
        if rows:
            console.say(format_table(rows) + "\n")
    limit = options.show
    for fault in found.faults[:limit]:
        kind = "error" if fault.is_error else "warning"
        console.say(f"{kind}: {fault.text}")
    if len(found.faults) > limit:
        where = "all in the report" if options.out else "which --out lists"
        console.say(f"and {len(found.faults) - limit} more, {where}.")
    errors = sum(fault.is_error for fault in found.faults)
    console.say(f"{errors} errors, {len(found.faults) - errors} warnings")
