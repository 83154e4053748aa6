"""A write that fails leaves what was there."""

import os

import numpy as np
import pytest

from kcv.storage import write_whole


def test_replaces_the_file(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.txt"]
    mode = tmp_path / "mode"
    mode.touch()
    assert path.stat().st_mode == mode.stat().st_mode


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch
):
    path = tmp_path / "a.txt"
    write_whole(path, b"one")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"two")
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_function_writes_to_a_file_of_the_name(tmp_path):
    values = np.arange(5)
    path = write_whole(tmp_path / "a.npy", lambda file: np.save(file, values))
    assert path == tmp_path / "a.npy"
    np.testing.assert_array_equal(np.load(path), values)
    assert os.listdir(tmp_path) == ["a.npy"]


def test_a_function_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, b"one")

    def half(temporary):
        temporary.write(b"tw")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, half)
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a.txt"]
