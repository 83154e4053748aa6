"""A line that tells how far a command is, and how long it will take."""

import sys
import time
from typing import TextIO

_WIDTH = 24
# Seconds between two lines: on a terminal, where a line takes the place of the
# one before, and in a file, where it does not.
_PAUSE = 0.2
_LONG_PAUSE = 30.0


class Progress:
    """Progress of a number of images, on standard error.

    Args:
        total: Number of images, or None if it is not known.
        stream: Text stream that is written to. Defaults to `sys.stderr`.

    Example:

    >>> import io
    >>> progress = Progress(4, io.StringIO())
    >>> progress.advance(1)
    >>> progress.done
    1
    """

    def __init__(self, total: int | None, stream: TextIO | None = None):
        self.total = total
        self.done = 0
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._begun = self._written = time.monotonic()

    def advance(self, count: int) -> None:
        """Count images that are done, and write a line from time to time.

        Args:
            count: Number of images.
        """
        now = time.monotonic()
        if not self.done:
            # The first batch takes as long as the building of the graph. The
            # time left is told by the batches behind it.
            self._first, self._begun = count, now
        self.done += count
        pause = _PAUSE if self._is_terminal else _LONG_PAUSE
        if now - self._written >= pause:
            self._written = now
            self._write(now - self._begun)

    def note(self, text: str) -> None:
        """Write a line of its own above the progress.

        Args:
            text: Text of the line.
        """
        self._clear()
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Remove the line from a terminal."""
        self._clear()

    def _write(self, seconds):
        behind = self.done - self._first
        left = ""
        if behind:
            rate = behind / seconds
            left = f"{rate:.3g} images/s"
            if self.total is not None:
                left += f", {_time((self.total - self.done) / rate)} left"
        line = f"{self.done}/{self.total or '?'} {left}"
        if self._is_terminal:
            filled = round(_WIDTH * self.done / (self.total or self.done))
            bar = "=" * filled + " " * (_WIDTH - filled)
            print(f"\r\033[K[{bar}] {line}", end="", file=self._stream)
            self._stream.flush()
        else:
            print(line, file=self._stream, flush=True)

    def _clear(self):
        if self._is_terminal:
            print("\r\033[K", end="", file=self._stream, flush=True)


def _time(seconds: float) -> str:
    """Write a duration as 0:05, 12:30 or 1:05:00."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"
