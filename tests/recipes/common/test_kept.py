"""Results that are measured once."""

import pytest

from recipes.common.kept import keep_result


def test_a_result_is_kept_for_its_settings(tmp_path):
    file = tmp_path / "a" / "result.json"
    calls = []

    def measure():
        calls.append(1)
        return {"value": len(calls)}

    settings = {"path": tmp_path, "changes": (("scale", 0.5), ("jpeg", None))}
    for _ in range(2):
        assert keep_result(file, settings, measure) == {"value": 1}
    assert keep_result(file, {"path": "b"}, measure) == {"value": 2}
    assert keep_result(file, {"path": "b"}, measure, resume=False) == {
        "value": 3
    }
    assert keep_result(file, {"path": "b"}, measure) == {"value": 3}


def test_a_failure_leaves_the_earlier_result(tmp_path):
    file = tmp_path / "result.json"
    keep_result(file, {}, lambda: 1)
    with pytest.raises(ZeroDivisionError):
        keep_result(file, {}, lambda: 1 / 0, resume=False)
    assert keep_result(file, {}, lambda: 2) == 1
