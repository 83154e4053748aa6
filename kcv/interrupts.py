"""What Ctrl-C does to a command: it ends, in seconds, with one line."""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator

# Exit code of a shell's command that SIGINT ended.
INTERRUPTED = 130
# Python handles Ctrl-C between two of its instructions, which may be minutes
# apart: `next` of a stream whose images are all skipped, an update of a large
# network, a slow proposal method.
_SECONDS = 5.0


@contextlib.contextmanager
def end_when_interrupted(message: str) -> Iterator[None]:
    """End the process with one line and exit code 130 at Ctrl-C.

    What runs is given five seconds to end. After that, or at a second Ctrl-C,
    the process ends without it. kcv writes every file whole or not at all, so
    that this is safe at any time.

    Args:
        message: Line to write to the standard error.

    Example:

    ```python
    with end_when_interrupted("Interrupted. The same command resumes."):
        train()
    ```
    """
    try:
        with watch_interrupts(message):
            yield
    except KeyboardInterrupt:
        print(f"\n{message}", file=sys.stderr)
        sys.exit(INTERRUPTED)


@contextlib.contextmanager
def watch_interrupts(message: str) -> Iterator[None]:
    """End the process at Ctrl-C where Python does not get to handle it.

    Five seconds after Ctrl-C, or at a second one, the process ends with exit
    code 130 if the context has not ended before. The handler of C writes each
    signal to a pipe at once. A thread reads it, since TensorFlow and NumPy let
    other threads run while they compute.

    Args:
        message: Line to write to the standard error in this case.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or os.name != "posix":
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    thread = threading.Thread(
        target=_end_late, args=(reading, message), daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writing)
        thread.join()
        os.close(reading)


def _end_late(reading: int, message: str) -> None:
    while signals := os.read(reading, 1):
        if signals[0] == signal.SIGINT:
            break
    else:
        return  # The other end is closed: all is done.
    ready, _, _ = select.select([reading], [], [], _SECONDS)
    if ready and not os.read(reading, 1):
        return
    # Not `print`: the main thread may hold the lock of the stream.
    os.write(2, f"\n{message}\n".encode())
    os._exit(INTERRUPTED)
