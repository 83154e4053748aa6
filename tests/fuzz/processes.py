"""Fuzzing in other processes, of limited memory and time.

A process reads one file after another. When it ends or hangs, that is counted,
and another process goes on behind the file.
"""

import contextlib
import multiprocessing
import os
import resource
import tempfile
from pathlib import Path

from tests.fuzz import harness

# More than what any file of a few kilobytes is worth, above what the libraries
# have reserved.
_MEMORY = 2**30
_SECONDS = 20.0
_STARTING = 300.0


def fuzz_in_processes(
    name: str, numbers: range
) -> tuple[dict[str, int], list[str]]:
    """Read many inputs, and count crashes and hangs with the other faults.

    Returns:
        How often each thing happened, and a line for each fault.
    """
    counts: dict[str, int] = {}
    faults: list[str] = []
    context = multiprocessing.get_context("spawn")
    following = numbers.start
    while following < numbers.stop:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=_work, args=(name, following, numbers.stop, sender)
        )
        process.start()
        sender.close()
        seconds, fault, ready = _STARTING, None, False
        with contextlib.suppress(EOFError):
            while fault is None:
                if not receiver.poll(seconds):
                    fault = harness.HANG
                    break
                kind, text = receiver.recv()
                seconds, ready = _SECONDS, True
                if kind == "ready":
                    continue
                following += 1
                counts[kind] = counts.get(kind, 0) + 1
                if text:
                    faults.append(text)
        process.kill()
        process.join()
        if not ready:
            raise RuntimeError(f"the reader {name} did not start")
        if following < numbers.stop:  # It ended or hung at this file.
            fault = fault or harness.CRASH
            counts[fault] = counts.get(fault, 0) + 1
            faults.append(f"{name} {following}: {fault}, {process.exitcode}")
            following += 1
    return counts, faults


def _work(name, first, end, sender):
    """Read files until the end, or until one of them ends this process."""
    # Not above: the process that starts others needs no TensorFlow.
    from tests.fuzz.readers import open_reader

    reader = open_reader(name)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # Once without a limit, so that the libraries have what they need.
        harness.fuzz(reader, name, range(first, first), folder)
        with open("/proc/self/statm") as file:
            pages = int(file.read().split()[0])
        limit = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        # What decoders print is of no interest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        sender.send(("ready", None))
        for number in range(first, end):
            counts, faults = harness.fuzz(
                reader, name, range(number, number + 1), folder, check=False
            )
            sender.send((*counts, faults[0] if faults else None))
