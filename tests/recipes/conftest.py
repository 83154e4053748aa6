"""A user's own data, made by hand: shapes with boxes, and with masks."""

import functools
import json

import numpy as np
import pytest
from PIL import Image
from PIL import ImageDraw

from recipes.common import trunks


@pytest.fixture(scope="module")
def few_layers():
    """Small networks of a few layers, for tests that only ask how they run.

    Most of the time of a short training is that of building its graph.
    """
    with pytest.MonkeyPatch.context() as patch:
        detector = functools.partial(trunks.small_trunk, (8, 16, 16), (2, 2, 2))
        patch.setattr(trunks, "small_trunk", detector)
        yield


@pytest.fixture(scope="session")
def coco_set(tmp_path_factory):
    """Rectangles and ellipses on noise; returns `ANNOTATIONS.json:IMAGES`."""
    folder = tmp_path_factory.mktemp("coco")
    (folder / "images").mkdir()
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, 16):
        width, height = (72, 56) if number % 2 else (56, 72)
        noise = rng.integers(0, 80, (height, width, 3), dtype=np.uint8)
        picture = Image.fromarray(noise)
        draw = ImageDraw.Draw(picture)
        name = f"{number:03}.png"
        images.append(
            {"id": number, "file_name": name, "width": width, "height": height}
        )
        for category in rng.integers(1, 3, rng.integers(0, 3)):
            x, y = rng.integers(0, 30, 2).tolist()
            side = int(rng.integers(14, 26))
            box = (x, y, x + side - 1, y + side - 1)
            if category == 1:
                draw.rectangle(box, fill=(230, 40, 40))
            else:
                draw.ellipse(box, fill=(40, 40, 230))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": int(category) * 10,
                    "bbox": [x, y, side, side],
                    "area": side * side,
                    "iscrowd": 0,
                }
            )
        picture.save(folder / "images" / name)
    file = folder / "shapes.json"
    file.write_text(
        json.dumps(
            {
                "images": images,
                "annotations": annotations,
                "categories": [
                    {"id": 10, "name": "rectangle"},
                    {"id": 20, "name": "ellipse"},
                ],
            }
        )
    )
    return f"{file}:{folder / 'images'}"


@pytest.fixture(scope="session")
def shapes(tmp_path_factory):
    """Rectangles and ellipses on noise; returns `folder:IMAGES:MASKS`."""
    folder = tmp_path_factory.mktemp("shapes")
    for name in ("images", "masks"):
        (folder / name).mkdir()
    rng = np.random.default_rng(0)
    for number in range(15):
        width, height = (72, 56) if number % 2 else (56, 72)
        noise = rng.integers(0, 80, (height, width, 3), dtype=np.uint8)
        picture, mask = Image.fromarray(noise), Image.new("L", (width, height))
        drawn = [ImageDraw.Draw(image) for image in (picture, mask)]
        for label in (1, 2):
            x, y = rng.integers(0, 30, 2).tolist()
            side = int(rng.integers(18, 26))
            box = (x, y, x + side - 1, y + side - 1)
            color = (230, 40, 40) if label == 1 else (40, 40, 230)
            for draw, fill in zip(drawn, (color, label), strict=True):
                shape = draw.rectangle if label == 1 else draw.ellipse
                shape(box, fill=fill)
        picture.save(folder / "images" / f"{number}.png")
        mask.save(folder / "masks" / f"{number}.png")
    (folder / "masks" / "class_names.txt").write_text(
        "background\nrectangle\nellipse\n"
    )
    return f"folder:{folder / 'images'}:{folder / 'masks'}"
