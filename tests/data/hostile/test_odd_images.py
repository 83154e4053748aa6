"""Kind: images that are read, but not as a viewer or a camera means them."""

import io
import logging
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data import image_folder
from kcv.data import read_image
from kcv.data.streams.decoding import decode
from kcv.data.streams.notices import exif_orientation


def turned(orientation, order="<"):
    """A JPEG with a tag that turns it."""
    entries = struct.pack(f"{order}HHHIHH", 1, 0x0112, 3, 1, orientation, 0)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    exif = b"Exif\0\0" + mark + struct.pack(order + "I", 8) + entries
    content = io.BytesIO()
    image = Image.fromarray(np.full((6, 9, 3), 99, np.uint8))
    image.save(content, "JPEG", exif=exif + bytes(4))
    return content.getvalue()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read(orientation, order):
    content = turned(orientation, order)
    assert exif_orientation(content) == orientation
    for cut in range(0, 60, 3):
        assert exif_orientation(content[:cut]) in (1, orientation)
    assert exif_orientation(turned(9, order)) == 1


def deep(value):
    """A PNG of 16 bits per channel."""
    return tf.io.encode_png(np.full((4, 5, 3), value, np.uint16)).numpy()


def stream(contents, annotated):
    names = [f"{number}.jpg" for number in range(len(contents))]
    examples = {"file": names, "contents": contents}
    if annotated:
        examples["bounding_boxes"] = {"boxes": np.zeros((len(names), 0, 4))}
    dataset = tf.data.Dataset.from_tensor_slices(examples)
    return decode(dataset, lambda example: example["contents"])


def test_turned_images_are_said_once_where_they_have_boxes(caplog):
    contents = [turned(1), turned(6), turned(3)]
    with caplog.at_level(logging.WARNING):
        assert len(list(stream(contents, annotated=False))) == 3
        assert not caplog.records
        dataset = stream(contents, annotated=True)
        for _ in range(2):
            assert len(list(dataset)) == 3
    (record,) = caplog.records
    assert "1.jpg has the EXIF orientation 6" in record.getMessage()


def test_values_of_12_bits_in_16_are_said_once(caplog):
    contents = [deep(65535), deep(4095), deep(1000)]
    with caplog.at_level(logging.WARNING):
        images = [x["images"].numpy().max() for x in stream(contents, False)]
    assert images == [255, 15, 3]
    (record,) = caplog.records
    assert "1.jpg has 16 bits per channel and no value above 4095" in (
        record.getMessage()
    )


def test_single_images_and_folders(tmp_path, caplog):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "dim.png").write_bytes(deep(77))
    (tmp_path / "cat" / "turned.jpg").write_bytes(turned(8))
    with caplog.at_level(logging.WARNING):
        read_image(tmp_path / "cat" / "turned.jpg")
        assert "turned.jpg has the EXIF orientation 8" in caplog.text
        read_image(tmp_path / "cat" / "dim.png")
        assert "dim.png has 16 bits" in caplog.text
        caplog.clear()
        list(image_folder(tmp_path))
    assert "dim.png has 16 bits" in caplog.text
    assert "orientation" not in caplog.text


def bmp(bits):
    colors = 2**bits if bits <= 8 else 0
    row = bytes(4 * (-(-bits * 4 // 32)))
    place = 54 + 4 * colors
    head = struct.pack("<2sIHHI", b"BM", place + 4 * len(row), 0, 0, place)
    info = struct.pack("<IiiHHI", 40, 4, 4, 1, bits, 0) + bytes(20)
    return head + info + bytes(4 * colors) + 4 * row


@pytest.mark.parametrize("bits", [1, 4, 8, 16, 24, 32])
def test_bmp_files_that_cannot_be_decoded_say_why(bits, tmp_path):
    file = tmp_path / "a.bmp"
    file.write_bytes(bmp(bits))
    if bits in (8, 24, 32):
        assert read_image(file).shape == (4, 4, 3)
        return
    with pytest.raises(
        ValueError, match=r"(?s)a\.bmp.*8, 24 or 32 bits per pixel"
    ):
        read_image(file)
