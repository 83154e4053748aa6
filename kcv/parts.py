"""Work in parts, which Apache Beam does in one process or on many machines.

Each part is a file of the same folder, such as `results-00003-of-00008.jsonl`.
It is written whole under its final name, and its content depends on the part
alone. So a part that is done twice, because a worker was believed dead, is one
file, and a run that was stopped continues with the parts that are missing.
"""

import dataclasses
import json
import logging
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from kcv.extras import describe_installation
from kcv.storage import write_whole
from kcv.text_files import read_object

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

_LOG = logging.getLogger(__name__)
_SETTINGS = "settings.json"


@dataclasses.dataclass(frozen=True)
class PartFiles:
    """The files of the parts of a piece of work.

    Attributes:
        folder: Folder that all workers can read and write.
        count: Number of parts.
        ending: Ending of the names of files, with its dot.
        stem: Beginning of the names. Defaults to "results".
    """

    folder: Path
    count: int
    ending: str
    stem: str = "results"

    def file(self, number: int) -> Path:
        """Return the path of the file that a part has when it is done.

        Args:
            number: Number of the part, from 0.

        Example:

        >>> PartFiles(Path("out"), 8, ".jsonl").file(3).as_posix()
        'out/results-00003-of-00008.jsonl'
        """
        name = f"{self.stem}-{number:05}-of-{self.count:05}{self.ending}"
        return self.folder / name

    def missing(self) -> list[int]:
        """List the parts that are not done.

        Returns:
            Their numbers, in increasing order.
        """
        return [k for k in range(self.count) if not self.file(k).exists()]


def keep_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Write down what the parts of a folder were made with, or compare it.

    Args:
        folder: Folder of the parts, which exists.
        settings: Values that JSON has, by name.

    Raises:
        ValueError: If the folder has parts of other settings.
    """
    file = folder / _SETTINGS
    if not file.exists():
        text = json.dumps(settings, indent=2, ensure_ascii=False)
        write_whole(file, text.encode() + b"\n")
        return
    found = read_object(file)
    # In the form in which they are read: lists for tuples.
    for name, value in json.loads(json.dumps(settings)).items():
        if found.get(name) != value:
            raise ValueError(
                f"{folder} holds parts with {name}={found.get(name)!r}. "
                f"Received: {name}={value!r}. Give another folder, or delete "
                "this one."
            )


def is_begun(folder: Path) -> bool:
    """Return whether a folder holds parts of work that can be resumed.

    Args:
        folder: Path of the folder, which need not exist.
    """
    return (folder / _SETTINGS).is_file()


def read_options(flags: Sequence[str]) -> "PipelineOptions":
    """Read options of Apache Beam as its own programs do.

    Args:
        flags: Words of a command line, such as ["--runner=FlinkRunner"].

    Returns:
        The options. Without a runner, the work is done on this machine.

    Raises:
        ImportError: If `kcv[beam]` is not installed.
        ValueError: If an option does not have the form of its kind.
    """
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise ImportError(
            f"`beam` needs apache-beam ({error}). "
            + describe_installation("beam")
        ) from error
    try:
        options = PipelineOptions([*flags])
        options.get_all_options()
    except SystemExit as error:  # argparse has written why.
        raise ValueError(
            "`beam` must be followed by options of Apache Beam. Received: "
            f"beam={' '.join(flags)!r}"
        ) from error
    return options


def do_parts(
    work: Callable[[int, Any], bytes],
    tasks: Sequence[Any],
    files: PartFiles,
    options: "PipelineOptions",
) -> None:
    """Do the parts that are missing, by a pipeline of Apache Beam.

    A runner of a cluster gives the parts of a worker that dies to another one.
    The local runner ends with an error instead. So a pipeline that ends with an
    error is started again, as long as each start finishes at least one part.

    Args:
        work: Function from the number of a part and its task to the content of
            its file. It is pickled, and called on any worker, maybe twice for
            one part.
        tasks: Small values that can be pickled, one for each part.
        files: Files of the parts.
        options: Options of the pipeline, see `read_options`.

    Raises:
        OSError: If workers have written to another folder of the same name.
        Exception: What the runner raises if `work` fails.
    """
    import apache_beam as beam

    while missing := files.missing():
        own = [(number, tasks[number]) for number in missing]
        try:
            with beam.Pipeline(options=options) as pipeline:
                (
                    pipeline
                    | "Parts" >> beam.Create(own)
                    # So that the parts spread over the workers.
                    | "Spread" >> beam.Reshuffle()
                    | "Work" >> beam.MapTuple(_Writing(work, files))
                    # The local runner misses the death of a worker unless it
                    # waits for elements of this worker.
                    | "Count" >> beam.combiners.Count.Globally()
                )
        except Exception as error:
            left = files.missing()
            if len(left) == len(missing):
                raise
            _LOG.warning(
                "The pipeline has ended with an error. It is started again "
                "for %d of %d parts. The error was: %s",
                len(left),
                files.count,
                str(error).strip().splitlines()[-1],
            )
            continue
        if files.missing():
            raise OSError(
                f"The pipeline has ended, and {len(files.missing())} of "
                f"{files.count} parts are not in {files.folder}. All workers "
                "must write to this folder, on a file system that they share."
            )


@dataclasses.dataclass(frozen=True)
class _Writing:
    """Do a part, and write its file."""

    work: Callable[[int, Any], bytes]
    files: PartFiles

    def __call__(self, number: int, task: Any) -> int:
        file = self.files.file(number)
        # The runner may ask for a part again that is done.
        if not file.exists():
            write_whole(file, self.work(number, task))
        return number
