"""Options of a JSON file: as a run wrote them, or written by hand."""

import dataclasses
import json
from pathlib import Path

import pytest
import tyro

from recipes.common.options_file import add_file
from recipes.common.run import Run
from recipes.common.run import write_config


@dataclasses.dataclass(frozen=True)
class Weights:
    content: float = 1.0
    smooth: bool = True


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Run):
    """Options.

    Attributes:
        scales: Numbers.
        flip: Whether.
        weights: Group.
    """

    out: Path = Path("runs/any")
    scales: tuple[int, ...] | None = None
    flip: bool | None = None
    weights: Weights = Weights()


def parse(*arguments) -> Options:
    return tyro.cli(
        Options,
        args=add_file(arguments, Options),
        config=(tyro.conf.DisallowNone,),
    )


def test_without_a_file_nothing_changes():
    assert parse() == Options()
    assert parse("--epochs", "3") == Options(epochs=3)


def test_what_a_run_wrote_is_read_back(tmp_path):
    run = Options(
        out=tmp_path,
        epochs=3,
        learning_rate=1e-3,
        patience=2,
        augment=False,
        resume=False,
        jit=True,
        callbacks=("one:A", "two:B"),
        scales=(48, 64),
        flip=False,
        weights=Weights(-2.0, smooth=False),
    )
    write_config(run)
    file = tmp_path / "config.json"
    # It is another run, in its own folder, which does not start over.
    assert parse("--config", str(file)) == dataclasses.replace(
        run, config=file, out=Options().out, resume=True
    )


def test_the_command_line_takes_precedence(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(
        json.dumps(
            {
                "epochs": 3,
                "batch_size": 4,
                "augment": False,
                "jit": True,
                "scales": [1, 2],
                "callbacks": ["one:A"],
                "weights": {"content": 3.0, "smooth": False},
            }
        )
    )
    assert parse(
        f"--config={file}",
        *("--epochs", "5", "--augment", "--no-jit", "--scales", "7"),
        *("--callbacks", "two:B", "--weights.smooth"),
    ) == Options(
        config=file,
        epochs=5,
        batch_size=4,
        scales=(7,),
        callbacks=("two:B",),
        weights=Weights(3.0),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"learning_rat": 1}',
            r"learning_rat must .* such as learning_rate\.",
        ),
        ('{"options": {"epoch": 1}}', r"such as epochs\. Received: epoch=1"),
        ('{"weights": {"contents": 1}}', r"such as weights\.content\. "),
        ("[1]", "must be a JSON object"),
        ("{", "json"),
    ],
)
def test_a_wrong_file_is_named_with_the_nearest_option(tmp_path, text, message):
    file = tmp_path / "mine.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        parse("--config", str(file))
    assert str(file) in str(error.value)


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        parse("--config", str(tmp_path / "none.json"))
