import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data.streams.images import decode_image
from kcv.data.streams.images import read_image

RAW = np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8)
RGB = Image.fromarray(RAW)
GRAY = RGB.convert("L")
PALETTE = RGB.quantize(19)
ALPHA = np.random.default_rng(1).integers(0, 256, (9, 14, 1)).astype(np.uint8)
RGBA = Image.fromarray(np.concatenate([RAW, ALPHA], -1))
# Low frequencies, which JPEG keeps.
SMOOTH = RGB.resize((3, 2)).resize((48, 32), Image.Resampling.BICUBIC)


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


GRAPH = tf.function(
    decode_image, input_signature=[tf.TensorSpec((), tf.string)]
)


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        (encoded(RGB, "PNG"), RGB),
        (encoded(RGB, "BMP"), RGB),
        (encoded(RGB, "WEBP", lossless=True), RGB),
        (encoded(GRAY, "PNG"), GRAY),
        (encoded(GRAY, "BMP"), GRAY),
        (encoded(GRAY.convert("1"), "PNG"), GRAY.convert("1")),
        (encoded(RGB.convert("LA"), "PNG"), GRAY),
        (encoded(PALETTE, "PNG"), PALETTE),
        (encoded(PALETTE, "BMP"), PALETTE),
        (encoded(PALETTE, "GIF"), PALETTE),
        (encoded(RGBA, "PNG"), RGB),
        (encoded(RGBA, "BMP"), RGB),
        (encoded(RGBA, "WEBP", lossless=True, exact=True), RGB),
    ],
    ids=[
        "png",
        "bmp",
        "webp",
        "grey-png",
        "grey-bmp",
        "bit-png",
        "grey-alpha",
        "palette-png",
        "palette-bmp",
        "gif",
        "rgba-png",
        "rgba-bmp",
        "rgba-webp",
    ],
)
def test_lossless_formats_equal_pillow(contents, expected):
    got = GRAPH(contents)
    assert got.dtype == tf.uint8
    np.testing.assert_array_equal(got, np.asarray(expected.convert("RGB")))


def test_first_frame_of_an_animated_gif():
    contents = encoded(
        PALETTE, "GIF", save_all=True, append_images=[GRAY.convert("P")]
    )
    with Image.open(io.BytesIO(contents)) as stored:
        assert stored.n_frames == 2
    np.testing.assert_array_equal(
        GRAPH(contents), np.asarray(PALETTE.convert("RGB"))
    )


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_is_near_the_original(mode):
    image = SMOOTH.convert(mode)
    got = GRAPH(encoded(image, "JPEG", quality=100, subsampling=0))
    np.testing.assert_allclose(
        got.numpy().astype(int),
        np.asarray(image.convert("RGB")).astype(int),
        atol=6,  # TensorFlow's DCT is the fast one, Pillow's the exact
    )


def test_black_of_cmyk_counts():
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[..., 0], ink[..., 3] = 51, 102  # cyan .2, black .4
    contents = encoded(Image.fromarray(ink, "CMYK"), "JPEG", quality=100)
    # (1 - .2) (1 - .4) 255 = 122.4, and (1 - .4) 255 = 153.
    np.testing.assert_allclose(
        GRAPH(contents)[8, 8].numpy().astype(int), (122, 153, 153), atol=3
    )


def test_sixteen_bits_are_scaled_not_clipped():
    deep = np.linspace(0, 65535, 20 * 30).reshape(20, 30).astype(np.uint16)
    got = GRAPH(encoded(Image.fromarray(deep), "PNG")).numpy()
    assert got.shape == (20, 30, 3)
    np.testing.assert_allclose(
        got.astype(float), np.repeat(deep[..., None] / 257, 3, -1), atol=1
    )


def test_pixels_stay_as_stored_whatever_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    assert GRAPH(encoded(SMOOTH, "JPEG", exif=exif)).shape == (32, 48, 3)


BROKEN = {
    "truncated-jpeg": encoded(SMOOTH, "JPEG", quality=98)[:-300],
    "truncated-png": encoded(RGB, "PNG")[:-40],
    "text": b"a shopping list",
    "empty": b"",
    "one-byte": b"B",
    "bmp-head-only": encoded(RGB, "BMP")[:40],
    "tiff": encoded(RGB, "TIFF"),
    # Ends the process, if TensorFlow gets to see it.
    "animated-webp": encoded(
        RGB, "WEBP", save_all=True, append_images=[Image.new("RGB", (14, 9))]
    ),
}


@pytest.mark.parametrize("contents", BROKEN.values(), ids=BROKEN)
def test_what_is_no_whole_image_raises(contents, tmp_path):
    with pytest.raises(tf.errors.InvalidArgumentError):
        GRAPH(contents)
    file = tmp_path / "broken.jpg"
    file.write_bytes(contents)
    with pytest.raises(ValueError, match=r"broken\.jpg is not a whole JPEG"):
        read_image(file)


def test_run_length_bmp_is_refused():
    contents = bytearray(encoded(PALETTE, "BMP"))
    contents[30] = 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="compressed BMP"):
        GRAPH(bytes(contents))


def test_read_image(tmp_path):
    RGB.save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RAW)
    with pytest.raises(FileNotFoundError, match=r"nothing\.png"):
        read_image(tmp_path / "nothing.png")


def gif(changes):
    """Make a GIF of 9 x 8 pixels, some of whose bytes are changed."""
    buffer = io.BytesIO()
    values = np.arange(72, dtype=np.uint8).reshape(8, 9) % 16
    Image.fromarray(values * 9).save(buffer, "GIF")
    content = bytearray(buffer.getvalue())
    frame = content.index(b"\x2c\0\0\0\0")
    for place, value in changes.items():
        content[frame + place] = value
    return bytes(content)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, None),
        ({1: 4}, "fills the image"),  # Left, outside the image.
        ({2: 4}, "fills the image"),
        ({5: 8}, "fills the image"),  # A column less.
        ({5: 10}, "fills the image"),
        ({13: 1}, ""),  # The codes end early.
    ],
)
def test_gifs_without_a_whole_first_frame_are_refused(
    changes, message, tmp_path
):
    file = tmp_path / "a.gif"
    content = gif(changes)
    if 13 in changes:  # A part of the data of one byte, and the end.
        place = content.index(b"\x2c\0\0\0\0") + 11
        content = content[:place] + bytes([1, content[place + 1], 0]) + b";"
    file.write_bytes(content)
    if message is None:
        assert read_image(file).shape == (8, 9, 3)
        return
    with pytest.raises(ValueError, match=rf"(?s)a\.gif.*{message}"):
        read_image(file)
