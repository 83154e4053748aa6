"""A folder that has a folder for each person."""

import os

import numpy as np

from kcv.data.formats.faces.face_files import FaceFiles
from kcv.data.formats.image_folder import read_image_folder


def read_people(folder: str | os.PathLike) -> FaceFiles:
    """List the photos of a folder that has a folder for each person.

    This is also the form of Labeled Faces in the Wild.

    Args:
        folder: Folder with image files in folder/PERSON, at any depth.

    Returns:
        The `FaceFiles`, by person and by name.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If it holds no folders, or one of them has no images.

    Example:

    ```python
    faces = kcv.data.read_people("lfw")
    pairs = kcv.data.read_pairs("lfw/pairs.txt", faces.image_ids)
    ```
    """
    found = read_image_folder(folder)
    return FaceFiles(
        files=found.files,
        image_ids=found.image_ids,
        labels=np.array(found.labels, np.int32),
        class_names=found.class_names,
        origin=found.origin,
    )
