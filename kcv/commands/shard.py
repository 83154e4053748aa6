"""`python -m kcv shard`: a dataset as a few large files."""

import argparse
from pathlib import Path

from kcv.commands.console import Console
from kcv.commands.options import check_counts
from kcv.commands.options import check_order
from kcv.commands.shard_work import ShardWork
from kcv.commands.shard_work import Source
from kcv.commands.shard_work import open_source
from kcv.locks import FolderLock
from kcv.parts import PartFiles
from kcv.parts import do_parts
from kcv.parts import keep_settings
from kcv.parts import read_options
from kcv.quiet_tensorflow import load_tensorflow
from kcv.storage import write_whole

HELP = """\
usage: python -m kcv shard --task TASK --data SOURCE --out DIR [options]

Write a dataset as TFRecord files of some hundred images each, which every
recipe reads as --data shards:DIR. A million images then open at once, and are
read at random without a million small files. What was stopped resumes.

  --task TASK       classification, detection, segmentation, masks, faces or
                    images (without labels)
  --data SOURCE     dataset, as in the recipes: digit_scenes, voc:FOLDER,
                    coco:FILE.json:IMAGES, folder:IMAGES:MASKS, ...
  --out DIR         folder of the shards
  --split PART      train, test or both (both)
  --per-shard N     images per file (1000)
  --limit N         first N images of a split only
  --on-error RULE   about images that cannot be decoded: raise, or skip (raise)
  --boxes RULE      about boxes outside their image: raise, clip or drop (raise)
  --beam OPTION ... work in parts by Apache Beam. All that follow are options of
                    Beam: --runner=FlinkRunner

example:
  python -m kcv shard --task detection --data coco:val.json:images --out shards
"""

_SPLITS = {"train": ("train",), "test": ("test",), "both": ("train", "test")}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command to its parser.

    Args:
        parser: Parser of the command.
    """
    parser.add_argument(
        "--task",
        required=True,
        choices=[
            "classification",
            "detection",
            "segmentation",
            "masks",
            "faces",
            "images",
        ],
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--split", default="both", choices=["train", "test", "both"]
    )
    parser.add_argument("--per-shard", type=int, default=1000)
    parser.add_argument("--limit", type=int)
    parser.add_argument(
        "--on-error", default="raise", choices=["raise", "skip"]
    )
    parser.add_argument(
        "--boxes", default="raise", choices=["raise", "clip", "drop"]
    )
    parser.add_argument("--beam", nargs=argparse.REMAINDER)


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command.

    Args:
        options: Options of the command line.
        console: Console that messages are written to.

    Returns:
        Exit code.

    Raises:
        ImportError: If --beam is given and `kcv[beam]` is not installed.
        OSError: If a file does not exist or cannot be written.
        ValueError: If an option is wrong, an image cannot be decoded, or the
            folder has shards of another dataset.
    """
    check_counts(options, ("per_shard", "limit"))
    if options.beam is not None:
        check_order(options.beam, HELP)
    load_tensorflow()
    flags = None if options.beam is None else read_options(options.beam)
    out = options.out.absolute()
    # Mistakes are told before the folder is made.
    works = [_plan(options, split, out) for split in _SPLITS[options.split]]
    with FolderLock(out, argument="out"):
        keep_settings(
            out,
            {
                name: getattr(options, name)
                for name in (
                    "task",
                    "data",
                    "per_shard",
                    "limit",
                    "on_error",
                    "boxes",
                )
            },
        )
        for work, spans in works:
            _write_split(work, spans, flags, console)
    console.say(f"Read them as --data shards:{options.out}")
    return 0


def _plan(options, split, out) -> tuple[ShardWork, list[tuple[int, int]]]:
    """Open a split, and divide it into spans, one for each shard."""
    source = Source(
        options.task, options.data, split, options.boxes, options.on_error
    )
    size, limit = open_source(source).size, options.limit
    if size is None and limit is None:
        raise ValueError(
            f"`limit` must be given, since --split {split} of {options.data} "
            "does not end, or its size is not known."
        )
    size = min(n for n in (size, limit) if n is not None)
    spans = [
        (begin, min(begin + options.per_shard, size))
        for begin in range(0, size, options.per_shard)
    ]
    files = PartFiles(out, len(spans), ".tfrecord", split)
    return ShardWork(source, files), spans


def _write_split(work, spans, flags, console) -> None:
    files, split = work.files, work.source.split
    missing = files.missing()
    if flags is not None:
        do_parts(work, spans, files, flags)
    else:
        total = sum(spans[k][1] - spans[k][0] for k in missing)
        with console.progress(total) as progress:
            for number in missing:
                content = work(number, spans[number])
                write_whole(files.file(number), content)
                progress.advance(spans[number][1] - spans[number][0])
    images, skipped = work.finish()
    text = f"{split}: {images} images in {len(spans)} shards"
    if skipped:
        text += (
            f", without {len(skipped)} that cannot be decoded, which "
            f"{split}.json lists"
        )
    console.say(f"{text}.")
