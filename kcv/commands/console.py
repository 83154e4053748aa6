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
        """Write a line, to standard output unless `stream` is given."""
        print(text, file=stream or sys.stdout, flush=True)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a warning of the library as a line of its own."""
        text = record.getMessage()
        if self._progress is not None:
            self._progress.note(text)
        else:
            self.say(text, sys.stderr)

    @contextlib.contextmanager
    def progress(self, total: int | None) -> Iterator[Progress]:
        """Show how many of a number of images are done.

        A Ctrl-C meanwhile ends the loop, however long one batch takes. What
        comes after the loop then has all the time that it needs.
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
