"""Write examples as the records of a shard, see `kcv.data.formats.shards`."""

import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from kcv.data.formats.shard_specs import FILE
from kcv.data.formats.shard_specs import PNG
from kcv.data.formats.shard_specs import RAW
from kcv.data.formats.shards import ROW
from kcv.data.formats.shards import validation_hash

# A record of TFRecord has its length and the checksum of it before its data.
_HEAD, _TAIL = 12, 4
_MAPS = ("segmentation_masks", "instance_masks")


def describe_specs(element_spec: Mapping[str, Any]) -> dict[str, dict]:
    """Describe the arrays of examples as the JSON file of a split has them.

    Args:
        element_spec: Element spec of a dataset of single examples.

    Returns:
        Arguments of the form of each array, by name. Names of nested arrays
        have a slash.
    """
    return {
        name: {
            "dtype": spec.dtype.name,
            "shape": spec.shape.as_list(),
            "coding": _coding(name),
        }
        for name, spec in _flatten(element_spec).items()
    }


def write_records(
    dataset: tf.data.Dataset, files: Mapping[str, str] | None, number: int
) -> tuple[bytes, np.ndarray]:
    """Write examples as a shard.

    Args:
        dataset: Dataset of single examples, see `kcv.examples`.
        files: Image file of each image id, whose bytes are kept. If None,
            images are written as PNG.
        number: Number of the shard.

    Returns:
        Content of the file, and the rows of its examples in the index.
    """
    rows: list[tuple] = []
    offset = _HEAD
    examples = dataset.map(
        lambda example: _encode(example, files is None),
        tf.data.AUTOTUNE,
        deterministic=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shard"
        with tf.io.TFRecordWriter(str(file)) as writer:
            for example, encoded in examples.as_numpy_iterator():
                contents = _contents(example, encoded)
                name = contents["image_id"].decode()
                if files is not None:
                    contents["images"] = Path(files[name]).read_bytes()
                record = _serialize(contents)
                writer.write(record)
                label = example.get("labels", -1)
                rows.append(
                    (
                        number,
                        len(record),
                        offset,
                        zlib.crc32(record),
                        label,
                        validation_hash(name),
                    )
                )
                offset += len(record) + _TAIL + _HEAD
        return file.read_bytes(), np.array(rows, ROW)


def _encode(example, encodes_images):
    """Encode the images and maps of an example, in a graph."""
    encoded = {}
    if encodes_images:
        encoded["images"] = tf.io.encode_png(example["images"])
    for key in _MAPS:
        if key in example:
            maps = example[key]
            width = tf.shape(maps)[-1]
            tall = tf.reshape(maps, (-1, width, 1))
            encoded[key] = tf.cond(
                tf.size(maps) > 0,
                lambda tall=tall: tf.io.encode_png(tall),
                lambda: tf.constant(b""),
            )
    return example, encoded


def _contents(example, encoded) -> dict[str, bytes]:
    contents = {
        name: value
        if isinstance(value, bytes)
        else np.ascontiguousarray(value).tobytes()
        for name, value in _flatten(example).items()
        if name not in ("images", *_MAPS)
    }
    return {**contents, **encoded}


def _serialize(contents: Mapping[str, bytes]) -> bytes:
    features = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))
        for name, content in contents.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    # The same bytes for the same example.
    return example.SerializeToString(deterministic=True)


def _coding(name: str) -> str:
    if name == "images":
        return FILE
    return PNG if name in _MAPS else RAW


def _flatten(example: Mapping[str, Any]) -> dict[str, Any]:
    """Join the names of nested entries by a slash."""
    flat: dict[str, Any] = {}
    for name, value in example.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}/{k}": own for k, own in value.items()}
        else:
            flat[name] = value
    return flat
