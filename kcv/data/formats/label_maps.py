"""Files that hold a class for every pixel."""

import os
from pathlib import Path

import numpy as np

#: Endings of the files that `read_label_map` takes.
LABEL_SUFFIXES = (".png", ".mat")

# Pillow's names of pictures whose values are numbers, not colours.
_INDEX_MODES = ("1", "L", "P", "I", "I;16")


def read_label_map(path: str | os.PathLike) -> np.ndarray:
    """Read the label of every pixel, as it stands in the file.

    Of a PNG with a palette, as VOC's, labels are the indices; the colours are
    for the eye alone. A grey PNG has labels for grey values. A MATLAB file is
    one of the Semantic Boundaries Dataset (Hariharan et al. 2011).

    Args:
        path: of a .png or .mat file.

    Returns:
        (H, W) uint8; 255 is void.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no labels, or one above 255.
        ImportError: without `kcv[segmentation]`.

    Example:

    ```python
    labels = kcv.data.read_label_map("SegmentationClass/2007_000032.png")
    ```
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no label map {path}")
    labels = _read_sbd(path) if path.suffix == ".mat" else _read_png(path)
    if labels.min() < 0 or labels.max() > 255:
        raise ValueError(
            f"{path} has label {labels.max()}; labels go from 0 to 254, and "
            "255 is void"
        )
    return labels.astype(np.uint8)


def _read_png(path):
    try:
        from PIL import Image
    except ImportError as error:
        raise _missing("pillow", error) from error
    try:
        with Image.open(path) as image:
            mode, labels = image.mode, np.asarray(image)
    except OSError as error:  # Pillow's own are such, too
        raise ValueError(f"{path} is not a whole PNG: {error}") from error
    if mode not in _INDEX_MODES:
        raise ValueError(
            f"{path} has colours ({mode}) where labels are needed: save it as "
            "a PNG with a palette or of grey values, whose indices or values "
            "are the classes"
        )
    return labels


def _read_sbd(path):
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise _missing("scipy", error) from error
    try:
        return loadmat(path, simplify_cells=True)["GTcls"]["Segmentation"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} has no GTcls.Segmentation, as files of the Semantic "
            f"Boundaries Dataset have: {error}"
        ) from error


def _missing(package, error):
    return ImportError(
        f'label maps need {package}: pip install "kcv[segmentation]"'
    )
