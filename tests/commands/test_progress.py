import io
import itertools

import pytest

from kcv.commands import progress as module
from kcv.commands.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock on which ten seconds pass at each look."""
    times = itertools.count(0, 10)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(times))


def test_time_left_is_told_by_the_batches_after_the_first(clock):
    stream = Terminal()
    progress = Progress(100, stream)
    progress.advance(20)
    assert "left" not in stream.getvalue()
    progress.advance(20)  # twenty images in ten seconds, sixty are left
    assert "40/100 2 images/s, 0:30 left" in stream.getvalue()
    progress.note("a word")
    assert stream.getvalue().endswith("\r\033[Ka word\n")


def test_a_file_has_lines_now_and_then(clock):
    stream = io.StringIO()
    progress = Progress(8, stream)
    for _ in range(7):
        progress.advance(1)
    progress.close()
    assert stream.getvalue().splitlines() == [
        "3/8 0.1 images/s, 0:50 left",
        "6/8 0.1 images/s, 0:20 left",
    ]
