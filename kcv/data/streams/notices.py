"""Log lines about image files whose pixels may not be what the user expects.

- A camera held upright stores its images sideways, with an EXIF tag by which
  viewers turn them. kcv reads pixels as they are stored, because boxes of VOC
  and COCO refer to stored pixels. Boxes drawn in a tool that applies the tag
  are wrong.
- 12-bit values in a 16-bit PNG file are almost black, because the high byte is
  kept.
"""

import logging
import os
import struct

import tensorflow as tf

from kcv.text_files import path_text

_LOG = logging.getLogger(__name__)

_ORIENTATION = 0x0112  # EXIF tag
# The tags are at the beginning of a file.
_BEGINNING = 4096  # bytes
_EXIF = b"Exif\0\0"
# The high byte of a 12-bit value in 16 bits is below this.
_DIM = 16


def exif_orientation(beginning: bytes) -> int:
    """Read the orientation of a JPEG file from its EXIF data.

    Args:
        beginning: First bytes of the file.

    Returns:
        Orientation from 1 to 8, where 1 is upright. 1 if there is none.

    Example:

    >>> exif_orientation(b"no image")
    1
    """
    start = beginning.find(_EXIF)
    tiff = beginning[start + len(_EXIF) :]
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if start < 0 or order is None or len(tiff) < 10:
        return 1
    (place,) = struct.unpack_from(order + "I", tiff, 4)
    entries = tiff[place:]
    if len(entries) < 2:
        return 1
    (count,) = struct.unpack_from(order + "H", entries)
    for entry in range(2, 2 + 12 * count, 12):
        if len(entries) < entry + 12:
            return 1
        tag, _, _, value = struct.unpack_from(order + "HHIH", entries, entry)
        if tag == _ORIENTATION:
            return value if 1 <= value <= 8 else 1
    return 1


def look_at(contents: tf.Tensor, image: tf.Tensor) -> dict[str, tf.Tensor]:
    """Collect from a file, in the graph, what `Notices.note` needs.

    Args:
        contents: Bytes of the file. Tensor () string.
        image: Decoded image (H, W, 3) uint8.

    Returns:
        Dict of `exif`, the beginning of a JPEG file with EXIF data or an empty
        string, and `is_dim`, whether a 16-bit PNG file has values of at most 12
        bits.
    """
    beginning = tf.strings.substr(contents, 0, 32)
    # EXIF data come first in a file, or after the JFIF segment.
    has_exif = (tf.strings.substr(contents, 6, 4) == b"Exif") | (
        tf.strings.substr(contents, 24, 4) == b"Exif"
    )
    is_jpeg = tf.strings.substr(beginning, 0, 2) == b"\xff\xd8"
    is_deep = (tf.strings.substr(beginning, 1, 3) == b"PNG") & (
        tf.strings.substr(beginning, 24, 1) == b"\x10"
    )
    return {
        "exif": tf.where(
            is_jpeg & has_exif, tf.strings.substr(contents, 0, _BEGINNING), ""
        ),
        "is_dim": tf.cond(
            is_deep,
            lambda: tf.reduce_max(image) < _DIM,
            lambda: tf.constant(False),
        ),
    }


class Notices:
    """Log lines about the files of one stream, one line of each kind.

    Args:
        is_annotated: Whether the images have boxes, masks or landmarks, so that
            their orientation matters.
    """

    def __init__(self, is_annotated: bool):
        self.is_annotated = is_annotated
        self._told: set[str] = set()

    def note(self, file: bytes, exif: bytes, is_dim: bool) -> None:
        """Log what is unusual about a file, unless this was logged before.

        Args:
            file: Name of the file.
            exif: First bytes of a JPEG file with EXIF data, or empty.
            is_dim: Whether 16-bit values use at most 12 bits.
        """
        name = path_text(os.fsdecode(file))
        orientation = exif_orientation(exif)
        if self.is_annotated and orientation > 1:
            self._tell(
                "orientation",
                f"{name} has the EXIF orientation {orientation}: viewers turn "
                "the image, and kcv reads the pixels as they are stored. "
                "Boxes must refer to the stored pixels. Further images "
                "are not named",
            )
        if is_dim:
            self._tell(
                "dim",
                f"{name} has 16 bits per channel and no value above "
                f"{256 * _DIM - 1}: its pixels are below {_DIM} of 255. "
                "Scale values of 12 bits to 16 bits before they are saved. "
                "Further images are not named",
            )

    def _tell(self, kind, text):
        if kind not in self._told:
            self._told.add(kind)
            _LOG.warning(text)
