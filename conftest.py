"""What tests and docstring examples have in common: memory is kept small."""

import gc
import os
import resource

import pytest

# Quiet, before anything imports TensorFlow.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def _libraries():
    """Import what takes long, so that its objects are made before any test."""
    import keras  # noqa: F401


@pytest.fixture(scope="module", autouse=True)
def _what_stays_is_permanent(_libraries):
    """Take what is there before a file's tests out of garbage collection.

    TensorFlow and Keras consist of millions of objects, and keep more for each
    graph. A collection then looks only at what the tests of this file made, in
    20 ms instead of up to five seconds.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _models_are_freed(_what_stays_is_permanent):
    """Free the models of a test before the next one builds its own.

    A Keras model refers to itself, so that only a collection frees it.
    TensorFlow never returns what it once used, so the largest sum of models
    alive at one time decides how large the process becomes.
    """
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def _examples_have_a_folder_of_their_own(request):
    """Let docstring examples write their files elsewhere than here."""
    if isinstance(request.node, pytest.DoctestItem):
        folder = request.getfixturevalue("tmp_path")
        request.getfixturevalue("monkeypatch").chdir(folder)


def pytest_terminal_summary(terminalreporter):
    """Print the largest memory of this process and of those that it started."""
    kilobytes = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    terminalreporter.write_line(f"largest process: {kilobytes / 2**20:.1f} GB")
