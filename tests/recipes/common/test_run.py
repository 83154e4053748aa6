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
            callbacks=("keras.callbacks:TerminateOnNaN",),
            export=tmp_path / "served",
        )
    )
    config = json.loads((moved / "config.json").read_text())
    assert config["options"]["epochs"] == 100


def test_what_is_trained_on_stays_the_same(stopped):
    """Images held back for patience were trained on before."""
    with pytest.raises(FileExistsError, match=r"validation was 0\.0, now 0\.1"):
        begin(dataclasses.replace(stopped, patience=3))


def test_options_that_are_newer_than_a_run_have_their_defaults(stopped):
    file = stopped.out / "config.json"
    config = json.loads(file.read_text())
    for name in ("augment", "callbacks", "validation"):
        del config["options"][name]
    config["options"]["patience"] = 3  # All images were trained on then.
    file.write_text(json.dumps(config))
    with pytest.raises(FileExistsError, match=r"validation was 0\.0, now 0\.1"):
        begin(dataclasses.replace(stopped, patience=3))
    begin(stopped)


def test_patience_may_change(options):
    begin(dataclasses.replace(options, patience=3))
    options.backup.mkdir()
    (options.backup / "epoch-1.weights.h5").touch()
    begin(dataclasses.replace(options, patience=5))
    begin(dataclasses.replace(options, validation=0.1))


def test_validation_is_a_part():
    def part(**given):
        return Options(out=Path("run"), **given).validation_part

    assert part() == part(validation=0.0) == 0
    assert part(patience=2) == 0.1
    assert part(patience=2, validation=0.3) == part(validation=0.3) == 0.3
    assert Options(out=Path("run")).watched_split == "test"
    assert Options(out=Path("run"), patience=1).watched_split == "validation"
    for wrong in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match=f"validation={wrong}"):
            part(validation=wrong)
    with pytest.raises(ValueError, match="positive with --patience"):
        part(patience=2, validation=0.0)


def test_callbacks_are_looked_for_at_once(options):
    with pytest.raises(ValueError, match="No module named 'nowhere'"):
        begin(dataclasses.replace(options, callbacks=("nowhere:Thing",)))
    assert not options.out.exists()


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
