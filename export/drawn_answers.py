"""Drawings of the answers of a server on the images of the requests."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.client_example import get_class_names
from kcv.commands.answers import Kind
from kcv.commands.answers import read_served
from kcv.commands.answers import served_kind
from kcv.commands.findings import Style
from kcv.commands.findings import make_files
from kcv.commands.image_files import find_images
from kcv.commands.output_folder import OutputFolder
from kcv.commands.output_folder import check_folder
from kcv.data import read_image

# A server does not tell the size to which the others refer, or has no picture.
_DRAWN: tuple[Kind, ...] = (
    "classification",
    "detection",
    "segmentation",
    "style",
)


class DrawnAnswers:
    """Folder of drawn answers, as `python -m kcv predict` draws them.

    Args:
        folder: Path of the folder, which is made at the first answer.
        images: Paths of all images.
        overwrite: Whether the folder may have files. Defaults to False.

    Raises:
        FileExistsError: If the folder has files and `overwrite` is False.
        FileNotFoundError: If an image does not exist.
    """

    def __init__(
        self, folder: Path, images: Sequence[Path], overwrite: bool = False
    ):
        check_folder(folder, overwrite, "--draw")
        self._folder = OutputFolder(folder)
        files = find_images([os.fspath(path) for path in images])
        self._files = {file.path: file for file in files}

    def add(
        self,
        path: Path,
        answer: dict[str, np.ndarray],
        class_names: Sequence[str] = (),
        min_score: float | None = None,
    ) -> None:
        """Draw the answer about an image.

        Args:
            path: Path of the image.
            answer: Outputs of "serving_bytes" for a batch of this image.
            class_names: Names of the classes 0, 1, ... Defaults to those of the
                answer.
            min_score: Score below which boxes are not drawn. Defaults to None,
                for 0.5.

        Raises:
            ValueError: If the model is of a task that cannot be drawn.
        """
        kind = served_kind(answer, "The model")
        if kind not in _DRAWN:
            raise ValueError(
                f"`--draw` must be left out for a model of task {kind}, which "
                "`python -m kcv predict` draws by its Keras file."
            )
        names = class_names or _names_by_label(answer)
        # The scores of classes have no limit.
        least = min_score if kind == "detection" else None
        files = make_files(
            self._files[os.path.abspath(path)],
            read_image(path),
            read_served(kind, {k: v[0] for k, v in answer.items()}),
            Style(kind, names, least),
        )
        for name, content in files.items():
            self._folder.add_file(name, content)


def _names_by_label(answer: dict[str, np.ndarray]) -> list[str]:
    """List the names of the labels 0, 1, ... as far as an answer tells them."""
    names = get_class_names(answer, 0)
    labels = range(len(names))
    if "detection_classes" in answer:
        classes = answer["detection_classes"][0]
        labels = (classes - 1).tolist()
        # Without names by the numbers of the answer, as they are printed.
        names = names or [str(number) for number in classes.tolist()]
    elif "classes" in answer:
        labels = answer["classes"][0].tolist()
    by_label = dict(zip(labels, names, strict=True))
    return [
        by_label.get(label, str(label))
        for label in range(max(by_label, default=-1) + 1)
    ]
