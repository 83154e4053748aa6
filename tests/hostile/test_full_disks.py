"""A full disk: an error that names the file, the old file, nothing else."""

import contextlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.detection.rcnn import features
from kcv.faces.verification.array_files import write_arrays
from kcv.proposals import ProposalCache
from kcv.proposals.store.shards import Computed
from kcv.proposals.store.shards import write_shard
from kcv.serving import ServingConfig
from kcv.storage import write_whole
from kcv.style.optimization import Checkpoint
from kcv.style.optimization import optimize_image
from kcv.training import BestWeights
from kcv.training import EpochBackup
from kcv.visualize.report import write_report
from recipes.common.evaluate_and_report import save_model
from recipes.common.evaluate_and_report import write_labels
from recipes.common.history import HistoryFile
from recipes.common.history import write_rows
from recipes.common.kept import keep_result
from recipes.common.metrics import write_metrics
from recipes.common.run import Folder
from recipes.common.run import write_config
from recipes.common.tables import write_tables


@contextlib.contextmanager
def full_after(size):
    """Let files end at so many bytes, as they do where the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    return model


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _metrics(folder, n):
    numbers = {"seconds": n, "epochs": n, "examples_per_second": n}
    write_metrics(folder, {**numbers, "split": "test"})


def _shard(folder, n):
    write_shard(folder, [Computed(str(n), (9, 9), n, np.ones((n + 1, 4)))])


def _best(folder, n, model):
    best = BestWeights(folder / "best.weights.h5", "loss", 3)
    best.set_model(model)
    best.on_train_begin()
    best.on_epoch_end(n, {"loss": -n})


def _backup(folder, n, model):
    backup = EpochBackup(folder)
    backup.set_model(model)
    backup.on_epoch_end(n)


def _history(folder, n):
    file = HistoryFile(folder / "history.csv")
    file.on_train_begin()
    file.on_epoch_end(n, {"loss": n})


def _write_features(folder, n):
    boxes = np.array([[0, 0, 4, 4], [0, 0, 9, 9 + n]], np.float32)
    labels, vectors = np.zeros(1, np.int32), np.ones((2, 8), np.float32)
    features._write(folder, "image", boxes, labels, vectors, vectors)


WRITERS = {
    "bytes": lambda folder, n, _: write_whole(folder / "a", b"%d" % n * 99),
    "function": lambda folder, n, _: write_whole(
        folder / "a.npy", lambda file: np.save(file, np.full(99, n))
    ),
    "rows": lambda folder, n, _: write_rows(folder / "rows.csv", [[n] * 9]),
    "history": lambda folder, n, _: _history(folder, n),
    "config": lambda folder, n, _: write_config(Folder(out=folder, seed=n)),
    "metrics": lambda folder, n, _: _metrics(folder, n),
    "report": lambda folder, n, _: write_report(folder, str(n), {"a": n}),
    "table": lambda folder, n, _: write_tables(
        Folder(out=folder, seed=n), "title", "text", {"rows": [{"a": n}]}, {}
    ),
    "kept result": lambda folder, n, _: keep_result(
        folder / "kept.json", {"n": n}, lambda: n
    ),
    "labels": lambda folder, n, _: write_labels(["cat", str(n)], folder),
    "serving": lambda folder, n, _: ServingConfig(
        "detection", class_names=("cat", str(n))
    ).save(folder),
    "model": lambda folder, n, model: save_model(model, folder),
    "backup": _backup,
    "best weights": _best,
    "cache": lambda folder, n, _: ProposalCache(
        folder / f"cache{n}", "uniform", max_proposals=n + 1
    ),
    "shard": lambda folder, n, _: _shard(folder, n),
    "features": lambda folder, n, _: _write_features(folder, n),
    "arrays": lambda folder, n, _: write_arrays(
        folder / "gallery.npz", "gallery", {"a": np.full(9, n)}
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_what_does_not_fit_leaves_the_old_file(writer, model, tmp_path, capsys):
    write = WRITERS[writer]
    write(tmp_path, 1, model)
    before = contents(tmp_path)
    size = max(map(len, before.values()))
    for room in (0, 1, size // 2, size - 16):
        with full_after(room), pytest.raises(OSError, match=str(tmp_path)):
            write(tmp_path, 2, model)
        # Of several files, those that fit are written.
        assert contents(tmp_path) == before or writer in ("table", "shard")
        assert not [*tmp_path.rglob(".*")]
    write(tmp_path, 2, model)


def test_optimization_of_an_image_outlives_a_full_disk(tmp_path, caplog):
    file = tmp_path / "state.npz"

    def losses(image):
        return {"bowl": tf.square(image)}

    def optimize(count):
        return optimize_image(
            losses,
            np.ones((1, 2, 2, 3)),
            count,
            method="adam",
            checkpoint=Checkpoint(file, {}, every=2),
            verbose=False,
        )

    optimize(2)
    before = contents(tmp_path)
    with full_after(100):
        assert len(optimize(5).seconds) == 5
    assert contents(tmp_path) == before
    assert "No space" in caplog.text or "too large" in caplog.text
    assert str(file) in caplog.text


TRAIN = """
import sys
from pathlib import Path
import numpy as np, keras, resource, tensorflow as tf
from recipes.common.command import run_command
from recipes.common.plan import Plan
from recipes.common.run import Run, begin
from recipes.common.train import train
import dataclasses

@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Run):
    '''Options of this recipe.

    Attributes:
        room: Bytes that a file may have from the second epoch on.
    '''

    out: Path = Path("run")
    room: int = 10**9

class Fill(keras.callbacks.Callback):
    def __init__(self, room):
        super().__init__()
        self.room = room
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.room, hard))

def main(run):
    begin(run)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(400)])
    model.compile("adam", "mse")
    batch = tf.data.Dataset.from_tensors((tf.ones((2, 3)), tf.ones((2, 400))))
    plan = Plan(2, 4, 3, learning_rate=0.01).with_options(run, group=1)
    train(run, model, plan, lambda start: batch.repeat(), Fill(run.room))
    weights = np.concatenate([w.ravel() for w in model.get_weights()])
    np.save(run.out / "weights.npy", weights)

if __name__ == "__main__":
    sys.modules["__main__"].__spec__ = type("Spec", (), {"name": "recipe"})
    run_command(main, Options())
"""


def test_a_backup_that_does_not_fit_ends_the_command_with_a_line(tmp_path):
    (tmp_path / "recipe.py").write_text(TRAIN)

    def call(out, *options):
        return subprocess.run(
            [sys.executable, "recipe.py", "--out", out, *options],
            cwd=tmp_path,
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
        )

    # Less than the backup has, more than the rows of history.csv.
    full = call("run", "--room", "3000")
    assert full.returncode == 2, full.stderr
    last = full.stderr.splitlines()[-1]
    assert last.startswith("python -m recipe: error: ")
    assert "run/backup/epoch-2.weights.h5" in last
    run = tmp_path / "run"
    assert [f.name for f in (run / "backup").iterdir()] == [
        "epoch-1.weights.h5"
    ]
    config = json.loads((run / "config.json").read_text())
    assert config["options"]["room"] == 3000
    # The run resumes when there is room.
    (run / "config.json").unlink()  # The option `room` is another one then.
    assert call("run").returncode == 0
    assert call("whole").returncode == 0
    resumed, whole = (
        np.load(tmp_path / out / "weights.npy") for out in ("run", "whole")
    )
    np.testing.assert_array_equal(resumed, whole)
