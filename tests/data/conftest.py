"""Small sets, written as the formats' own tools would write them."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.voc_trees import pixels
from tests.voc_trees import write_tree


@pytest.fixture
def write_voc(tmp_path):
    """Write a VOC tree: {id: (size, [(class, 1-based box, difficult)])}."""

    def write(images, lists=None, folder=tmp_path / "voc"):
        return write_tree(folder, images, lists)

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
