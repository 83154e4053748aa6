"""Masks of objects in COCO's annotations: polygons or run lengths."""

from typing import Any

import numpy as np

from kcv.extras import describe_installation

# Annotation tools disagree about where pixels begin. A polygon that leaves its
# image by at most this much is accepted.
TOLERANCE = 1.0  # pixels


def check_segment(segment: Any, size: tuple[int, int], where: str) -> Any:
    """Check the segmentation of one object.

    Args:
        segment: List of polygons, each a list [x1, y1, x2, y2, ...] of at least
            three points in pixels, or a dict of `size` and `counts`, run
            lengths column by column, a list of integers or COCO's compressed
            string.
        size: Height and width of the image.
        where: Name of the annotation in error messages, with its file.

    Returns:
        The segmentation, with run lengths as a list of integers.

    Raises:
        ValueError: If it is missing, malformed, or leaves the image.

    Example:

    >>> check_segment([[0, 0, 4, 0, 4, 3]], (10, 10), "cats.json: annotation 1")
    [[0, 0, 4, 0, 4, 3]]
    """
    if isinstance(segment, dict):
        return _check_runs(segment, size, where)
    if not isinstance(segment, list) or not segment:
        raise ValueError(
            f"{where} needs a segmentation, polygons or run lengths, for a set "
            f"with masks. Received: segmentation={segment!r}"
        )
    for polygon in segment:
        try:
            points = np.asarray(polygon, np.float64)
        except (TypeError, ValueError):
            points = np.empty(0)
        if points.ndim != 1 or len(points) < 6 or len(points) % 2:
            raise ValueError(
                f"{where} needs polygons [x1, y1, x2, y2, x3, y3, ...] of at "
                f"least three points. Received: {_shortened(polygon)}"
            )
        limits = np.array([size[1], size[0]]) + TOLERANCE
        points = points.reshape(-1, 2)
        # Written so that NaN is not inside.
        inside = (points >= -TOLERANCE) & (points <= limits)
        if not inside.all():
            outside = points[~inside.all(1)][0].tolist()
            raise ValueError(
                f"{where} has a point {outside} outside of its image of "
                f"{size[1]} x {size[0]} pixels"
            )
    return segment


def segment_mask(segment: Any, size: tuple[int, int]) -> np.ndarray:
    """Convert a checked segmentation to pixels, as pycocotools does.

    Args:
        segment: Result of `check_segment`.
        size: Height and width of the image.

    Returns:
        Mask (H, W) uint8 of 0 and 1.

    Raises:
        ImportError: If pycocotools is not installed.

    Example:

    >>> segment_mask({"size": [2, 2], "counts": [1, 3]}, (2, 2)).tolist()
    [[0, 1], [1, 1]]
    """
    if isinstance(segment, dict):
        counts = segment["counts"]
        values = np.arange(len(counts), dtype=np.uint8) % 2
        return np.repeat(values, counts).reshape(size[::-1]).T
    try:
        from pycocotools import mask
    except ImportError as error:
        raise ImportError(
            f"Polygons need pycocotools. {describe_installation('eval')}"
        ) from error
    return mask.decode(mask.merge(mask.frPyObjects(segment, *size)))


def _check_runs(segment, size, where):
    counts = segment.get("counts")
    if tuple(segment.get("size", ())) != tuple(size):
        raise ValueError(
            f"{where} has a mask of the size {segment.get('size')}, where its "
            f"image has {list(size)} (height, width)"
        )
    if isinstance(counts, str):
        counts = _decompress(counts)
    is_list = isinstance(counts, list) and all(
        isinstance(count, int) and count >= 0 for count in counts
    )
    if not is_list or sum(counts) != size[0] * size[1]:
        raise ValueError(
            f"{where} needs run lengths that add up to the {size[0] * size[1]} "
            f"pixels of its image. Received: counts={_shortened(counts)}"
        )
    return {"size": list(size), "counts": counts}


def _decompress(text: str) -> list[int] | None:
    """Read the run lengths of COCO's string. Returns None if it is malformed.

    A character holds five bits of a number, the lowest first, and whether more
    follow. Bit 4 of the last one is the sign. From the fourth number on,
    differences to the number before the last are stored.
    """
    counts: list[int] = []
    number = place = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or place > 30:
            return None
        number |= (bits & 31) << place
        place += 5
        if bits & 32:
            continue
        if bits & 16:
            number -= 1 << place
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number = place = 0
    return counts if place == 0 else None


def _shortened(value):
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
