"""The file `metrics.json`, read back."""

import json

import numpy as np
import pytest

from recipes.common.metrics import write_metrics

ALWAYS = {
    "seconds": 1.5,
    "epochs": 2,
    "examples_per_second": np.float32(0.5),
    "split": "test",
}


def test_reads_back_as_strict_json(tmp_path):
    path = write_metrics(
        tmp_path,
        ALWAYS
        | {
            "voc07_map": np.float64(0.75),
            "images": np.int64(3),
            "average_precision": {0: 0.5, "dog": float("nan")},
        },
    )
    assert path == tmp_path / "metrics.json"

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    assert json.loads(path.read_text(), parse_constant=refuse) == {
        "seconds": 1.5,
        "epochs": 2,
        "examples_per_second": 0.5,
        "split": "test",
        "voc07_map": 0.75,
        "images": 3,
        "average_precision": {"0": 0.5, "dog": None},
    }


def test_names_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="epochs, split missing"):
        write_metrics(tmp_path, {"seconds": 1, "examples_per_second": 2})
    assert not list(tmp_path.iterdir())


def test_names_a_value_that_is_no_figure(tmp_path):
    with pytest.raises(TypeError, match=r"metrics\['curve'\] must be a number"):
        write_metrics(tmp_path, ALWAYS | {"curve": [1, 2]})
