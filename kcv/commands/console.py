"""What a command says: messages, warnings of the library, and progress."""

import contextlib
import logging
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from kcv.commands.progress import Progress
from kcv.interrupts import watch_interrupts


class Console(logging.Handler):
    """Console of a command.

    Results go to standard output. Progress, and warnings of kcv, go to standard
    error, so that they do not mix.
    """

    def __init__(self):
        super().__init__(logging.WARNING)
        self._progress: Progress | None = None

    def say(self, text: str, stream: TextIO | None = None) -> None:
        """Write a line.

        Args:
            text: Text of the line.
            stream: Stream to write to. If None, it is the standard output.
                Defaults to None.
        """
        print(text, file=stream or sys.stdout, flush=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a warning of the library as a line of its own.

        Args:
            record: Record of the warning.
        """
        text = record.getMessage()
        if self._progress is not None:
            self._progress.note(text)
        else:
            self.say(text, sys.stderr)

    @contextlib.contextmanager
    def progress(self, total: int | None) -> Iterator[Progress]:
        """Show how many images are done.

        At Ctrl-C the loop ends, however long one batch takes. What comes after
        the loop then has all the time that it needs.

        Args:
            total: Number of all images. None if it is not known.

        Yields:
            Counter of the images that are done.
        """
        self._progress = Progress(total)
        try:
            with watch_interrupts("Stopped by the user."):
                yield self._progress
        finally:
            self._progress.close()
            self._progress = None

    @contextlib.contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Finish what is begun, whatever keys are pressed meanwhile."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Write the warnings of kcv as messages of the command."""
        log = logging.getLogger("kcv")
        propagates = log.propagate
        log.addHandler(self)
        log.propagate = False
        try:
            yield
        finally:
            log.removeHandler(self)
            log.propagate = propagates
