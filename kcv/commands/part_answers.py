"""What a worker does about the images of a part: it asks the model."""

import argparse
import dataclasses
import functools
import json
import threading
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from kcv.commands.image_files import ImageFile
from kcv.commands.options import make_proposer
from kcv.commands.output_folder import OutputFolder
from kcv.commands.predict import open_with_style
from kcv.parts import PartFiles
from kcv.quiet_tensorflow import load_tensorflow
from kcv.storage import write_whole

if TYPE_CHECKING:
    from kcv.commands.findings import Style

#: File with the images of all parts, one a line.
IMAGES = "images.jsonl"
#: Beginning of the names of files that list images that failed.
FAILURES = "failures"

_loading = threading.Lock()


@dataclasses.dataclass(frozen=True)
class PartAnswers:
    """Answers of a model about the images of parts.

    An object is pickled and sent to the workers. Each of their processes loads
    the model once.

    Args:
        place: Path of the model, see `find_model`.
        files: Files of the parts.
        options: Options of the command by name, as pairs.
    """

    place: Path
    files: PartFiles
    options: tuple[tuple[str, Any], ...]

    def __call__(self, number: int, span: tuple[int, int]) -> bytes:
        """Ask the model about the images of a part.

        Images that fail are listed in a file of their own.

        Args:
            number: Number of the part.
            span: Begin and end of its images in the file of images, in bytes.

        Returns:
            Lines about the other images, in their order.

        Raises:
            Exception: What the model raises, if it fails on every image.
        """
        model, style = self.load()
        folder = self.files.folder
        images = _read_images(folder / IMAGES, *span)
        findings = _Findings(model, style, folder, dict(self.options))
        findings.gather(images)
        # Before the results, which say that the part is done.
        write_whole(
            dataclasses.replace(self.files, stem=FAILURES).file(number),
            to_lines(
                {"image_id": image.name, "error": findings.failures[image]}
                for image in images
                if image in findings.failures
            ),
        )
        return to_lines(
            record
            for image in images
            for record in findings.records.get(image, ())
        )

    def load(self) -> "tuple[Any, Style]":
        """Load the model, unless this process has done so before.

        Returns:
            The model, and how its findings are written.
        """
        with _loading:
            load_tensorflow()
            return _load(self.place, self.options)


class _Findings:
    """What a model finds in the images of one part.

    Attributes:
        records: Records of each image.
        failures: Error of each image that has failed.
    """

    def __init__(
        self,
        model: Any,
        style: "Style",
        folder: Path,
        options: dict[str, Any],
    ):
        self.records: dict[ImageFile, list] = {}
        self.failures: dict[ImageFile, str] = {}
        self._model = model
        self._style = style
        self._folder = OutputFolder(folder)
        self._batch_size = options["batch_size"]
        self._propose = None
        if model.needs_proposals:
            self._propose = make_proposer(options["proposals"])

    def gather(self, images: Sequence[ImageFile]) -> None:
        """Ask about images in batches, or one by one if that fails."""
        try:
            self._ask(images)
            return
        except Exception as error:
            # A full disk is not the fault of an image.
            if isinstance(error, OSError):
                raise
        raised = None
        for image in images:
            if image in self.records or image in self.failures:
                continue
            try:
                self._ask([image])
            except Exception as error:
                if isinstance(error, OSError):
                    raise
                raised = error
                self.failures[image] = " ".join(str(error).split())
        # Then it is not the fault of the images.
        if raised is not None and not self.records:
            raise raised

    def _ask(self, images: Sequence[ImageFile]) -> None:
        # Not above: they load TensorFlow and matplotlib.
        from kcv.commands.batches import is_futile
        from kcv.commands.batches import model_batches
        from kcv.commands.batches import read_files
        from kcv.commands.findings import make_files
        from kcv.commands.findings import make_records

        unreadable: list[str] = []
        batches = model_batches(
            read_files(images, unreadable),
            self._model,
            self._batch_size,
            self._propose,
        )
        try:
            for examples, batch in batches:
                answers = self._model.answer(batch)
                for one, answer in zip(examples, answers, strict=True):
                    image = images[one["number"]]
                    pixels = one["images"]
                    made = make_files(image, pixels, answer, self._style)
                    for name, content in made.items():
                        self._folder.add_file(name, content)
                    records = make_records(image, answer, self._style)
                    self.records[image] = records
        except Exception as error:
            if not is_futile(error):
                raise
            unreadable = [image.path for image in images]
        for image in images:
            if image.path in unreadable:
                self.failures[image] = "it is absent or not a whole image"


def _read_images(file: Path, begin: int, end: int) -> list[ImageFile]:
    with open(file, "rb") as content:
        content.seek(begin)
        lines = content.read(end - begin).splitlines()
    return [ImageFile(*json.loads(line)) for line in lines]


def to_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Write records as lines of JSON.

    Args:
        records: Values that JSON has.

    Returns:
        The lines in UTF-8.
    """
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    return "".join(f"{line}\n" for line in lines).encode()


@functools.lru_cache(1)
def _load(place, options) -> "tuple[Any, Style]":
    return open_with_style(argparse.Namespace(**dict(options)), place)
