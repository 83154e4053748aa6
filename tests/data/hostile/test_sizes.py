"""Kind: small files that declare what would fill the memory."""

import gzip
import io
import json
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data import decode_image
from kcv.data import image_folder
from kcv.data import read_coco
from kcv.data import read_idx
from kcv.data import read_image
from kcv.data import read_label_map
from kcv.data.streams.images import image_size
from kcv.pixels import pixel_limit
from tests.voc_trees import pixels

KINDS = {
    "jpg": {"format": "JPEG"},
    "progressive.jpg": {"format": "JPEG", "progressive": True},
    "png": {"format": "PNG"},
    "gif": {"format": "GIF"},
    "bmp": {"format": "BMP"},
    "webp": {"format": "WEBP"},
    "lossless.webp": {"format": "WEBP", "lossless": True},
    "exif.webp": {"format": "WEBP", "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"},
}


def encode(kind, height=7, width=12):
    content = io.BytesIO()
    Image.fromarray(pixels(height, width)).save(content, **KINDS[kind])
    return content.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_the_header_tells_the_size(kind, tmp_path):
    file = tmp_path / kind
    for size in ((7, 12), (1, 1), (300, 2)):
        file.write_bytes(encode(kind, *size))
        assert image_size(file) == size
        assert read_image(file).shape == (*size, 3)
    assert image_size(tmp_path / "none") is None
    file.write_bytes(b"no image")
    assert image_size(file) is None


@pytest.mark.parametrize("kind", KINDS)
def test_images_above_the_limit_are_refused(kind, tmp_path, monkeypatch):
    file = tmp_path / f"a.{kind}"
    file.write_bytes(encode(kind))
    monkeypatch.setenv("KCV_MAX_PIXELS", "84")
    assert read_image(file).shape == (7, 12, 3)
    monkeypatch.setenv("KCV_MAX_PIXELS", "83")
    with pytest.raises(ValueError, match=r"(?s)a\..*limit, KCV_MAX_PIXELS"):
        read_image(file)


def test_served_and_streamed_images_above_the_limit(tmp_path, monkeypatch):
    file = tmp_path / "cat" / "a.jpg"
    file.parent.mkdir()
    file.write_bytes(encode("jpg"))
    monkeypatch.setenv("KCV_MAX_PIXELS", "83")
    graph = tf.function(decode_image).get_concrete_function(
        tf.TensorSpec((), tf.string)
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match="KCV_MAX_PIXELS"):
        graph(tf.constant(file.read_bytes()))
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"a\.jpg.*KCV_MAX"
    ):
        list(image_folder(tmp_path))


def png(height, width, body=b""):
    """A PNG of few bytes that declares a size."""

    def part(name, data):
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + check.to_bytes(4)

    head = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(body)
    parts = part(b"IHDR", head) + part(b"IDAT", data) + part(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


BOMBS = {
    "webp": b"RIFF\x20\0\0\0WEBPVP8L\x14\0\0\0\x2f" + b"\xff" * 20,
    "extended.webp": b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0"
    + bytes(4)
    # 16,384 pixels wide and high.
    + b"\xff\x3f\0\xff\x3f\0"
    + bytes(20),
    "png": png(23000, 23000),
    "gif": b"GIF89a\xff\xff\xff\xff\0\0\0" + bytes(50),
    "bmp": b"BM"
    + struct.pack("<IHHI", 99, 0, 0, 54)
    + struct.pack("<IiiHHI", 40, 30000, -30000, 1, 24, 0)
    + bytes(40),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_bombs_are_not_decoded(kind, tmp_path):
    file = tmp_path / f"a.{kind}"
    file.write_bytes(BOMBS[kind])
    with pytest.raises(ValueError, match="KCV_MAX_PIXELS"):
        read_image(file)


def test_jpegs_that_declare_too_much(tmp_path):
    content = bytearray(encode("jpg"))
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = struct.pack(">2H", 16383, 16383)
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"(?s)a\.jpg.*KCV_MAX_PIXELS"):
        read_image(tmp_path / "a.jpg")


def test_label_maps_above_the_limit(tmp_path, monkeypatch):
    file = tmp_path / "a.png"
    file.write_bytes(png(23000, 23000))
    with pytest.raises(ValueError, match=r"a\.png"):
        read_label_map(file)
    file.write_bytes(png(9, 9, bytes(90)))
    monkeypatch.setenv("KCV_MAX_PIXELS", "80")
    with pytest.raises(ValueError, match=r"a\.png.*KCV_MAX_PIXELS"):
        read_label_map(file)


def test_annotated_sizes_above_the_limit(write_coco):
    file, folder = write_coco({1: (9, 9)}, [], {1: "a"})
    content = json.loads(file.read_text())
    content["images"][0].update(height=2**30, width=2**30)
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"instances\.json: images\[0\].*KCV_"):
        read_coco(file, folder)


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
def test_the_limit_is_a_number(value, monkeypatch):
    assert pixel_limit() == 100_000_000
    monkeypatch.setenv("KCV_MAX_PIXELS", value)
    with pytest.raises(ValueError, match="`KCV_MAX_PIXELS` must be a positive"):
        pixel_limit()


def test_only_the_first_frame_of_a_gif_is_decoded(tmp_path):
    frames = [Image.fromarray(pixels(20, 30, k)) for k in range(4)]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    file = tmp_path / "a.gif"
    file.write_bytes(content.getvalue())
    whole = read_image(file)
    with Image.open(file) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(whole, expected)
    # What follows the first frame may be anything.
    second = content.getvalue().index(b"\x21\xf9", len(content.getvalue()) // 4)
    file.write_bytes(content.getvalue()[:second] + b"no frame")
    np.testing.assert_array_equal(read_image(file), expected)
    for cut in (5, 12, 40, 300):
        file.write_bytes(content.getvalue()[:cut])
        with pytest.raises(ValueError, match=r"a\.gif"):
            read_image(file)


def test_read_image_of_a_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=str(tmp_path)):
        read_image(tmp_path)


# === idx ===


def write_idx(folder, images, labels, pack=gzip.compress):
    suffix = "" if pack is bytes else ".gz"
    for name, values in (("images-idx3", images), ("labels-idx1", labels)):
        content = bytes([0, 0, 8, values.ndim])
        content += b"".join(n.to_bytes(4) for n in values.shape)
        content += values.tobytes()
        file = folder / f"train-{name}-ubyte{suffix}"
        file.write_bytes(pack(content))
    return folder / f"train-images-idx3-ubyte{suffix}"


def test_idx_files_that_announce_too_much(tmp_path):
    file = write_idx(tmp_path, np.ones((2, 3, 3), "u1"), np.zeros(2, "u1"))
    images, _ = read_idx(tmp_path)
    assert images.shape == (2, 3, 3, 1)
    for shape in ((2**22, 2**21, 2**21), (2**31, 2, 1), (60000, 5000, 5000)):
        head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4) for n in shape)
        for content in (head, head + bytes(2**20)):
            file.write_bytes(gzip.compress(content))
            with pytest.raises(ValueError, match=r"images-idx3-ubyte\.gz"):
                read_idx(tmp_path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_files_with_more_than_announced(pack, tmp_path):
    file = write_idx(
        tmp_path, np.ones((2, 3, 3), "u1"), np.zeros(2, "u1"), pack
    )
    content = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4) for n in (2, 3, 3))
    file.write_bytes(pack(content + bytes(19)))
    with pytest.raises(ValueError, match=r"ubyte.*and more follow"):
        read_idx(tmp_path)
    file.write_bytes(pack(content + bytes(17)))
    with pytest.raises(ValueError, match=r"ubyte.*and 17 follow"):
        read_idx(tmp_path)
