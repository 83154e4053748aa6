"""`python -m kcv predict --beam`: any number of images, on many machines.

The folder has these files, and the images and label maps of `predict`:

settings.json                   what was asked
images.jsonl                    path, name and stem of each image
results-00000-of-00004.jsonl    lines about the images of a part
failures-00000-of-00004.jsonl   images of a part that failed, and why
failures.jsonl                  images of all parts that failed, and why
summary.json                    what was done
"""

import argparse
import dataclasses
import hashlib
import itertools
import json
from pathlib import Path

from kcv.commands.console import Console
from kcv.commands.image_files import find_images
from kcv.commands.options import check_order
from kcv.commands.output_folder import OutputFolder
from kcv.commands.output_folder import check_folder
from kcv.commands.part_answers import FAILURES
from kcv.commands.part_answers import IMAGES
from kcv.commands.part_answers import PartAnswers
from kcv.commands.predict import HELP
from kcv.locks import FolderLock
from kcv.parts import PartFiles
from kcv.parts import do_parts
from kcv.parts import is_begun
from kcv.parts import keep_settings
from kcv.parts import read_options
from kcv.quiet_tensorflow import load_tensorflow
from kcv.storage import write_whole

# A worker that dies loses no more than this.
_IMAGES_PER_PART = 256
# Options that decide about what is written.
_DECIDING = (
    "batch_size",
    "min_score",
    "no_draw",
    "task",
    "labels",
    "short_side",
    "proposals",
    "detector",
    "gallery",
)


def run_on_beam(
    options: argparse.Namespace, place: Path, console: Console
) -> int:
    """Run the command by a pipeline of Apache Beam.

    Args:
        options: Options of the command line.
        place: Path of the model, see `find_model`.
        console: Console that messages are written to.

    Returns:
        Exit code.

    Raises:
        ImportError: If `kcv[beam]` is not installed.
        OSError: If a file does not exist or cannot be written.
        ValueError: If an option is wrong, the folder has results of other
            images or options, or no image can be read.
    """
    check_order(options.beam, HELP)
    # First, since Apache Beam loads it with its messages.
    load_tensorflow()
    flags = read_options(options.beam)
    out, place = options.out.absolute(), place.absolute()
    check_folder(out, options.overwrite or is_begun(out))
    images = find_images(options.images, out)[: options.limit]
    lines = [json.dumps(image).encode() + b"\n" for image in images]
    count = -(-len(images) // _IMAGES_PER_PART)
    deciding = {name: getattr(options, name) for name in _DECIDING}
    work = PartAnswers(
        place, PartFiles(out, count, ".jsonl"), tuple(deciding.items())
    )
    # Mistakes are told before a cluster begins to work.
    _, style = work.load()
    with FolderLock(out, argument="out"):
        keep_settings(
            out,
            {
                "model": str(place),
                "images": len(images),
                "images_sha256": hashlib.sha256(b"".join(lines)).hexdigest(),
                "parts": count,
                **{
                    name: str(value) if isinstance(value, Path) else value
                    for name, value in deciding.items()
                },
            },
        )
        write_whole(out / IMAGES, b"".join(lines))
        missing = len(work.files.missing())
        if missing < count:
            console.say(f"{count - missing} of {count} parts are done already.")
        do_parts(work, _spans(lines), work.files, flags)
        failed = b"".join(
            dataclasses.replace(work.files, stem=FAILURES)
            .file(number)
            .read_bytes()
            for number in range(count)
        )
        write_whole(out / f"{FAILURES}.jsonl", failed)
        failures = len(failed.splitlines())
        OutputFolder(out).add_summary(
            {
                "command": "predict",
                "model": str(place),
                "task": style.kind,
                "class_names": list(style.class_names),
                "min_score": style.min_score,
                "images": len(images),
                "failed": failures,
                "done": len(images) - failures,
                "finished": True,
            }
        )
    if failures == len(images):
        first = json.loads(failed.splitlines()[0])
        raise ValueError(
            f"None of the {failures} images has an answer. The first is "
            f"{images[0].path}: {first['error']}."
        )
    console.say(
        f"{len(images) - failures} of {len(images)} images are done in {out}."
    )
    if failures:
        console.say(f"{failures} images failed: {out / FAILURES}.jsonl.")
    return 0


def _spans(lines: list[bytes]) -> list[tuple[int, int]]:
    """Return where the lines of each part begin and end, in bytes."""
    ends = [0, *itertools.accumulate(map(len, lines))]
    bounds = [*ends[:-1:_IMAGES_PER_PART], ends[-1]]
    return list(itertools.pairwise(bounds))
