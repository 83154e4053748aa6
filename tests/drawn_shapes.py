"""Thirty drawn images with boxes in COCO JSON, for the whole way of a user."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from PIL import ImageDraw

NAMES = ("disk", "square", "triangle", "ring")


def draw_images(folder: Path, count: int = 30, seed: int = 0) -> None:
    """Draw images of shapes, and write two annotation files beside them.

    `shapes.json` has disks, squares and triangles, and `four.json` has the
    rings as well, which all images show.

    Args:
        folder: Folder that gets `images/`, `shapes.json` and `four.json`.
        count: Number of images.
        seed: Seed of the shapes.
    """
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(seed)
    images, objects = [], []
    for number in range(count):
        canvas = Image.fromarray(background(random))
        images.append(
            {
                "id": number,
                "file_name": f"{number:02}.png",
                "height": canvas.height,
                "width": canvas.width,
            }
        )
        boxes = []
        for _ in range(random.integers(2, 6)):
            box = free_box(random, canvas.size, boxes)
            if box is not None:
                boxes.append(box)
                kind = int(random.integers(len(NAMES)))
                draw_shape(ImageDraw.Draw(canvas), NAMES[kind], box, random)
                objects.append((number, kind, box))
        canvas.save(folder / "images" / f"{number:02}.png")
    for file, names in (("shapes.json", NAMES[:3]), ("four.json", NAMES)):
        write_annotations(folder / file, names, images, objects)


def background(random) -> np.ndarray:
    """Make a textured background: noise of two sizes over one color."""
    height, width = random.integers(180, 300, 2)
    coarse = random.normal(0, 18, (height // 30 + 1, width // 30 + 1, 3))
    coarse = coarse.repeat(30, 0).repeat(30, 1)[:height, :width]
    fine = random.normal(0, 8, (height, width, 3))
    pixels = random.uniform(90, 160, 3) + coarse + fine
    return pixels.clip(0, 255).astype(np.uint8)


def free_box(random, size, boxes):
    """Draw a box (x1, y1, x2, y2) that touches no other one, or None."""
    for _ in range(50):
        side = int(random.integers(36, 90))
        x, y = (int(random.integers(0, extent - side)) for extent in size)
        if all(
            x + side < x1 or x2 < x or y + side < y1 or y2 < y
            for x1, y1, x2, y2 in boxes
        ):
            return x, y, x + side, y + side
    return None


def draw_shape(draw: ImageDraw.ImageDraw, name: str, box, random) -> None:
    """Draw a shape that fills its box, in a light or a dark color."""
    light, dark = random.uniform(190, 255, 3), random.uniform(0, 60, 3)
    color = tuple(int(x) for x in (light if random.random() < 0.5 else dark))
    x1, y1, x2, y2 = box[0], box[1], box[2] - 1, box[3] - 1
    if name == "disk":
        draw.ellipse((x1, y1, x2, y2), fill=color)
    elif name == "ring":
        draw.ellipse((x1, y1, x2, y2), outline=color, width=8)
    elif name == "square":
        draw.rectangle((x1, y1, x2, y2), fill=color)
    else:
        draw.polygon([(x1, y2), (x2, y2), ((x1 + x2) // 2, y1)], fill=color)


def write_annotations(file: Path, names, images, objects) -> None:
    """Write the objects of some classes in the form of COCO."""
    annotations = [
        {
            "id": number,
            "image_id": image,
            "category_id": kind + 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": (x2 - x1) * (y2 - y1),
            "iscrowd": 0,
        }
        for number, (image, kind, (x1, y1, x2, y2)) in enumerate(objects)
        if kind < len(names)
    ]
    categories = [{"id": k + 1, "name": name} for k, name in enumerate(names)]
    content = {
        "images": images,
        "annotations": annotations,
        "categories": categories,
    }
    file.write_text(json.dumps(content), encoding="utf-8")
