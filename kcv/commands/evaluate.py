"""`python -m kcv evaluate`: what a model is worth on a dataset."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from kcv.commands.console import Console
from kcv.commands.model_places import find_model
from kcv.commands.model_places import open_model
from kcv.commands.options import add_model_options
from kcv.commands.options import check_numbers
from kcv.commands.options import make_proposer
from kcv.commands.output_folder import check_folder
from kcv.commands.text_table import format_table
from kcv.quiet_tensorflow import load_tensorflow

if TYPE_CHECKING:
    from kcv.commands.measured import Measured

HELP = """\
usage: python -m kcv evaluate MODEL --data SOURCE [options]

Measure a trained model on held-out images. Boxes: AP by VOC and COCO, missed
and false detections. Label maps: IU per class. Classes: top 1, top 5, and what
is confused. Masks: average recall. For all but masks: the worst images.

  MODEL             folder of a run, .keras file, published SavedModel, or
                    name of a model of kcv, such as faster_rcnn/digit_scenes
  --data SOURCE     dataset, as in the recipes: digit_scenes, voc:FOLDER,
                    coco:FILE.json:IMAGES, folder:IMAGES:MASKS, folder:CLASSES,
                    ... Classes are matched by name
  --out DIR         new or empty folder for metrics.json and report.html
  --split PART      test or train (test, which no recipe has trained on)
  --min-score X     score from which on a box counts as missed or false (0.5)
  --batch-size N    images per batch (as many as have a million pixels)
  --limit N         first N images only
  --boxes RULE      about boxes outside their image: raise, clip or drop (raise)
  --overwrite       write into a folder that has files
  --task TASK       of a .keras file without serving.json: classification,
                    detection, masks or segmentation
  --labels FILE     class names of the model, one a line (those of the run)
  --short-side N    scale images to this short side, in pixels (as in the run)
  --proposals M:N   boxes that Fast R-CNN is given (selective_search:2000)

example:
  python -m kcv evaluate runs/faster_rcnn --data coco:val.json:images --out eval
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command to its parser.

    Args:
        parser: Parser of the command.
    """
    add_model_options(parser)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--split", default="test", choices=["test", "train"])
    parser.add_argument("--min-score", type=float, default=0.5)
    parser.add_argument(
        "--boxes", default="raise", choices=["raise", "clip", "drop"]
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command.

    Args:
        options: Options of the command line.
        console: Console that messages are written to.

    Returns:
        Exit code: 0, or 130 if the user has stopped the command.

    Raises:
        OSError: If a file does not exist or cannot be written.
        ValueError: If an option is wrong, or no image can be read.
    """
    # What is wrong at first sight is said before TensorFlow is loaded.
    check_numbers(options)
    place = find_model(options.model)
    if options.out is not None:
        check_folder(options.out, options.overwrite)
    load_tensorflow()

    from kcv.commands.batches import is_futile
    from kcv.commands.batches import model_batches
    from kcv.commands.classes import match_classes
    from kcv.commands.measures import make_measure
    from kcv.data.sources.class_counts import count_classes

    model = open_model(place, options.task, options.short_side, options.labels)
    skipped: list[str] = []
    dataset, names, size = _open_data(model.kind, options, skipped)
    classes = match_classes(names, model.class_names, options.data)
    other_part = count_classes(
        model.kind,
        options.data,
        "train" if options.split == "test" else "test",
        len(names),
        boxes=options.boxes,
    )
    measure = make_measure(
        model.kind,
        classes,
        options.min_score,
        {name: classes.order(own) for name, own in other_part.items()},
    )
    batches = model_batches(
        dataset,
        model,
        options.batch_size,
        make_proposer(options.proposals) if model.needs_proposals else None,
    )
    begun = time.monotonic()
    done, stopped, failure = 0, "", None
    try:
        with console.progress(size) as progress:
            for examples, batch in batches:
                answers = model.answer(batch)
                for example, answer in zip(examples, answers, strict=True):
                    measure.add(example, answer)
                done += len(examples)
                progress.advance(len(examples))
    except KeyboardInterrupt:
        stopped = ", stopped by the user"
    except Exception as error:
        # What is measured already is told below, before the error.
        stopped, failure = ", stopped by an error", error
    if not done:
        if failure is not None and is_futile(failure):
            raise ValueError(
                f"None of the images of {options.data} can be read. "
                f"`python -m kcv inspect --data {options.data}` names them."
            ) from None
        if failure is not None:
            raise failure
        if stopped:
            raise KeyboardInterrupt
        raise ValueError(f"No image of {options.data} was measured.")
    with console.uninterrupted():
        part = "held-out" if options.split == "test" else "training"
        split = f"{options.data}, {done} {part} images{stopped}"
        measured = measure.result()
        seconds = time.monotonic() - begun
        _show(measured, split, console)
        if skipped:
            console.say(f"{len(skipped)} images cannot be read.")
        if options.out is not None:
            extra = {
                "split": split,
                "unreadable": len(skipped),
                "images_per_second": done / seconds,
            }
            page = _write(options, place, measured, extra)
            console.say(f"Report: {page}")
    if failure is not None:
        raise failure
    return 130 if stopped else 0


def _open_data(kind, options, skipped) -> tuple[Any, tuple[str, ...], Any]:
    """Open the images of the task: examples, class names and their number."""
    import tensorflow as tf

    from kcv import data

    load, keys, arguments = {
        "detection": (
            data.load_detection,
            ("bounding_boxes", "difficult", "is_crowd"),
            {"boxes": options.boxes},
        ),
        "classification": (data.load_classification, ("labels",), {}),
        "segmentation": (data.load_segmentation, ("segmentation_masks",), {}),
        "masks": (
            data.load_instances,
            ("instance_masks", "difficult", "is_crowd"),
            {"boxes": options.boxes},
        ),
    }.get(kind, (None, (), {}))
    if load is None:
        raise ValueError(
            "`model` must be a classifier, a detector, a segmenter or a mask "
            f"model. Received: a model of task {kind}, for which there is no "
            "metric"
        )
    dataset, names, size = load(
        options.data,
        options.split,
        on_error="skip",
        skipped=skipped,
        **arguments,
    )
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        if options.limit is None:
            raise ValueError(
                f"`limit` must be given, since --split {options.split} of "
                f"{options.data} does not end."
            )
        size = options.limit
    if options.limit is not None:
        dataset = dataset.take(options.limit)
        size = None if size is None else min(size, options.limit)

    def select(example):
        image = example["images"]
        if image.shape[-1] == 1:  # gray, as a file of it is decoded
            image = tf.image.grayscale_to_rgb(image)
        kept = {key: example[key] for key in (*keys, "image_id")}
        return {**kept, "images": image}

    return dataset.map(select, tf.data.AUTOTUNE), names, size


def _show(measured: "Measured", split: str, console: Console) -> None:
    console.say(split)
    rows = [{"metric": k, "value": v} for k, v in measured.metrics.items()]
    for caption, table in {"": rows, **measured.tables}.items():
        if not table:
            continue
        console.say(f"\n{caption}".rstrip("\n"))
        # A screen has room for the worst of the worst.
        shown = table[:5] if caption.startswith("Worst") else table
        console.say(format_table(shown))


def _write(options, place, measured: "Measured", extra: dict) -> Path:
    from kcv.environment import describe_machine
    from kcv.environment import package_versions
    from kcv.metrics.metrics_file import write_metrics_file
    from kcv.visualize import write_report

    options.out.mkdir(parents=True, exist_ok=True)
    metrics = {**measured.metrics, **extra}
    tables = {
        caption: {
            str(next(iter(row.values()))): dict(list(row.items())[1:])
            for row in rows
        }
        for caption, rows in measured.tables.items()
    }
    write_metrics_file(options.out, {**metrics, **tables, "model": str(place)})
    return write_report(
        options.out,
        f"{options.model.name} on {options.data}",
        metrics,
        figures=measured.figures,
        configuration={k: v for k, v in vars(options).items() if v is not None},
        command=" ".join(["python -m kcv", *sys.argv[1:]]),
        tables=measured.tables,
        environment={**package_versions(), "machine": describe_machine()},
    )
