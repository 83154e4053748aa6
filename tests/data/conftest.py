"""Small sets, written as the formats' own tools would write them."""

import json

import numpy as np
import pytest
from PIL import Image


def pixels(height, width, seed=0):
    """A picture without two equal columns, so that no flip goes unseen."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return values.astype(np.uint8)


@pytest.fixture
def write_voc(tmp_path):
    """Write a VOC tree: {id: (size, [(class, 1-based box, difficult)])}."""

    def write(images, lists=None, folder=tmp_path / "voc"):
        for name in ("JPEGImages", "Annotations", "ImageSets/Main"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for seed, (name, ((height, width), objects)) in enumerate(
            images.items()
        ):
            Image.fromarray(pixels(height, width, seed)).save(
                folder / "JPEGImages" / f"{name}.png"
            )
            text = "".join(
                f"<object><name>{label}</name>"
                f"<difficult>{difficult:d}</difficult>"
                "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
                "<bndbox>"
                + "".join(
                    f"<{side}>{value}</{side}>"
                    for side, value in zip(
                        ("xmin", "ymin", "xmax", "ymax"), box, strict=True
                    )
                )
                + "</bndbox></object>"
                for label, box, difficult in objects
            )
            (folder / "Annotations" / f"{name}.xml").write_text(
                f"<annotation><filename>{name}.png</filename><size>"
                f"<width>{width}</width><height>{height}</height>"
                f"<depth>3</depth></size>{text}</annotation>"
            )
        for split, names in (lists or {}).items():
            (folder / "ImageSets" / "Main" / f"{split}.txt").write_text(
                "\n".join(names) + "\n"
            )
        return folder

    return write


@pytest.fixture
def write_coco(tmp_path):
    """Write a COCO JSON and its images.

    images: {id: (height, width)}; objects: [(image, category, xywh, crowd)].
    """

    def write(images, objects, categories, name="instances.json"):
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        for image_id, size in images.items():
            Image.fromarray(pixels(*size, image_id)).save(
                folder / f"{image_id}.png"
            )
        content = {
            "images": [
                {
                    "id": image_id,
                    "file_name": f"{image_id}.png",
                    "height": height,
                    "width": width,
                }
                for image_id, (height, width) in images.items()
            ],
            "annotations": [
                {
                    "id": number,
                    "image_id": image_id,
                    "category_id": category,
                    "bbox": box,
                    "iscrowd": crowd,
                    "segmentation": {"counts": "0", "size": [1, 1]},
                }
                for number, (image_id, category, box, crowd) in enumerate(
                    objects, 1
                )
            ],
            "categories": [
                {"id": key, "name": value} for key, value in categories.items()
            ],
        }
        file = tmp_path / name
        file.write_text(json.dumps(content))
        return file, folder

    return write


@pytest.fixture
def make_example():
    """Make a single example of random pixels."""

    def make(height, width, boxes=(), labels=None, image_id="one", seed=0):
        boxes = np.array(boxes, np.float32).reshape(-1, 4)
        count = len(boxes)
        labels = range(count) if labels is None else labels
        return {
            "images": pixels(height, width, seed),
            "bounding_boxes": {
                "boxes": boxes,
                "labels": np.array(list(labels), np.int32),
            },
            "difficult": np.zeros(count, bool),
            "is_crowd": np.zeros(count, bool),
            "image_id": image_id,
        }

    return make


@pytest.fixture
def as_dataset():
    """Stream examples whose shapes differ."""
    import tensorflow as tf

    kinds = {
        "images": tf.TensorSpec((None, None, 3), tf.uint8),
        "bounding_boxes": {
            "boxes": tf.TensorSpec((None, 4), tf.float32),
            "labels": tf.TensorSpec((None,), tf.int32),
        },
        "difficult": tf.TensorSpec((None,), tf.bool),
        "is_crowd": tf.TensorSpec((None,), tf.bool),
        "image_id": tf.TensorSpec((), tf.string),
        "proposals": tf.TensorSpec((None, 4), tf.float32),
        "segmentation_masks": tf.TensorSpec((None, None), tf.uint8),
        "instance_masks": tf.TensorSpec((None, None, None), tf.uint8),
    }

    def stream(examples):
        signature = {key: kinds[key] for key in examples[0]}
        dataset = tf.data.Dataset.from_generator(
            lambda: iter(examples), output_signature=signature
        )
        return dataset.apply(
            tf.data.experimental.assert_cardinality(len(examples))
        )

    return stream
