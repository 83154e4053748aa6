"""The options of a run, and the folder that belongs to them."""

import dataclasses
import json
from pathlib import Path

import keras
import pytest

from recipes.common.run import Run
from recipes.common.run import begin


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Run):
    depth: int = 20
    scales: tuple[int, ...] = (256, 512)
    warm_start: Path | None = None


@pytest.fixture
def options(tmp_path):
    return Options(out=tmp_path / "run", warm_start=tmp_path / "model.keras")


@pytest.fixture
def stopped(options):
    """The options of a run that was stopped after an epoch."""
    begin(options)
    options.backup.mkdir()
    (options.backup / "epoch-1.weights.h5").touch()
    return options


def test_config_has_what_was_asked_and_what_it_ran_with(options):
    begin(options)
    config = json.loads((options.out / "config.json").read_text())
    asked = config["options"]
    assert asked["depth"] == 20
    assert asked["scales"] == [256, 512]
    assert asked["warm_start"] == str(options.warm_start)
    assert asked["epochs"] is None
    assert config["versions"]["keras"] == keras.__version__
    assert {"kcv", "commit", "tensorflow", "python"} <= set(config["versions"])
    assert config["command"].startswith("python -m ")
    assert config["machine"]


def test_a_stage_has_a_folder_of_its_own(options):
    stage = options.stage("rpn")
    assert stage == dataclasses.replace(options, out=options.out / "rpn")
    assert stage.backup == options.out / "rpn" / "backup"


def test_the_same_weights_are_drawn_each_time(options):
    draws = []
    for _ in range(2):
        begin(options)
        draws.append(float(keras.random.uniform(())))
    assert draws[0] == draws[1]


def test_precision_is_keras_policy(options):
    try:
        begin(dataclasses.replace(options, precision="mixed_bfloat16"))
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_other_options_are_not_resumed(stopped):
    other = dataclasses.replace(stopped, depth=56, scales=(1,))
    match = r"run holds .* depth, scales changed \(depth was 20, now 56\)"
    with pytest.raises(FileExistsError, match=match):
        begin(other)
    config = json.loads((stopped.out / "config.json").read_text())
    assert config["options"]["depth"] == 20
    begin(dataclasses.replace(other, resume=False))
    assert not list(stopped.backup.iterdir())


def test_a_run_may_be_moved_and_prolonged(stopped, tmp_path):
    moved = stopped.out.rename(tmp_path / "moved")
    begin(
        dataclasses.replace(
            stopped,
            out=moved,
            epochs=100,
            patience=3,
            export=tmp_path / "served",
        )
    )
    config = json.loads((moved / "config.json").read_text())
    assert config["options"]["epochs"] == 100


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", -1),
        ("steps_per_epoch", 0),
        ("learning_rate", float("nan")),
        ("patience", 0),
    ],
)
def test_numbers_must_be_positive(name, value):
    with pytest.raises(ValueError, match=f"`{name}` .* {name}={value}"):
        Options(out=Path("run"), **{name: value})
