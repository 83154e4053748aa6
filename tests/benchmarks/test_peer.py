import numpy as np
import pytest

from benchmarks.peer import Peer
from benchmarks.peer import channels_first

MODULE = """
def build(x, factor):
    calls = []

    def product():
        calls.append(1)
        print("this is not an answer")
        return factor * x

    return {"product": product, "calls": lambda: len(calls)}
"""


def test_a_peer_computes_in_its_own_process(tmp_path, monkeypatch):
    (tmp_path / "sums.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    x = np.arange(6.0).reshape(2, 3)
    with Peer("sums", library="numpy", x=x, factor=2) as peer:
        assert peer.names == ["product", "calls"]
        np.testing.assert_array_equal(peer.value("product"), 2 * x)
        assert peer.functions()["product"]() is None
        assert peer.value("calls") == 2
    assert peer.process.returncode == 0


def test_a_library_that_is_absent_is_not_timed(capsys):
    with Peer("benchmarks.with_nothing", library="no_such_library") as peer:
        assert peer.functions() == {}
    assert "no_such_library is not installed" in capsys.readouterr().out


def test_a_peer_that_fails_says_so(tmp_path, monkeypatch, capfd):
    (tmp_path / "broken.py").write_text("raise ValueError('broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="printed above"):
        Peer("broken", library="numpy")
    assert "ValueError: broken" in capfd.readouterr().err


def test_kernels_are_turned_to_torchs_order():
    kernel = np.arange(3 * 2 * 4 * 5).reshape(3, 2, 4, 5)
    turned = channels_first(kernel)
    assert turned.shape == (5, 4, 3, 2)
    assert turned[1, 2, 0, 1] == kernel[0, 1, 2, 1]
    bias = np.arange(5)
    assert channels_first(bias) is bias
