"""Ctrl-C ends every command, in seconds, and leaves what can be resumed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# One process imports the libraries, and each case is a copy of it.
CASES = """
import ctypes, dataclasses, json, os, signal, sys, time
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from PIL import Image
import kcv.interrupts
from kcv.data import image_folder
from kcv.proposals import ProposalCache
from kcv.training import completed_epochs
from recipes.common.command import run_command
from recipes.common.plan import Plan
from recipes.common.run import Folder, Run, begin
from recipes.common.train import train

kcv.interrupts._SECONDS = 1.0
# It is ignored where the tests run in the background of a shell.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["recipe"]
sys.modules["__main__"].__spec__ = type("Spec", (), {"name": "recipe"})

@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Run):
    '''Options.'''

    out: Path = Path("run")

def ready():
    os.write(to_parent, b"r")

class Ready(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.optimizer.iterations == 12:  # Within epoch 2.
            ready()

def training(run):
    begin(run)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    model.compile("adam", "mse")
    def slow(x):
        time.sleep(0.05)
        return x
    batch = tf.data.Dataset.from_tensors((tf.ones((2, 3)), tf.ones((2, 4))))
    batch = batch.repeat().map(lambda x, y: (
        tf.ensure_shape(tf.numpy_function(slow, [x], tf.float32), (2, 3)), y))
    plan = Plan(2, 800, 100, learning_rate=0.01).with_options(run, group=1)
    train(run, model, plan, lambda start: batch, Ready())

def in_c(run):
    # A call that no signal ends, without Python's lock: as long updates are.
    mutex = ctypes.create_string_buffer(64)
    lock = ctypes.CDLL(None).pthread_mutex_lock
    lock(mutex)
    ready()
    lock(mutex)

def proposals(run):
    calls = []
    def slow(image):
        calls.append(None)
        time.sleep(0.2)
        if len(calls) == 6:
            ready()
        return np.array([[0, 0, 5, 5]], np.float32)
    import kcv.proposals.store.cache as module
    module.SECONDS_PER_SHARD = 0
    def images():
        for n in range(1000):
            yield {"image_id": str(n), "images": np.zeros((8, 8, 3), np.uint8)}
    spec = {"image_id": tf.TensorSpec((), tf.string),
            "images": tf.TensorSpec((None, None, 3), tf.uint8)}
    data = tf.data.Dataset.from_generator(images, output_signature=spec)
    ProposalCache(run.out, slow).compute(data, threads=2, verbose=False)

def unreadable(run):
    class Endless(list):
        def append(self, value):
            if not self:
                super().append(value)
                ready()
    folder = Path("many")
    (folder / "cat").mkdir(parents=True)
    Path("empty").touch()
    for n in range(20_000):
        os.link("empty", folder / "cat" / f"{n}.jpg")
    next(iter(image_folder(folder, seed=1, on_error="skip", skipped=Endless())))

results = {}
for case in (training, in_c, proposals, unreadable):
    from_child, to_parent = os.pipe()
    log = open(f"{case.__name__}.log", "w")
    child = os.fork()
    if not child:
        os.dup2(log.fileno(), 2)
        os.dup2(log.fileno(), 1)
        sys.argv += ["--out", case.__name__]
        run_command(case, Options())
        sys.exit(99)
    os.close(to_parent)
    os.read(from_child, 1)
    time.sleep(0.1)
    os.kill(child, signal.SIGINT)
    start = time.monotonic()
    _, status = os.waitpid(child, 0)
    results[case.__name__] = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - start,
        "error": Path(f"{case.__name__}.log").read_text(),
    }
json.dump(results, open("results.json", "w"))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interrupted")
    (folder / "cases.py").write_text(CASES)
    subprocess.run(
        [sys.executable, "cases.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
        timeout=600,
    )
    return folder, json.loads((folder / "results.json").read_text())


@pytest.mark.parametrize(
    "case", ["training", "in_c", "proposals", "unreadable"]
)
def test_ctrl_c_ends_a_command_with_a_line(case, ended):
    folder, results = ended
    result = results[case]
    assert result["code"] == 130, result
    message = f"recipe: interrupted. All files in {case} are whole. The same"
    assert message in result["error"]
    assert "Traceback" not in result["error"]
    assert result["seconds"] < 60
    left = [path.name for path in folder.glob(f"{case}/**/.*")]
    assert left in ([], [".lock"])


def test_what_was_interrupted_can_be_resumed(ended):
    folder, _ = ended
    backups = [path.name for path in (folder / "training/backup").iterdir()]
    assert backups == ["epoch-1.weights.h5"]
    rows = (folder / "training/history.csv").read_text().splitlines()
    assert len(rows) == 2
    shards = [*(folder / "proposals").glob("*.npy")]
    assert shards
