"""Readers of images and of proposals, for the fuzzer.

What a changed image says is read by Pillow.
"""

import functools
import io
import struct
import tempfile
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from PIL import Image

from kcv.data import read_image
from kcv.proposals import ProposalCache
from kcv.proposals.store.shards import Computed
from kcv.proposals.store.shards import write_shard
from tests.fuzz.harness import Reader

# Decoders of JPEG and lossy WebP round differently.
_GRAY_LEVELS = 4.0


@functools.cache
def _images():
    y, x = np.mgrid[0:20, 0:26]
    pixels = np.stack([9 * x, 12 * y, 255 - 5 * (x + y)], -1).astype(np.uint8)
    image = Image.fromarray(pixels)
    palette = image.quantize(16)
    forms = {
        "a.jpg": (image, "JPEG", {"quality": 95, "subsampling": 0}),
        "progressive.jpg": (
            image,
            "JPEG",
            {"quality": 95, "subsampling": 0, "progressive": True},
        ),
        "a.png": (image, "PNG", {}),
        "palette.png": (palette, "PNG", {}),
        "a.gif": (palette, "GIF", {}),
        "a.bmp": (image, "BMP", {}),
        "a.webp": (image, "WEBP", {"lossless": True}),
        "lossy.webp": (image, "WEBP", {"quality": 95}),
    }
    files = {}
    for name, (form, kind, options) in forms.items():
        buffer = io.BytesIO()
        form.save(buffer, kind, **options)
        files[name] = buffer.getvalue()
    return files


def read_pixels(file):
    image = read_image(file)
    return image.shape, image.tobytes()


def image_says(file):
    """Read by Pillow, and by another decoder where Pillow is no measure.

    TensorFlow's fast transform of JPEG overflows where damaged coefficients are
    larger than those of any image. Its exact one gives Pillow's pixels. Pillow
    refuses some WebP files that libwebp decodes, as OpenCV does with it. Codes
    of GIF have no checksum, and giflib takes those that cannot be. So only the
    size of such a GIF is compared.
    """
    if file.suffix == ".webp":
        pixels = cv2.imdecode(np.fromfile(file, np.uint8), cv2.IMREAD_COLOR)
        return pixels[..., ::-1], pixels[..., ::-1]
    try:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError:
        if file.suffix != ".gif":
            raise
        width, height = struct.unpack("<2H", file.read_bytes()[6:10])
        return (height, width, 3), None
    exact = pixels
    if file.suffix == ".jpg":
        exact = tf.io.decode_jpeg(
            file.read_bytes(), 3, dct_method="INTEGER_ACCURATE"
        ).numpy()
    return pixels, exact


def images_agree(value, said):
    """Whether two images are of one size and look alike."""
    shape, content = value
    pixels, exact = said
    if exact is None:
        return shape == pixels
    if shape != pixels.shape or shape != exact.shape:
        return False
    own = np.frombuffer(content, np.uint8).reshape(shape)
    return any(
        np.abs(one.astype(int) - pixels).mean() <= _GRAY_LEVELS
        for one in (own, exact)
    )


# === Proposals ===


@functools.cache
def _cache():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ProposalCache(folder, "uniform", max_proposals=5)
        boxes = np.arange(24, dtype=np.float32).reshape(6, 4)
        write_shard(
            folder,
            [
                Computed("a", (20, 30), 17, boxes[:4]),
                Computed("b/c", (25, 30), 18, boxes[4:]),
            ],
        )
        return {file.name: file.read_bytes() for file in folder.iterdir()}


def read_cache(file):
    """Read all that the cache has: sizes, checksums and boxes by image."""
    cache = ProposalCache(file.parent, "uniform", max_proposals=5)
    return {
        name: (known, cache[name].shape, cache[name].tobytes())
        for name, known in sorted(cache.known.images.items())
    }


def cache_says(file):
    """Tell nothing: checksums protect what was written."""
    raise ValueError("only the original is right")


def image_readers() -> dict[str, Reader]:
    """Return the readers by name."""
    return {
        "image": Reader(_images(), read_pixels, image_says, agree=images_agree),
        "cache": Reader(_cache(), read_cache, cache_says),
    }
