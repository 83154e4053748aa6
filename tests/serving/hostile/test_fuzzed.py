"""Requests of all kinds in the native loader, see tests/fuzz/served.py."""

import numpy as np
import pytest

from export import native
from kcv.serving import ShortSide
from kcv.serving import publish
from tests.fuzz import served


def test_no_crash_and_no_answer_to_a_bad_request(
    detector, program, tmp_path_factory
):
    version = publish(
        detector,
        tmp_path_factory.mktemp("fuzzed"),
        prepare=ShortSide(96, 120),
        max_batch=served.MAX_BATCH,
        max_pixels=served.MAX_PIXELS,
    )
    with native.Loader(program, version) as loader:
        counts, _ = served.send_all(
            loader.run,
            (native.NativeError, TypeError),
            loader.process.pid,
            served.make_requests(seed=7, count=125),
        )
    assert counts["floats: answered"] == counts["files: answered"] == 25
    assert counts["files: damaged: refused"] > 0


def test_the_fuzzer_sees_a_wrong_answer():
    """A graph without checks would fail it."""

    def answer(signature, inputs):
        (batch,) = inputs.values()
        return {"outputs": np.zeros(np.shape(batch)[:1])}

    with pytest.raises(served.FuzzError, match="was answered"):
        served.send_all(answer, (), None, served.make_requests(0, 20))


def test_a_process_that_ends_is_an_error(program, tmp_path):
    with (
        native.Loader(program, tmp_path) as loader,
        pytest.raises(native.NativeError, match="has ended, exit status 1"),
    ):
        loader.run("any", {"a": np.ones(1, np.float32)})
