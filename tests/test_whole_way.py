"""README's script for one's own images, from their inspection to a server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.drawn_shapes import draw_images

ROOT = Path(__file__).resolve().parents[1]
SERVER = ROOT / "tests" / "serving" / "servicer.py"


def steps() -> list[str]:
    """Return the commands below the heading of README."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text.partition("\n## Your own images\n")[2]
    script = re.search(r"^```sh\n(.*?)^```", section, re.M | re.S)[1]
    return script.replace("\\\n", " ").splitlines()


@pytest.mark.slow
def test_thirty_images_become_a_server(tmp_path):
    pytest.importorskip("tensorflow_serving")
    draw_images(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    *_, ask = commands = [
        step for step in steps() if step.startswith("python -m ")
    ]

    def run(step):
        return subprocess.run(
            [sys.executable, *step.split()[1:]],
            check=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        ).stdout

    for step in commands[:-1]:
        print(f"$ {step}\n{run(step)}")

    # === Each step has left what it is for ===
    for page in ("inspected", "runs/shapes", "measured", "runs/four"):
        assert (tmp_path / page / "report.html").exists()
    found = (tmp_path / "found" / "predictions.jsonl").read_text("utf-8")
    assert len({json.loads(x)["image_id"] for x in found.splitlines()}) > 25
    first, second = (
        json.loads((tmp_path / run / "metrics.json").read_text("utf-8"))
        for run in ("runs/shapes", "runs/four")
    )
    assert len(first["average_precision"]) == 3
    assert len(second["average_precision"]) == 4
    # Six held-out images say little, but more than chance.
    assert min(first["voc07_map"], second["voc07_map"]) > 0.4

    # === Ask ===
    base = tmp_path / "models" / "four"
    with subprocess.Popen(
        [sys.executable, str(SERVER), str(base), "four"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        grpc_port = server.stdout.readline().split()[0]
        answer = run(f"{ask} --grpc localhost:{grpc_port}")
        server.stdin.close()
    print(f"$ {ask}\n{answer}")
    assert re.search(r"disk|square|triangle|ring", answer)
