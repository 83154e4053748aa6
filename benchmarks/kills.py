"""SIGKILL at random instants: is anything lost, and is the result equal?

    python -m benchmarks.kills

kills training, proposals, publishing and style optimization 20 times each,
resumes each after every kill, and compares what they have in the end with an
uninterrupted run, bit for bit. Most kills of training fall inside epochs; the
row of a task says where they fell. Exit code 1 if anything is lost. It needs
`fork`, so that no process waits for its imports.
"""

import dataclasses
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tyro

import kcv
from kcv.proposals.store import cache as cache_module
from kcv.training import EpochBackup
from kcv.training import Stopwatch
from recipes import lenet_digits

_PIPE = -1  # Of this process: where it says what it is doing.
_EPOCHS = 24
_IMAGES = 80
_ITERATIONS = 60


def tell(phase: str) -> None:
    """Tell the parent what this process is doing now."""
    if _PIPE >= 0:
        os.write(_PIPE, phase.encode() + b"\n")


def tell_around(
    cls: type, method: str, before: str | None, after: str | None = None
) -> None:
    """Let a method tell when it begins and when it has ended."""
    own = getattr(cls, method)

    def told(*arguments, **options):
        if before:
            tell(before)
        result = own(*arguments, **options)
        if after:
            tell(after)
        return result

    setattr(cls, method, told)


# === The tasks: what they do in a folder, and what they leave there ===


def train(folder: Path) -> None:
    """Train LeNet-5, in a process that may be killed."""
    tell_around(Stopwatch, "on_epoch_begin", "inside an epoch")
    tell_around(EpochBackup, "on_epoch_end", "in a backup", "between epochs")
    lenet_digits.main(
        lenet_digits.Options(out=folder, epochs=_EPOCHS, steps_per_epoch=40)
    )


def trained(folder: Path) -> dict[str, Any]:
    """Return weights and history of a finished training."""
    found: dict[str, Any] = {}
    (backup,) = (folder / "backup").glob("epoch-*")
    with h5py.File(backup) as store:

        def visit(name, part):
            if isinstance(part, h5py.Dataset):
                found[name] = part[()].tobytes()

        store.visititems(visit)
    rows = (folder / "history.csv").read_text().splitlines()
    place = rows[0].split(",").index("seconds")
    for number, row in enumerate(rows):
        values = row.split(",")
        found[f"row {number}"] = values[:place] + values[place + 1 :]
    metrics = json.loads((folder / "metrics.json").read_text())
    found["top1"] = metrics["top1"]
    return found


def propose(folder: Path) -> None:
    """Compute proposals of digit scenes."""
    cache_module.SECONDS_PER_SHARD = 0  # type: ignore[assignment]
    scenes = kcv.data.digit_scenes("train", _IMAGES, seed=0).take(_IMAGES)
    tell_around(
        cache_module.ProposalCache,
        "_write_shard",
        "in a shard",
        "between shards",
    )
    cache = kcv.proposals.ProposalCache(folder, "edge_boxes", 300)
    tell("between shards")
    cache.compute(scenes, verbose=False)


def proposed(folder: Path) -> dict[str, Any]:
    """Return the boxes of all images."""
    cache = kcv.proposals.ProposalCache(folder, "edge_boxes", 300)
    return {name: cache[name].tobytes() for name in sorted(cache.known.images)}


def publish(folder: Path) -> None:
    """Publish another version of a small classifier."""
    keras.utils.set_random_seed(0)
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(images)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(images, keras.layers.Dense(3, "softmax")(x))
    tell("in a version")
    kcv.serving.publish(model, folder / "models", class_names=("a", "b", "c"))


def published(folder: Path) -> dict[str, Any]:
    """Return the files of all versions: each must be whole, and like others."""
    versions = sorted((folder / "models").iterdir())
    found = {}
    for version in versions:
        files = {
            str(path.relative_to(version)): path.stat().st_size
            for path in sorted(version.rglob("*"))
            if path.is_file() and path.name not in _DATED
        }
        weights = version / "variables" / "variables.data-00000-of-00001"
        found[json.dumps(files)] = weights.read_bytes()
    return found


# Their contents depend on when and where a version was written.
_DATED = ("kcv.json", "saved_model.pb", "fingerprint.pb", "variables.index")


def paint(folder: Path) -> None:
    """Optimize an image by Adam, with VGG-16 of random weights."""
    keras.utils.set_random_seed(0)
    y, x = np.mgrid[0:40, 0:48]
    content = np.stack([5 * x, 6 * y, 3 * (x + y)], -1).astype(np.uint8)
    tell("inside an optimization")
    kcv.style.neural_style(
        content,
        content[::-1, ::-1],
        network="vgg16",
        weights=None,
        iterations=_ITERATIONS,
        method="adam",
        folder=folder,
        every=2,
        verbose=False,
    )


def painted(folder: Path) -> dict[str, Any]:
    """Return the state that an optimization has in the end."""
    with np.load(folder / "state.npz") as state:
        return {
            name: state[name].tobytes()
            for name in state.files
            if name != "seconds"
        }


@dataclasses.dataclass(frozen=True)
class Task:
    """Something that is killed.

    Attributes:
        work: Function that does the work in a folder, or resumes it.
        result: Function that returns what a finished work has left.
        share: Greatest share of the seconds of the whole work, from its
            beginning, after which it is killed.
    """

    work: Callable[[Path], None]
    result: Callable[[Path], dict[str, Any]]
    share: float


TASKS = {
    "training": Task(train, trained, 0.2),
    "proposals": Task(propose, proposed, 0.2),
    "publishing": Task(publish, published, 1.1),
    "style": Task(paint, painted, 0.2),
}


# === Killing ===


def run(work: Callable[[Path], None], folder: Path, log: Path, until=None):
    """Work in a copy of this process, and kill it after `until` seconds.

    Returns:
        What it was doing last, or None where it ended; and its seconds of work.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        global _PIPE
        _PIPE = writing
        os.close(reading)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = 1
        try:
            work(folder)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    phase, begun = "at the start", None
    while True:
        left = None
        if until is not None and begun is not None:
            left = max(begun + until - time.monotonic(), 0)
        ready, _, _ = select.select([reading], [], [], left)
        if not ready:
            break
        told = os.read(reading, 4096).decode().split("\n")
        if told == [""]:  # It has ended.
            phase = ""
            break
        begun = begun or time.monotonic()
        phase = told[-2] or phase
    if phase:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(reading)
    if not phase and status:
        raise RuntimeError(
            f"{work.__name__} failed:\n{log.read_text()[-3000:]}"
        )
    seconds = time.monotonic() - begun if begun else 0.0
    return phase or None, seconds


def kill_often(name: str, task: Task, kills: int, folder: Path, seed: int):
    """Kill a task so many times, and compare what it has left.

    Returns:
        Where the kills fell, and a line for each thing that is lost.
    """
    rng = random.Random(seed)
    log = folder / f"{name}.log"
    whole = folder / f"{name}-whole"
    _, seconds = run(task.work, whole, log)
    expected = task.result(whole)
    fell: Counter[str] = Counter()
    lost = []
    attempt = 0
    while sum(fell.values()) < kills:
        attempt += 1
        own = folder / f"{name}-{attempt}"
        ended = False
        while not ended and sum(fell.values()) < kills:
            delay = rng.uniform(0, task.share * seconds)
            phase, _ = run(task.work, own, log, delay)
            ended = phase is None and name != "publishing"
            if phase is not None:
                fell[phase] += 1
        run(task.work, own, log)
        lost += compare(own, task.result(own), expected)
        shutil.rmtree(own)
    return fell, lost


def compare(folder: Path, found: dict, expected: dict) -> list[str]:
    """List what is not as in an uninterrupted run, and what is left over."""
    lost = [
        f"{folder.name}: {key} differs"
        for key in sorted({*found, *expected})
        if found.get(key) != expected.get(key)
    ]
    left = [path for path in folder.rglob(".*") if path.name != ".lock"]
    return lost + [f"{path} is left over" for path in left]


def main(
    kills: int = 20, seed: int = 0, only: tuple[str, ...] = tuple(TASKS)
) -> None:
    """Kill each task and print a row for it.

    Args:
        kills: Number of kills of each task.
        seed: Seed of the instants.
        only: Names of the tasks.
    """
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        for name in only:
            start = time.monotonic()
            fell, lost = kill_often(
                name, TASKS[name], kills, Path(temporary), seed
            )
            where = ", ".join(f"{n} {phase}" for phase, n in fell.most_common())
            result = "\n  ".join(lost) or "nothing lost, bit-equal"
            print(
                f"{name}: {sum(fell.values())} kills ({where}): {result} "
                f"({time.monotonic() - start:.0f} s)",
                flush=True,
            )
            failed |= bool(lost)
    sys.exit(int(failed))


if __name__ == "__main__":
    tyro.cli(main, description=__doc__)
