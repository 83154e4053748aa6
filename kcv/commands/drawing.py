"""Boxes, masks and class names drawn over an image, by Pillow.

`kcv.visualize` draws figures with matplotlib, which takes longer for an image
than a small detector does.
"""

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from kcv.visualize import voc_palette

_WHITE = (255, 255, 255)
_OPACITY = 0.5


def draw_found(
    image: np.ndarray,
    boxes: np.ndarray,
    texts: Sequence[str],
    colors: Sequence[int],
    masks: np.ndarray | None = None,
    landmarks: np.ndarray | None = None,
) -> Image.Image:
    """Draw boxes, and masks and landmarks if there are any.

    Args:
        image: Image (H, W, 3) uint8.
        boxes: Boxes (N, 4) xyxy in pixels, the best first.
        texts: Text at each box.
        colors: Number of the color of each box, of which there are ten.
        masks: Masks (N, H, W) of 0 and 1. Defaults to none.
        landmarks: Points (N, P, 2) xy in pixels. Defaults to none.

    Returns:
        The image with all drawn over it.
    """
    palette = _palette()
    own = [palette[color % len(palette)] for color in colors]
    if masks is not None and len(masks):
        image = image.copy()
        # The best last, on top of the others.
        for mask, color in zip(masks[::-1], own[::-1], strict=True):
            inside = mask > 0
            mixed = (1 - _OPACITY) * image[inside] + _OPACITY * np.array(color)
            image[inside] = np.rint(mixed)
    drawn = Image.fromarray(image)
    pen = ImageDraw.Draw(drawn)
    width, font = _line_width(drawn), _font(drawn.size)
    order = range(len(boxes) - 1, -1, -1)
    for k in order:
        x1, y1, x2, y2 = np.rint(boxes[k]).astype(int).tolist()
        # Half-open boxes end in front of their last row and column.
        corners = (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))
        pen.rectangle(corners, outline=own[k], width=width)
        if landmarks is not None:
            for x, y in landmarks[k].tolist():
                spot = (x - width, y - width, x + width, y + width)
                pen.ellipse(spot, fill=own[k])
    # Texts in front of all boxes.
    for k in order:
        x1, y1 = boxes[k, :2].tolist()
        _write(pen, (x1, y1), texts[k], font, own[k], drawn.size)
    return drawn


def draw_caption(image: np.ndarray, lines: Sequence[str]) -> Image.Image:
    """Write lines of text below an image.

    Args:
        image: Image (H, W, 3) uint8.
        lines: Lines of text.

    Returns:
        The image with a white margin below it, which has the text.
    """
    height, width = image.shape[:2]
    font = _font((max(width, 160), max(height, 160)))
    step = round(1.4 * font.size)
    longest = max((round(font.getlength(line)) for line in lines), default=0)
    sides = (max(width, longest + step), height + step * len(lines) + step // 2)
    drawn = Image.new("RGB", sides, _WHITE)
    drawn.paste(Image.fromarray(image), (0, 0))
    pen = ImageDraw.Draw(drawn)
    for number, line in enumerate(lines):
        place = (step // 2, height + step // 4 + step * number)
        pen.text(place, line, font=font, fill=(0, 0, 0))
    return drawn


def draw_label_map(
    image: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> Image.Image:
    """Lay the colors of a label map over its image, with a legend below.

    Args:
        image: Image (H, W, 3) uint8.
        labels: Label map (H, W) uint8.
        class_names: Names of the labels. Without names, numbers are shown.

    Returns:
        The image with its colors, and below it the names of the classes that
        occur, background excepted.
    """
    palette = voc_palette()
    mixed = (1 - _OPACITY) * image + _OPACITY * palette[labels]
    drawn = np.where(labels[..., None] == 0, image, np.rint(mixed))
    counts = np.bincount(labels.ravel(), minlength=1)
    counts[0] = 0
    occurring = sorted(
        np.flatnonzero(counts).tolist(), key=lambda k: -counts[k]
    )
    names = [
        f"{class_name(class_names, label)} {counts[label] / labels.size:.1%}"
        for label in occurring
    ]
    captioned = draw_caption(
        drawn.astype(np.uint8), [f"    {n}" for n in names]
    )
    pen = ImageDraw.Draw(captioned)
    height, width = image.shape[:2]
    size = _font((max(width, 160), max(height, 160))).size
    step = round(1.4 * size)
    for number, label in enumerate(occurring):
        top = height + step // 4 + step * number + size // 5
        place = (step // 2, top, step // 2 + size * 3 // 4, top + size * 3 // 4)
        pen.rectangle(place, fill=tuple(palette[label].tolist()))
    return captioned


def class_name(class_names: Sequence[str], label: int) -> str:
    """Return the name of a class, or its number where it has none.

    Args:
        class_names: Names of the labels 0, 1, ...
        label: Label, from 0.

    Returns:
        The name, or the number if there is no name.
    """
    return class_names[label] if label < len(class_names) else str(label)


def encode_picture(picture: Image.Image) -> bytes:
    """Encode a drawn image as JPEG.

    Args:
        picture: The image.

    Returns:
        Content of the file.
    """
    buffer = io.BytesIO()
    # Full color, since thin colored lines are blurred otherwise.
    picture.save(buffer, "JPEG", quality=90, subsampling=0)
    return buffer.getvalue()


def encode_pixels(image: np.ndarray) -> bytes:
    """Encode an image as PNG, without loss.

    Args:
        image: Image (H, W, 3) uint8 RGB.

    Returns:
        Content of the file.
    """
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def encode_label_map(labels: np.ndarray) -> bytes:
    """Encode a label map as PNG with the palette of VOC.

    Args:
        labels: Label map (H, W) uint8.

    Returns:
        Content of the file.
    """
    buffer = io.BytesIO()
    picture = Image.fromarray(labels)
    picture.putpalette(voc_palette().tobytes())
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@cache
def _palette() -> list[tuple[int, int, int]]:
    colors = matplotlib.colormaps["tab10"](range(10), bytes=True)
    return [tuple(color) for color in colors[:, :3].tolist()]


def _line_width(picture: Image.Image) -> int:
    return max(1, round(min(picture.size) / 250))


def _font(size: tuple[int, int]) -> ImageFont.FreeTypeFont:
    return _font_of(min(max(10, round(min(size) / 28)), 64))


@cache
def _font_of(size: int) -> ImageFont.FreeTypeFont:
    # The font of matplotlib, which has most alphabets.
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / "DejaVuSans.ttf"), size)


def _write(pen, place, text, font, color, size) -> None:
    """Write a text on a colored ground, inside the image."""
    if not text:
        return
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pad = max(1, font.size // 8)
    wide, high = right - left + 2 * pad, bottom - top + 2 * pad
    x = min(max(place[0], 0), max(size[0] - wide, 0))
    # Above the box, or at its top if there is no space above.
    y = place[1] - high if place[1] >= high else max(place[1], 0)
    y = min(y, max(size[1] - high, 0))
    pen.rectangle((x, y, x + wide, y + high), fill=color)
    pen.text((x + pad - left, y + pad - top), text, font=font, fill=_WHITE)
