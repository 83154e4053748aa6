"""Decoding of image files, in the TensorFlow graph and in Python.

The rules are the same in training, evaluation and serving:

- Gray images get three equal channels, palette indices become their colors, and
  CMYK becomes RGB.
- Alpha is dropped, not composited (as in `keras.utils.load_img`).
- Of 16 bits per channel, the high byte is kept.
- Of an animated GIF, the first frame is decoded. It must fill the image.
- An image with more pixels than `kcv.pixels.pixel_limit` is refused before it
  is decoded.
- A JPEG file whose data end early is accepted if it has an end marker, as in
  libjpeg. A damaged GIF file is accepted if giflib can decode it.
- Pixels stay as they are stored, and an EXIF orientation tag is ignored,
  because the boxes of VOC, COCO and TFDS refer to stored pixels. `kcv.data.voc`
  and `coco` refuse a file whose stored size is not the annotated size.
"""

import os

import numpy as np
import tensorflow as tf

from kcv.data.streams.notices import Notices
from kcv.data.streams.notices import look_at
from kcv.pixels import pixel_limit

#: Suffixes of the files that `decode_image` reads.
IMAGE_SUFFIXES = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".bmp",
    ".gif",
    ".webp",
)

_HEAD = 64  # bytes; enough for every header field that is read below
# What follows next in a GIF: a block, data of a block, or data of a frame.
_BLOCK, _DATA, _LAST_DATA, _DONE = range(4)
# Sizes of BMP headers that TensorFlow reads, in bytes.
_BMP_HEADERS = [40, 52, 56, 64, 108, 124]
# A GIF frame of one pixel (mark, place, size, two colors, data) and the end
# mark.
_ONE_PIXEL = b"\x2c\0\0\0\0\1\0\1\0\x80\0\0\0\0\0\0\2\2\x44\1\0;"


def decode_image(
    contents: tf.Tensor, max_pixels: int | None = None
) -> tf.Tensor:
    """Decode one JPEG, PNG, BMP, GIF or WebP file to RGB.

    The function runs eagerly, in a `tf.data` map and in a serving signature.

    Args:
        contents: Bytes of the file. Tensor () string.
        max_pixels: Maximum number of pixels of the image. If None, the limit is
            `kcv.pixels.pixel_limit()`: the environment variable KCV_MAX_PIXELS
            or 100 million. Defaults to None.

    Returns:
        Image (H, W, 3) uint8 RGB in [0, 255].

    Raises:
        tf.errors.InvalidArgumentError: If the bytes are not an image file of
            these formats, or if the file is truncated, an animated WebP, or a
            BMP that is compressed or has 1, 4 or 16 bits per pixel, or if the
            image has more pixels than the limit.

    Example:

    ```python
    image = kcv.data.decode_image(tf.io.read_file("cat.png"))
    ```
    """
    name, limit = "max_pixels", max_pixels
    if limit is None:
        name, limit = "KCV_MAX_PIXELS in the environment", pixel_limit()
    # In eager mode, an error of a tf.function would print where it was traced.
    decode = _decode.python_function if tf.executing_eagerly() else _decode
    image = decode(
        tf.convert_to_tensor(contents, tf.string),
        tf.constant(limit, tf.int64),
        tf.constant(name),
    )
    return tf.ensure_shape(image, (None, None, 3))


# A tf.function, so that it is traced once and not for every stream of images.
@tf.function(autograph=False)
def _decode(contents, limit, name):
    """Decode a file of at most `limit` pixels. `name` is where it is set."""
    head = _read_head(contents)
    sides = header_size(contents)
    check = tf.debugging.Assert(
        tf.reduce_prod(sides) <= limit,
        [
            "the image has height and width",
            sides,
            tf.strings.join(["and more pixels than the limit, ", name]),
            limit,
        ],
    )
    with tf.control_dependencies([check]):
        contents = tf.identity(contents)
    is_gif = _equal(head, 0, b"GIF8")
    is_webp = _equal(head, 0, b"RIFF") & _equal(head, 8, b"WEBP")
    is_bmp = _equal(head, 0, b"BM")
    return tf.case(
        [
            (is_webp, lambda: _decode_webp(contents, head)),
            (is_bmp, lambda: _decode_bmp(contents, head)),
            (is_gif, lambda: _decode_gif(contents, limit)),
        ],
        default=lambda: tf.io.decode_image(
            contents, channels=3, expand_animations=False
        ),
        exclusive=True,
    )


def read_image(path: str | os.PathLike) -> np.ndarray:
    """Read an image file as RGB.

    Args:
        path: Path of a JPEG, PNG, BMP, GIF or WebP file.

    Returns:
        Image (H, W, 3) uint8 RGB in [0, 255].

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file cannot be decoded. The message names the file.

    Example:

    ```python
    pixels = kcv.data.read_image("cat.png")
    ```
    """
    try:
        contents = tf.io.read_file(os.fsencode(path))
        image = decode_image(contents)
    except tf.errors.NotFoundError as error:
        raise FileNotFoundError(f"no image file {path}") from error
    except tf.errors.OpError as error:
        raise ValueError(
            f"{path} is not a whole JPEG, PNG, BMP, GIF or WebP image, or not "
            f"of a kind that can be decoded: {error.message}"
        ) from error
    odd = look_at(contents, image)
    Notices(is_annotated=True).note(
        os.fsencode(path), odd["exif"].numpy(), bool(odd["is_dim"])
    )
    return image.numpy()


def image_size(path: str | os.PathLike) -> tuple[int, int] | None:
    """Read the height and width of an image from the header of its file.

    Args:
        path: Path of a JPEG, PNG, BMP, GIF or WebP file.

    Returns:
        Height and width in pixels, or None if the file does not exist or has
        another format.
    """
    try:
        contents = tf.io.read_file(os.fsencode(path))
        height, width = header_size(contents).numpy()
    except tf.errors.OpError:
        return None
    return (int(height), int(width)) if height > 0 and width > 0 else None


def _read_head(contents):
    """Return the first bytes, padded with zeros, as (64,) int32."""
    head = tf.strings.join([tf.strings.substr(contents, 0, _HEAD), b"\0" * 64])
    head = tf.io.decode_raw(tf.strings.substr(head, 0, _HEAD), tf.uint8)
    return tf.cast(head, tf.int32)


@tf.function(autograph=False)
def header_size(contents: tf.Tensor) -> tf.Tensor:
    """Read the height and width of an image from its header, in the graph.

    Args:
        contents: Bytes of the file. Tensor () string.

    Returns:
        Height and width, (2,) int64, zeros for an unknown format.
    """
    head = _read_head(contents)

    def at(position, count, big=False):
        weights = [256**k for k in range(count)]
        values = tf.cast(head[position : position + count], tf.int64)
        return tf.reduce_sum(values * (weights[::-1] if big else weights))

    def jpeg():
        shape = tf.image.extract_jpeg_shape(contents, tf.int64)
        return shape[:2]

    def webp():
        extended = [at(27, 3) + 1, at(24, 3) + 1]
        lossy = [at(28, 2) % 2**14, at(26, 2) % 2**14]
        # Two numbers of 14 bits follow a byte of signature.
        bits = at(21, 4)
        lossless = [bits // 2**14 % 2**14 + 1, bits % 2**14 + 1]
        return tf.case(
            [
                (_equal(head, 12, b"VP8X"), lambda: tf.stack(extended)),
                (_equal(head, 12, b"VP8L"), lambda: tf.stack(lossless)),
                (_equal(head, 12, b"VP8 "), lambda: tf.stack(lossy)),
            ],
            default=lambda: tf.zeros(2, tf.int64),
        )

    def bmp():
        # A negative height means that rows are stored from top to bottom.
        sides = tf.bitcast(
            tf.cast(tf.stack([at(22, 4), at(18, 4)]), tf.uint32), tf.int32
        )
        return tf.abs(tf.cast(sides, tf.int64))

    return tf.case(
        [
            (_equal(head, 0, b"\xff\xd8\xff"), jpeg),
            (
                _equal(head, 0, b"\x89PNG"),
                lambda: tf.stack([at(20, 4, True), at(16, 4, True)]),
            ),
            (
                _equal(head, 0, b"GIF8"),
                lambda: tf.stack([at(8, 2), at(6, 2)]),
            ),
            (_equal(head, 0, b"RIFF") & _equal(head, 8, b"WEBP"), webp),
            (_equal(head, 0, b"BM"), bmp),
        ],
        default=lambda: tf.zeros(2, tf.int64),
    )


def _decode_webp(contents, head):
    # TensorFlow 2.21 corrupts its heap on an animated WebP file, and the
    # process dies. So such a file must not reach it. Bit 1 of the VP8X flags
    # marks one.
    animated = _equal(head, 12, b"VP8X") & (head[20] & 2 > 0)
    check = tf.debugging.Assert(~animated, ["animated WebP is not supported"])
    with tf.control_dependencies([check]):
        contents = tf.identity(contents)
    # With channels=3, decoding fails if the file has alpha.
    image = tf.io.decode_image(contents, channels=0, expand_animations=False)
    return image[..., :3]


# A tf.function, so that the loop runs in a graph.
@tf.function(reduce_retracing=True)
def _decode_gif(contents, limit):
    """Decode the first frame only.

    TensorFlow decodes all frames, which can take gigabytes.
    """
    data = tf.io.decode_raw(contents, tf.uint8)

    def at(position):
        return tf.cast(data[position], tf.int64)

    def table(flags):  # size in bytes of a table of colors
        size = 3 * tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8)
        return tf.where(flags >= 128, size, 0)

    def step(position, kind, good):
        """Move past one block or one part of its data."""
        mark = at(position)

        def extension():
            return position + 2, _DATA, good

        def frame():
            sides = [
                at(position + k) + 256 * at(position + k + 1) for k in (5, 7)
            ]
            colors = table(at(position + 9))
            small = sides[0] * sides[1] <= tf.cast(limit, tf.int64)
            # TensorFlow returns a frame without its place in the image, or
            # black if the frame leaves the image.
            whole = tf.reduce_all(
                data[position + 1 : position + 9]
                == tf.concat([tf.zeros(4, tf.uint8), data[6:10]], 0)
            )
            return position + 11 + colors, _LAST_DATA, good & small & whole

        def part():
            following = tf.where(kind == _DATA, _BLOCK, _DONE)
            following = tf.where(mark == 0, following, kind)
            return position + 1 + mark, following, good

        def unknown():
            return position, _DONE, tf.constant(False)

        return tf.case(
            [
                (kind != _BLOCK, part),
                (mark == 0x21, extension),
                (mark == 0x2C, frame),
            ],
            default=unknown,
        )

    end, _, good = tf.while_loop(
        lambda position, kind, good: (kind != _DONE) & good,
        step,
        (13 + table(at(10)), tf.constant(_BLOCK), tf.constant(True)),
    )
    check = tf.debugging.Assert(
        good, ["the GIF has no first frame that fills the image"]
    )
    with tf.control_dependencies([check]):
        first = tf.strings.substr(contents, 0, tf.cast(end, tf.int32))
    frames = tf.io.decode_gif(first + _ONE_PIXEL)
    # TensorFlow fills a frame that it cannot decode with black, and does not
    # decode the frames after it.
    check = tf.debugging.Assert(
        tf.shape(frames)[0] == 2, ["the first frame of the GIF is damaged"]
    )
    with tf.control_dependencies([check]):
        return tf.identity(frames[0])


def _decode_bmp(contents, head):
    bits = _little_endian(head, 28, 2)
    compression = _little_endian(head, 30, 4)
    # 3 and 6 are uncompressed pixels with bit masks. TensorFlow would read run
    # lengths (1, 2) as if they were pixels.
    plain = tf.reduce_any(compression == [0, 3, 6])
    # TensorFlow does not check the size of the header.
    known = tf.reduce_any(_little_endian(head, 14, 4) == _BMP_HEADERS)
    checks = [
        tf.debugging.Assert(plain, ["compressed BMP is not supported"]),
        tf.debugging.Assert(known, ["the BMP has a header of unknown size"]),
        tf.debugging.Assert(
            tf.reduce_any(bits == [8, 24, 32]),
            ["BMP is supported with 8, 24 or 32 bits per pixel. It has", bits],
        ),
    ]
    with tf.control_dependencies(checks):
        contents = tf.identity(contents)
    return tf.cond(
        bits == 8,
        lambda: _decode_palette_bmp(contents, head),
        lambda: tf.io.decode_image(
            contents, channels=3, expand_animations=False
        ),
    )


def _decode_palette_bmp(contents, head):
    # TensorFlow returns the palette indices as gray values.
    indices = tf.io.decode_bmp(contents, channels=0)[..., 0]
    used = _little_endian(head, 46, 4)
    colors = tf.where(used == 0, 256, used)
    palette = tf.strings.substr(
        contents, 14 + _little_endian(head, 14, 4), 4 * colors
    )
    palette = tf.reshape(tf.io.decode_raw(palette, tf.uint8), (-1, 4))
    return tf.gather(palette[:, 2::-1], tf.cast(indices, tf.int32))


def _equal(head, position, expected):
    return tf.reduce_all(
        head[position : position + len(expected)] == list(expected)
    )


def _little_endian(head, position, count):
    bytes_ = tf.cast(head[position : position + count], tf.int32)
    return tf.reduce_sum(bytes_ * [256**k for k in range(count)])
