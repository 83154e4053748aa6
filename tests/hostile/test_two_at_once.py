"""Two processes at once: the second is told who was first, or waits."""

import concurrent.futures
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import kcv.storage
from kcv.locks import FolderInUseError
from kcv.locks import FolderLock
from kcv.proposals import ProposalCache
from kcv.proposals.store import cache as cache_module
from kcv.serving import versions
from kcv.storage import remove_leftovers
from kcv.storage import temporary_folder
from kcv.storage import temporary_prefix
from kcv.storage import write_whole
from recipes.common.run import Run
from recipes.common.run import begin

HOLD = """
import sys, time
from kcv.locks import FolderLock
with FolderLock(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def hold():
    """Return a function that lets another process lock a folder."""
    processes = []

    def hold(folder):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        processes.append(process)
        assert process.stdout.readline() == b"locked\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.communicate()


def examples(count, shift=0):
    def generate():
        for n in range(count):
            yield {
                "image_id": f"{n}",
                "images": np.full((20, 30, 3), n + shift, np.uint8),
            }

    signature = {
        "image_id": tf.TensorSpec((), tf.string),
        "images": tf.TensorSpec((None, None, 3), tf.uint8),
    }
    return tf.data.Dataset.from_generator(generate, output_signature=signature)


def test_who_holds_a_folder_is_said_and_the_dead_hold_nothing(hold, tmp_path):
    folder = tmp_path / "run"
    process = hold(folder)
    host = os.uname().nodename
    who = rf"run is in use by process {process.pid} on {host} since 2\d{{3}}-"
    for locked in (
        lambda: FolderLock(folder).__enter__(),
        lambda: begin(Run(out=folder)),
        lambda: ProposalCache(folder, "uniform").compute(
            examples(1), verbose=False
        ),
    ):
        if not (folder / "settings.json").exists():
            write_whole(folder / "settings.json", _settings(tmp_path))
        with pytest.raises(FolderInUseError, match=who):
            locked()
    assert not (folder / "config.json").exists()
    process.send_signal(signal.SIGKILL)
    process.wait()
    with FolderLock(folder):
        holder = json.loads((folder / ".lock").read_text())
        assert holder["pid"] == os.getpid()
        with FolderLock(folder):  # The same thread.
            pass
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            other = pool.submit(FolderLock(folder).__enter__)
            with pytest.raises(FolderInUseError, match=f"{os.getpid()}"):
                other.result()
    assert not (folder / ".lock").exists()


def _settings(folder):
    ProposalCache(folder / "other", "uniform")
    return (folder / "other" / "settings.json").read_bytes()


def test_a_lock_that_is_waited_for(hold, tmp_path):
    process = hold(tmp_path)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(FolderLock(tmp_path, wait=60).__enter__)
        time.sleep(0.2)
        assert not waiting.done()
        process.kill()
        waiting.result(60)


def test_what_the_dead_left_is_removed(tmp_path, monkeypatch):
    with monkeypatch.context() as dead:
        # Processes have smaller numbers.
        dead.setattr(os, "getpid", lambda: 2**22 + 1)
        (temporary_folder(tmp_path, "version-7") / "file").touch()
        (tmp_path / f"{temporary_prefix()}abc.model.keras").touch()
    mine = temporary_folder(tmp_path, "version-8")
    other_host = tmp_path / ".tmp-1-elsewhere-abc.report.html"
    other_host.touch()
    (tmp_path / ".hidden").touch()
    remove_leftovers(tmp_path)
    assert {*tmp_path.iterdir()} == {mine, other_host, tmp_path / ".hidden"}
    os.utime(other_host, (0, 0))
    with FolderLock(tmp_path):
        assert not other_host.exists()
        assert mine.exists()


def test_two_exports_take_two_numbers(tmp_path):
    (tmp_path / "3").mkdir()
    first, unfinished = versions.reserve(tmp_path, None)
    second, _ = versions.reserve(tmp_path, None)
    assert (first, second) == (4, 5)
    with pytest.raises(
        FileExistsError,
        match=rf"Version 4 .* being written by process {os.getpid()} on .* 6",
    ):
        versions.reserve(tmp_path, 4)
    versions.put_in_place(unfinished, tmp_path / "4")
    assert versions.reserve(tmp_path, None)[0] == 6


def test_writers_of_one_name_do_not_mix(tmp_path):
    def write(n):
        for _ in range(30):
            write_whole(tmp_path / "a", bytes([n]) * 50_000)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        [*pool.map(write, range(4))]
    content = (tmp_path / "a").read_bytes()
    assert content == content[:1] * 50_000
    assert os.listdir(tmp_path) == ["a"]


def test_two_caches_never_mix_their_boxes(tmp_path, monkeypatch):
    """Two writers of the same images, each file of which may be the last."""
    monkeypatch.setattr(cache_module, "SECONDS_PER_SHARD", 0)
    first = ProposalCache(tmp_path, "uniform", max_proposals=9)
    second = ProposalCache(tmp_path, "uniform", max_proposals=9)
    first.compute(examples(3), verbose=False)
    second.compute(examples(5), verbose=False)  # Two of them are new.
    assert len(second) == 5
    assert len([*tmp_path.glob("*.npy")]) == 5
    third = ProposalCache(tmp_path, "uniform", max_proposals=9)
    for name in map(str, range(5)):
        np.testing.assert_array_equal(third[name], second[name])
    with pytest.raises(ValueError, match="another image '0'"):
        third.compute(examples(1, shift=1), verbose=False)


@pytest.mark.parametrize("ending", [".boxes.npy", ".images.npz"])
def test_damaged_shards_say_what_to_delete(ending, tmp_path):
    def open_cache():
        return ProposalCache(tmp_path, "uniform", max_proposals=9)

    cache = open_cache()
    cache.compute(examples(2), verbose=False)
    (file,) = tmp_path.glob(f"*{ending}")
    stem = file.name.removesuffix(ending)
    whole = file.read_bytes()
    refused = 0
    for byte in range(0, len(whole), 7):
        content = bytearray(whole)
        content[byte] ^= 64
        file.write_bytes(content)
        error = None
        try:
            damaged = open_cache()
            for name in "01":  # The byte has no meaning.
                np.testing.assert_array_equal(damaged[name], cache[name])
        except ValueError as caught:
            error = str(caught)
        if error is not None:
            assert f"{stem}.images.npz and {stem}.boxes.npy" in error
            assert "Delete both" in error
            refused += 1
    assert refused > len(whole) / 7 / 4
    for part in tmp_path.glob(f"{stem}*"):
        part.unlink()
    again = open_cache()
    again.compute(examples(2), verbose=False)
    assert len(again) == 2


def test_file_systems_without_locks_are_said(tmp_path, monkeypatch, caplog):
    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with FolderLock(tmp_path):
        pass
    assert "is not locked, because its file system has no locks" in caplog.text
    assert kcv.storage.temporary_prefix().startswith(f".tmp-{os.getpid()}-")
