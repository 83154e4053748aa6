"""Time and memory of opening shards, over the number of their images.

    python -m benchmarks.shard_index

The index is simulated: all its rows lead to one small image. So nothing is
measured but what grows with the number of images. Each number has a process of
its own.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tyro


def main(images: Sequence[int] = (10_000, 100_000, 1_000_000)) -> None:
    """Print seconds and megabytes for each number of images, and the slopes.

    Args:
        images: Numbers of images, at least two.
    """
    measured = []
    with tempfile.TemporaryDirectory() as name:
        for count in images:
            folder = write_shards(Path(name) / str(count), count)
            measured.append(_measure_apart(folder))
            opened, first, grown = measured[-1]
            print(
                f"{count:9,} images: open in {opened:.3f} s, first of a "
                f"shuffled epoch after {first:.2f} s, memory grows by "
                f"{grown:.1f} MB"
            )
    slopes = np.polyfit(images, measured, 1)[0] * 1e6
    print(
        f"per million images: {slopes[0]:.3f} s, {slopes[1]:.2f} s, "
        f"{slopes[2]:.1f} MB"
    )


def write_shards(folder: Path, count: int) -> Path:
    """Write shards of any number of images, which are all the same one.

    Args:
        folder: Folder that is made.
        count: Number of images.

    Returns:
        `folder`.
    """
    import kcv
    from kcv.data.formats.shard_writing import describe_specs
    from kcv.data.formats.shard_writing import write_records
    from kcv.data.formats.shards import FORMAT

    folder.mkdir()
    one = kcv.data.load_classification("digits", "test").dataset.take(1)
    content, rows = write_records(one, None, 0)
    (folder / "train-00000-of-00001.tfrecord").write_bytes(content)
    np.save(folder / "train.index.npy", np.repeat(rows, count))
    described = {
        "format": FORMAT,
        "class_names": [str(label) for label in range(10)],
        "shards": 1,
        "images": count,
        "specs": describe_specs(one.element_spec),
    }
    (folder / "train.json").write_text(json.dumps(described))
    return folder


def measure(folder: Path) -> tuple[float, float, float]:
    """Open shards and read the first images of a shuffled epoch.

    Args:
        folder: Folder of the shards.

    Returns:
        Seconds until the set is open, seconds until its first image is there,
        and megabytes by which the memory of the process has grown after a
        thousand images.
    """
    import kcv

    # What any dataset costs at its first use is not counted.
    small = write_shards(folder.parent / f"{folder.name}-small", 10)
    _read(kcv.data.load_classification(f"shards:{small}", seed=1), 1000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    opened = kcv.data.load_classification(f"shards:{folder}", seed=1)
    done = time.perf_counter()
    _read(opened, 1)
    first = time.perf_counter()
    _read(opened, 1000)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return done - begun, first - begun, (after - before) / 1024


def _read(opened, count):
    for _ in opened.dataset.take(count):
        pass


def _measure_apart(folder: Path) -> tuple[float, float, float]:
    code = (
        "import json, sys, pathlib; from benchmarks import shard_index; "
        "print(json.dumps(shard_index.measure(pathlib.Path(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    tyro.cli(main)
