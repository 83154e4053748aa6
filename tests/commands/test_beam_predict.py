"""`python -m kcv predict --beam` on Beam's local runner."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from kcv.commands import beam_predict
from kcv.commands import main
from kcv.commands.answers import KerasAnswers
from kcv.serving import ServingConfig
from kcv.serving import ShortSide
from tests.commands.conftest import write_image

pytest.importorskip("apache_beam")


@pytest.fixture(scope="module")
def run(detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    detector.save(folder / "model.keras")
    ServingConfig("detection", ShortSide(48, 96), ("cat", "dog")).save(folder)
    return folder


def write_scenes(folder, count):
    """Write images of three sizes, and a file that is not an image."""
    random = np.random.default_rng(4)
    for number in range(count):
        size = [(24, 32), (32, 24), (40, 40)][number % 3]
        image = random.integers(0, 256, (*size, 3), "uint8")
        write_image(folder / f"{number:04}.png", image)
    (folder / "0003b.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"), 20)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(beam_predict, "_IMAGES_PER_PART", 8)


def go(*words):
    return main(["predict", *map(str, words)])


def on_beam(run, scenes, out, *words):
    return go(run, scenes, "--out", out, "--no-draw", *words, "--beam")


def lines(files):
    return [
        line
        for file in sorted(files)
        for line in file.read_text("utf-8").splitlines()
    ]


def results(out):
    return lines(out.glob("results-*"))


def modified(out):
    return {f.name: f.stat().st_mtime_ns for f in out.glob("results-*")}


def test_it_writes_what_predict_writes(run, scenes, tmp_path, capsys):
    out = tmp_path / "out"
    assert on_beam(run, scenes, out) == 0
    assert "20 of 21 images are done" in capsys.readouterr().out
    assert go(run, scenes, "--out", tmp_path / "plain", "--no-draw") == 0
    found = results(out)
    plain = lines([tmp_path / "plain" / "predictions.jsonl"])
    assert sorted(found) == sorted(plain)
    names = [json.loads(line)["image_id"] for line in found]
    assert names == sorted(names)
    (failure,) = map(json.loads, lines([out / "failures.jsonl"]))
    assert failure["image_id"] == "0003b.jpg"
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["done"], summary["failed"]) == (20, 1)
    assert summary["finished"]

    # A run that was stopped does what is missing, and nothing else.
    lost = out / "results-00001-of-00003.jsonl"
    lost.unlink()
    before = modified(out)
    assert on_beam(run, scenes, out) == 0
    assert results(out) == found
    after = modified(out)
    assert {name: after[name] for name in before} == before
    assert lost.name in after

    assert on_beam(run, scenes, out, "--min-score", "0.5") == 2
    assert "min_score=None. Received: min_score=0.5" in capsys.readouterr().err
    assert results(out) == found


def test_an_image_that_a_model_fails_on_is_listed(
    run, scenes, tmp_path, monkeypatch, capsys
):
    answer = KerasAnswers.answer

    def fail_on_squares(self, batch):
        if any(image.shape[0] == 40 for image in batch.images):
            raise ValueError("squares are\nodd")
        return answer(self, batch)

    monkeypatch.setattr(KerasAnswers, "answer", fail_on_squares)
    out = tmp_path / "out"
    assert on_beam(run, scenes, out, "--limit", 7) == 0
    found = [json.loads(line) for line in lines([out / "failures.jsonl"])]
    errors = {one["image_id"]: one["error"] for one in found}
    assert sorted(errors) == ["0002.png", "0003b.jpg", "0005.png"]
    assert errors["0005.png"] == "squares are odd"
    names = {json.loads(line)["image_id"] for line in results(out)}
    assert names == {f"000{number}.png" for number in (0, 1, 3, 4)}

    # What fails on every image is not listed as done.
    def fail(self, batch):
        raise ValueError("the device is gone")

    monkeypatch.setattr(KerasAnswers, "answer", fail)
    assert on_beam(run, scenes, tmp_path / "none", "--limit", 2) == 2
    assert "the device is gone" in capsys.readouterr().err
    assert not results(tmp_path / "none")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--no-draw"], "--no-draw after --beam"),
        (["--direct_num_workers=x"], "options of Apache Beam"),
    ],
)
def test_a_mistake_is_told(run, scenes, tmp_path, capsys, words, message):
    out = tmp_path / "out"
    assert go(run, scenes, "--out", out, "--beam", *words) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not out.exists()


def test_without_beam(run, scenes, tmp_path, capsys, monkeypatch):
    name = "apache_beam.options.pipeline_options"
    monkeypatch.setitem(sys.modules, name, None)
    assert on_beam(run, scenes, tmp_path / "out") == 2
    assert "[beam]" in capsys.readouterr().err


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_no_double(run, tmp_path):
    scenes = write_scenes(tmp_path / "scenes", 1000)
    out = tmp_path / "out"
    words = ["predict", run, scenes, "--out", out, "--no-draw", "--beam"]
    workers = [
        "--direct_running_mode=multi_processing",
        "--direct_num_workers=2",
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "kcv", *map(str, words), *workers],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while process.poll() is None and not modified(out):
            time.sleep(0.1)
        victim = _workers_of(process.pid)[0]
        os.kill(victim, signal.SIGKILL)
        _, said = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "started again" in said
    plain = tmp_path / "plain"
    assert go(run, scenes, "--out", plain, "--no-draw") == 0
    expected = lines([plain / "predictions.jsonl"])
    assert sorted(results(out)) == sorted(expected)
    assert len(lines([out / "failures.jsonl"])) == 1


def _workers_of(parent):
    """List the worker processes below a process."""
    found = subprocess.run(
        ["ps", "-eo", "pid,ppid,args"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split(None, 2) for line in found.stdout.splitlines()[1:]]
    below = {str(parent)}
    for _ in range(3):
        below |= {pid for pid, ppid, _ in rows if ppid in below}
    return [
        int(pid)
        for pid, _, words in rows
        if pid in below
        and "sdk_worker_main" in words
        and not words.startswith("/bin/sh")
    ]
