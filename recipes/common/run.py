"""The options of every recipe, and the folder of a run."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any
from typing import Literal
from typing import Self

import keras
import tensorflow as tf
import tyro

from kcv.environment import describe_machine
from kcv.environment import package_versions
from kcv.locks import FolderLock
from kcv.storage import remove_leftovers
from kcv.storage import write_whole
from kcv.text_files import read_object
from kcv.training import completed_epochs
from kcv.training import remove_backups
from recipes.common.callbacks import check_callbacks

# Options with which a stopped or a finished run may go on.
_FREE = (
    "out",
    "config",
    "epochs",
    "patience",
    "callbacks",
    "resume",
    "export",
)
# Part of the training images by which epochs are judged for `patience`.
_VALIDATION = 0.1

_POSITIVE = (
    "epochs",
    "batch_size",
    "steps_per_epoch",
    "learning_rate",
    "patience",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Folder:
    """Options of every command that fills a folder.

    Attributes:
        out: Output folder of the run.
        seed: Seed of the weights, of the data and of all sampling.
        config: JSON file of options by name, such as the config.json of a run.
            Options of the command line take precedence. Defaults to no file.
    """

    out: Path
    seed: int = 3
    config: Path | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Run(Folder):
    """Options of every recipe that trains a model.

    A recipe adds its own options in a subclass, so that one object holds all
    that was asked for.

    Attributes:
        epochs: Number of epochs. Defaults to the recipe's plan. A finished run
            is prolonged by a larger number. Its learning rate then continues
            as that of the longer training, so that it rises again.
        batch_size: Images per update. Defaults to the recipe's plan.
        steps_per_epoch: Updates per epoch, a multiple of 8 for detectors and
            segmenters. Defaults to as many as show the plan's number of images
            in its number of epochs.
        learning_rate: Highest learning rate. Defaults to the recipe's plan.
        patience: Number of epochs without a better result on the validation
            images after which training stops. The weights of the best epoch
            are kept. Defaults to training all epochs and keeping the last
            weights.
        validation: Part of the training images that is not trained on and that
            each epoch is measured by, in [0, 1). Held-out images are then
            measured once, at the end. Defaults to 0.1 with --patience, and
            otherwise to 0.
        augment: Vary training images at random, by flips and by whatever else
            the recipe does. With --no-augment they are trained on as they are.
        callbacks: Keras callback to train with, as MODULE:NAME. NAME is a class
            that is created without arguments, or an object. Can be given
            several times. A resumed run does not restore the state of its
            callbacks. Defaults to none.
        resume: Continue a run with the same options that was stopped.
        export: Folder in which the trained model is also published for
            TensorFlow Serving.
        precision: Keras dtype policy. mixed_bfloat16 is faster on GPUs and on
            CPUs with AMX or avx512_bf16.
        jit: Compile the training step with XLA where the model allows it.
        distribute: Train on one device, or on a copy of the model per GPU.
        on_error: Handling of an image that cannot be decoded.
        boxes: Handling of a box that is empty, inverted or outside its image.
            "clip" leaves out what has no area inside the image. The numbers are
            logged.
    """

    epochs: int | None = None
    batch_size: int | None = None
    steps_per_epoch: int | None = None
    learning_rate: float | None = None
    patience: int | None = None
    validation: float | None = None
    augment: bool = True
    callbacks: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    resume: bool = True
    export: Path | None = None
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit: bool = False
    distribute: Literal["none", "mirrored"] = "none"
    on_error: Literal["raise", "skip"] = "raise"
    boxes: Literal["raise", "clip", "drop"] = "raise"

    def __post_init__(self):
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(
                    f"`{name}` must be positive. Received: {name}={value}"
                )
        if not 0 <= self.validation_part < 1:
            raise ValueError(
                "`validation` must be in [0, 1). Received: "
                f"validation={self.validation}"
            )
        if self.patience and not self.validation_part:
            raise ValueError(
                "`validation` must be positive with --patience, since epochs "
                "are judged by the validation images. Received: "
                f"validation={self.validation}"
            )

    @property
    def validation_part(self) -> float:
        """Part of the training images by which epochs are measured."""
        return _validation_part(dataclasses.asdict(self))

    @property
    def watched_split(self) -> str:
        """Name of the images that epochs are measured on.

        "validation", or "test" for recipes that measure epochs without a
        validation part. Nothing is then chosen by what they find.
        """
        return "validation" if self.validation_part else "test"

    def stage(self, name: str) -> Self:
        """Return the same options for one stage, with a folder of its own."""
        return dataclasses.replace(self, out=self.out / name)

    @property
    def backup(self) -> Path:
        """Folder of the backup from which the run goes on."""
        return self.out / "backup"


def begin(run: Run) -> tf.distribute.Strategy:
    """Set seeds and precision, and make the folder of a run.

    `config.json` in the folder holds the options, the command, the versions of
    the libraries and the machine.

    Args:
        run: All options of the recipe.

    Returns:
        The strategy under whose scope the model is built.

    Raises:
        FileExistsError: If the folder holds a backup of a run with other
            options.
        FolderInUseError: If another process writes to the folder.
        ValueError: If the folder is a file, its config.json is not one of a
            run, or an entry of `callbacks` is not a callback.
    """
    check_callbacks(run.callbacks)
    keras.utils.set_random_seed(run.seed)
    # A resumed run must end with the weights of an uninterrupted one.
    tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(run.precision)

    file = run.out / "config.json"
    asked = _plain(dataclasses.asdict(run))
    with FolderLock(run.out, argument="out"):
        if not run.resume:
            remove_backups(run.backup)
        elif completed_epochs(run.backup) and file.exists():
            # Options that kcv did not have when the run began.
            before = {**_defaults(run), "validation": 0.0}
            before |= read_object(file, "options")
            _check_same(asked, before, run.out)
        remove_leftovers(run.backup)
        write_config(run)
    if run.distribute == "mirrored":
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def write_config(run: Folder) -> None:
    """Write `config.json`: the options of a run, and what it ran with."""
    text = json.dumps(describe(run), indent=2, sort_keys=True)
    write_whole(run.out / "config.json", text.encode() + b"\n")


def describe(run: Folder) -> dict[str, Any]:
    """Return what `config.json` holds, as JSON has it."""
    return {
        "options": _plain(dataclasses.asdict(run)),
        "command": command_line(),
        "versions": package_versions(),
        "machine": describe_machine(),
    }


def command_line() -> str:
    """Return the command that started this process."""
    module = getattr(sys.modules["__main__"], "__spec__", None)
    name = module.name if module else sys.argv[0]
    return " ".join(["python -m", name, *sys.argv[1:]])


def _plain(options: dict) -> dict:
    """Turn paths and tuples into what JSON gives back."""
    return json.loads(json.dumps(options, default=str))


def _defaults(run: Run) -> dict:
    """Return the default of each option that has one, as JSON gives it."""
    return _plain(
        {
            field.name: field.default
            for field in dataclasses.fields(run)
            if field.default is not dataclasses.MISSING
        }
    )


def _validation_part(options: dict) -> float:
    """Return the part of the training images that options hold back."""
    part = options.get("validation")
    if part is None:
        return _VALIDATION if options.get("patience") else 0.0
    return part


def _check_same(asked: dict, before: dict, folder: Path) -> None:
    asked, before = (
        {**options, "validation": _validation_part(options)}
        for options in (asked, before)
    )
    changed = [
        name
        for name in sorted({*asked, *before})
        if name not in _FREE and asked.get(name) != before.get(name)
    ]
    if changed:
        name = changed[0]
        raise FileExistsError(
            f"{folder} holds a run with other options: {', '.join(changed)} "
            f"changed ({name} was {before.get(name)!r}, now "
            f"{asked.get(name)!r}). Give another folder by --out, or start "
            "over with --no-resume."
        )
