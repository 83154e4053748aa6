"""The file `serving.json` beside a model: what a server must know of it."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Literal
from typing import Self
from typing import get_args

from kcv.serving.outputs import Outputs
from kcv.serving.outputs import TopClasses
from kcv.serving.outputs import embeddings
from kcv.serving.outputs import label_maps
from kcv.serving.outputs import pictures
from kcv.serving.preparation import CenterCrop
from kcv.serving.preparation import FixedSize
from kcv.serving.preparation import Prepare
from kcv.serving.preparation import ShortSide
from kcv.serving.preparation import as_it_is
from kcv.storage import write_whole
from kcv.text_files import check_names
from kcv.text_files import read_object
from kcv.trained.catalog import find_model
from kcv.trained.notes import read_notes

Task = Literal[
    "classification", "detection", "faces", "masks", "segmentation", "style"
]

_PREPARATIONS = {
    "short_side": ShortSide,
    "center_crop": CenterCrop,
    "fixed_size": FixedSize,
}


@dataclasses.dataclass(frozen=True)
class ServingConfig:
    """How a trained model is served.

    A recipe writes it as `serving.json` beside the model, and `python -m
    export` reads it there.

    Args:
        task: "classification" for probabilities (B, classes), "detection" for
            boxes, "faces" for unit vectors (B, D), "masks" for masks and their
            boxes, "segmentation" for class scores (B, H, W, classes), or
            "style" for images.
        prepare: Function from a decoded image (H, W, 3) uint8 to what the
            model sees: a `ShortSide`, a `CenterCrop`, a `FixedSize`, or
            `as_it_is`, which leaves images at their own size. Defaults to
            `as_it_is`.
        class_names: Names of the classes 0, 1, ... A classifier needs them.
            Defaults to none, for a model without names.

    Raises:
        ValueError: If the task is unknown, or a classifier has no names.

    Example:

    >>> names = ("cat", "dog")
    >>> config = ServingConfig("detection", ShortSide(600, 1000), names)
    >>> config.class_names
    ('cat', 'dog')
    """

    task: Task
    prepare: Prepare = as_it_is
    class_names: tuple[str, ...] = ()

    def __post_init__(self):
        if self.task not in get_args(Task):
            raise ValueError(
                f"`task` must be one of {', '.join(get_args(Task))}. Received: "
                f"task={self.task!r}"
            )
        if self.task == "classification" and not self.class_names:
            raise ValueError(
                "`class_names` must name the classes of a classifier. "
                "Received: class_names=()"
            )

    @property
    def outputs(self) -> Outputs | None:
        """What the server answers; None for what the model itself tells."""
        if self.task == "classification":
            return TopClasses(self.class_names)
        outputs: dict[Task, Outputs] = {
            "faces": embeddings,
            "segmentation": label_maps,
            "style": pictures,
        }
        return outputs.get(self.task)

    def publish_options(self) -> dict[str, Any]:
        """Return arguments for `kcv.serving.publish`.

        Returns:
            Dict of the arguments `prepare`, `outputs` and `class_names`.
        """
        return {
            "prepare": self.prepare,
            "outputs": self.outputs,
            "class_names": self.class_names or None,
        }

    def save(self, folder: str | os.PathLike) -> Path:
        """Write `serving.json` into a folder, whole or not at all.

        Args:
            folder: Folder of the model.

        Returns:
            Path of the file.
        """
        kinds = {kind: name for name, kind in _PREPARATIONS.items()}
        prepare = None
        if self.prepare is not as_it_is:
            prepare = {
                "kind": kinds[type(self.prepare)],
                **vars(self.prepare),
            }
        text = json.dumps(
            {
                "task": self.task,
                "prepare": prepare,
                "class_names": list(self.class_names),
            },
            indent=2,
            ensure_ascii=False,
        )
        file = Path(folder) / "serving.json"
        write_whole(file, text.encode() + b"\n")
        return file

    @classmethod
    def load(cls, folder: str | os.PathLike) -> Self | None:
        """Read `serving.json` from a folder.

        Args:
            folder: Folder of a run.

        Returns:
            The configuration, or None if the folder does not have the file.

        Raises:
            ValueError: If the file is not what `save` writes. The message
                names the file.
        """
        file = Path(folder) / "serving.json"
        if not file.is_file():
            return None
        return cls._parse(lambda: read_object(file), file)

    @classmethod
    def of_model(cls, model: str | os.PathLike) -> Self | None:
        """Read the configuration that belongs to a trained model.

        Args:
            model: Name of a model that comes with kcv, or path of a `.keras`
                file. Such a file may hold its configuration, as those of
                `recipes.release` do. Otherwise, it is read from `serving.json`
                beside the file.

        Returns:
            The configuration, or None if there is neither.

        Raises:
            ValueError: If the model does not exist, or the configuration is
                damaged. The message names the file.

        Example:

        >>> ServingConfig.of_model("faster_rcnn/digit_scenes").class_names[:3]
        ('0', '1', '2')
        """
        path = find_model(model)
        notes = read_notes(path)
        if "serving" in notes:
            return cls._parse(lambda: notes["serving"], path)
        return cls.load(path.parent)

    @classmethod
    def _parse(cls, read: Callable[[], Any], file: Path) -> Self:
        try:
            told = read()
            prepare = as_it_is
            if told["prepare"] is not None:
                options = dict(told["prepare"])
                prepare = _PREPARATIONS[options.pop("kind")](**options)
            names = check_names(told["class_names"], str(file), unique=False)
            return cls(told["task"], prepare, names)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{file} is not a serving configuration: {error!r}"
            ) from error
