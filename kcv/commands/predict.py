"""`python -m kcv predict`: what a model finds in images, drawn and written."""

import argparse
import contextlib
import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from kcv.commands.console import Console
from kcv.commands.model_places import find_model
from kcv.commands.model_places import open_model
from kcv.commands.options import add_model_options
from kcv.commands.options import check_numbers
from kcv.commands.options import make_proposer
from kcv.commands.output_folder import OutputFolder
from kcv.commands.output_folder import check_folder
from kcv.quiet_tensorflow import load_tensorflow

if TYPE_CHECKING:
    from kcv.commands.findings import Style

HELP = """\
usage: python -m kcv predict MODEL IMAGE [IMAGE ...] --out DIR [options]

Ask a trained model about images, and draw and write what it finds.

  MODEL             folder of a run, .keras file, published SavedModel, or
                    name of a model of kcv, such as faster_rcnn/digit_scenes
  IMAGE             image file, folder, or pattern such as "photos/*.jpg"
  --out DIR         new or empty folder for drawings, predictions.jsonl (boxes
                    and masks as COCO's results), label maps and summary.json
  --min-score X     leave out boxes and masks that score less (by default all
                    are written, and those from 0.5 on are drawn)
  --batch-size N    images per batch (as many as have a million pixels)
  --limit N         first N images only
  --no-draw         draw no images
  --overwrite       write into a folder that has files
  --task TASK       of a .keras file without serving.json: classification,
                    detection, faces, masks, segmentation or style
  --labels FILE     class names, one a line (those of the run)
  --short-side N    scale images to this short side, in pixels (as in the run)
  --proposals M:N   boxes that Fast R-CNN is given (selective_search:2000)
  --detector MODEL  faces: detector with landmarks, or mtcnn
  --gallery PLACE   faces: folder with a folder of photos for each person, or
                    file of Recognizer.save
  --beam OPTION ... work in parts by Apache Beam, and resume if --out has some.
                    All that follows are options of Beam: --runner=FlinkRunner

example: python -m kcv predict runs/faster_rcnn photos --out found
"""

# Images whose files are being written while the model goes on.
_BEHIND = 16


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command to its parser.

    Args:
        parser: Parser of the command.
    """
    add_model_options(parser)
    parser.add_argument("images", nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--min-score", type=float)
    parser.add_argument("--no-draw", action="store_true")
    parser.add_argument("--detector", type=Path)
    parser.add_argument("--gallery", type=Path)
    parser.add_argument("--beam", nargs=argparse.REMAINDER)


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
    if options.beam is not None:
        from kcv.commands.beam_predict import run_on_beam

        return run_on_beam(options, place, console)
    check_folder(options.out, options.overwrite)
    load_tensorflow()

    from kcv.commands.batches import is_futile
    from kcv.commands.batches import model_batches
    from kcv.commands.batches import read_files
    from kcv.commands.image_files import find_images

    files = find_images(options.images, options.out)[: options.limit]
    model, style = open_with_style(options, place)
    unreadable: list[str] = []
    writer = _Writer(options.out, style)
    stopped = False
    batches = model_batches(
        read_files(files, unreadable),
        model,
        options.batch_size,
        make_proposer(options.proposals) if model.needs_proposals else None,
    )
    try:
        with console.progress(len(files)) as progress:
            skipped = 0
            for examples, batch in batches:
                answers = model.answer(batch)
                for example, answer in zip(examples, answers, strict=True):
                    file = files[example["number"]]
                    writer.add(file, example["images"], answer)
                progress.advance(len(examples) + len(unreadable) - skipped)
                skipped = len(unreadable)
    except KeyboardInterrupt:
        stopped = True
    except Exception as error:
        if writer.done or not is_futile(error):
            raise
        raise ValueError(
            f"None of the {len(files)} files can be read as an image. The "
            f"first is {files[0].path}."
        ) from None
    finally:
        told = {
            "command": "predict",
            "model": str(place),
            "task": style.kind,
            "class_names": list(style.class_names),
            "min_score": style.min_score,
            "images": len(files),
            "unreadable": _names(files, unreadable),
        }
        with console.uninterrupted():
            try:
                writer.finish(told)
            finally:
                if 0 < writer.done < len(files) - len(unreadable):
                    console.say(
                        f"{writer.done} of {len(files)} images are done and "
                        f"kept in {options.out}."
                    )
    if stopped:
        console.say("Stopped by the user.")
        return 130
    console.say(writer.describe(len(files)))
    if unreadable:
        names = _names(files, unreadable)
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        console.say(
            f"Files that cannot be read as images: {len(names)} "
            f"({', '.join(names[:5])}{more})."
        )
    return 0


def open_with_style(
    options: argparse.Namespace, place: Path
) -> tuple[Any, "Style"]:
    """Open the model of the command, and decide how findings are written.

    Args:
        options: Options of the command line.
        place: Path of the model, see `find_model`.

    Returns:
        The model, for faces with the detector and the gallery, and the style.

    Raises:
        ValueError: If an option does not fit the model.
    """
    from kcv.commands.findings import PLACES
    from kcv.commands.findings import Style

    model = _open(options, place)
    draws = not options.no_draw
    style = Style(model.kind, model.class_names, options.min_score, draws)
    if options.min_score is not None and style.kind not in PLACES:
        raise ValueError(
            "`min_score` must be left out, except for boxes and masks. "
            f"Received: min_score={options.min_score}, and a model of task "
            f"{style.kind}"
        )
    return model, style


def _open(options, place) -> Any:
    """Open the model, for faces with the detector and the gallery."""
    model = open_model(place, options.task, options.short_side, options.labels)
    if options.detector is None and options.gallery is None:
        return model
    from kcv.commands.face_names import FaceNames
    from kcv.commands.face_names import published_mtcnn

    detector: Any = None
    if str(options.detector) == "mtcnn":
        detector = published_mtcnn()
    elif options.detector is not None:
        detector = open_model(find_model(options.detector))
    return FaceNames(model, detector, options.gallery)


def _names(files, paths) -> list[str]:
    known = {file.path: file.name for file in files}
    return [known.get(path, path) for path in paths]


class _Writer:
    """Draw and write findings in a thread of its own.

    An error of the thread is raised by the next call.
    """

    def __init__(self, out: Path, style: "Style"):
        # Not above: drawing loads matplotlib.
        from kcv.commands import findings

        self._findings = findings
        self._folder = OutputFolder(out)
        self._style = style
        self._pool = ThreadPoolExecutor(1)
        self._pending: deque[Future] = deque()
        self._failed = threading.Event()
        self.done = 0
        self._records = self._drawn = 0

    def add(self, file, image, answer) -> None:
        while len(self._pending) >= _BEHIND:
            self._pending.popleft().result()
        job = self._pool.submit(self._write, file, image, answer)
        self._pending.append(job)

    def finish(self, summary: dict[str, Any]) -> None:
        """Wait for all files, and write the summary of what is done."""
        self._pool.shutdown(wait=True)
        error = next(
            filter(None, (job.exception() for job in self._pending)), None
        )
        self._pending.clear()
        self._folder.close()
        if self.done:
            finished = self.done + len(summary["unreadable"])
            told = {
                **summary,
                "done": self.done,
                "finished": finished == summary["images"],
            }
            # A full disk has been reported already.
            with contextlib.suppress(OSError):
                self._folder.add_summary(told)
        if error is not None:
            raise error

    def describe(self, total: int) -> str:
        """Write what is in the folder, as one line."""
        text = f"{self.done} of {total} images are done in {self._folder.path}"
        if self._style.kind not in self._findings.PLACES:
            return f"{text}."
        what = "boxes" if self._style.kind == "detection" else self._style.kind
        text += f": {self._records} {what}"
        if self._style.kind == "detection" and self._style.min_score is None:
            limit = self._findings.DRAWN_SCORE
            text += f", of which {self._drawn} score at least {limit}"
        return f"{text}."

    def _write(self, file, image, answer):
        # After an error nothing more is written, so that each line of the
        # records has its files.
        if self._failed.is_set():
            return
        try:
            made = self._findings.make_files(file, image, answer, self._style)
            for name, content in made.items():
                self._folder.add_file(name, content)
            records = self._findings.make_records(file, answer, self._style)
            self._folder.add_records(records)
        except BaseException:
            self._failed.set()
            raise
        self.done += 1
        self._records += len(records)
        limit = self._findings.DRAWN_SCORE
        self._drawn += sum(own.get("score", 0) >= limit for own in records)
