"""Readers of annotations, of label maps and of idx files, for the fuzzer.

What a changed file says is read by ElementTree, json, NumPy, Pillow and SciPy.
"""

import gzip
import io
import json
import math
import struct
import zlib
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from kcv.data import read_idx
from kcv.data import read_label_map
from kcv.data.formats.coco_json import read_instances
from kcv.data.formats.voc_xml import read_annotation
from tests.fuzz.harness import Reader
from tests.fuzz.harness import change_json
from tests.fuzz.harness import change_xml

# === VOC ===

VOC = b"""<annotation>
<folder>VOC</folder><filename>a.jpg</filename>
<size><width>60</width><height>40</height><depth>3</depth></size>
<object><name>cat</name><difficult>0</difficult>
<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>30</ymax></bndbox>
</object>
<object><name>dog</name><pose>Left</pose><difficult>1</difficult>
<bndbox><xmin>5.5</xmin><ymin>6</ymin><xmax>50</xmax><ymax>39</ymax></bndbox>
<part><name>head</name><bndbox><xmin>6</xmin><ymin>7</ymin><xmax>9</xmax>
<ymax>9</ymax></bndbox></part>
</object>
</annotation>
"""


def read_voc_file(file):
    size, objects = read_annotation(file)
    return tuple(size), [
        (one.name, bool(one.difficult), _compared(one.corners))
        for one in objects
    ]


def voc_says(file):
    """Read by names that are compared without case, as kcv documents."""
    root = ElementTree.fromstring(file.read_bytes())
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2].lower()

    def text(element, path):
        (found,) = element.findall(path)
        return (found.text or "").strip()

    sides = [root.findtext(f"size/{side}") for side in ("height", "width")]
    size = _size(*sides)
    objects = []
    for one in root.findall("object"):
        flags = [(flag.text or "").strip() for flag in one.findall("difficult")]
        flag = (flags or ["0"])[0].lower()
        box = [
            float(text(one, f"bndbox/{side}"))
            for side in ("xmin", "ymin", "xmax", "ymax")
        ]
        name = text(one, "name").strip("\ufeff \t\n")
        flag = flag in ("1", "true", "yes", "1.0")
        objects.append((name, flag, _compared(box)))
    return size, objects


def _compared(box):
    """NaN, which only `boxes="drop"` leaves out, is not equal to itself."""
    return [x if math.isfinite(x) else str(x) for x in map(float, box)]


def _size(height, width):
    """Without one of them, the image is measured."""
    sides = tuple(float(side or 0) for side in (height, width))
    return sides if all(sides) else (0, 0)


# === COCO ===

COCO = json.dumps(
    {
        "info": {"year": 2017},
        "images": [
            {"id": 7, "file_name": "a.jpg", "width": 60, "height": 40},
            {"id": 9, "file_name": "b/c.jpg", "width": 30, "height": 50},
            {"id": 12, "file_name": "d.jpg", "width": 30, "height": 50},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "iscrowd": 0}
            | {"bbox": [1.5, 2, 10, 12], "area": 120},
            {"id": 2, "image_id": 9, "category_id": 1, "iscrowd": 1}
            | {"bbox": [0, 0, 30, 50]},
            {"id": 3, "image_id": 7, "category_id": 1, "bbox": [5, 5, 9, 9]},
        ],
        "categories": [
            {"id": 1, "name": "cat", "supercategory": "animal"},
            {"id": 3, "name": "dog"},
        ],
    }
).encode()


def read_coco_file(file):
    images, categories = read_instances(file, file.parent)
    return (
        [
            (
                image.image_id,
                image.file_name,
                tuple(image.size),
                [
                    (str(one.category), _compared(one.box), bool(one.is_crowd))
                    for one in image.objects
                ],
            )
            for image in images
        ],
        {str(key): one.name for key, one in categories.items()},
    )


def coco_says(file):
    content = json.loads(file.read_bytes().decode("utf-8-sig"))

    def flag(value):
        if isinstance(value, str):
            value = value.strip().lower()
        return value in (1, True, "1", "true", "yes", "1.0")

    images = []
    for image in content["images"]:
        own = [
            (
                str(_id(one["category_id"])),
                _compared(one["bbox"]),
                flag(one.get("iscrowd")),
            )
            for one in content["annotations"]
            if str(_id(one["image_id"])) == str(_id(image["id"]))
        ]
        size = _size(image.get("height"), image.get("width"))
        name = str(image["file_name"])
        images.append((str(_id(image["id"])), name, size, own))
    names = {
        str(_id(one["id"])): one["name"].strip()
        for one in content["categories"]
    }
    return images, names


def _id(value):
    """JSON's 7.0 is 7, and true is no number."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(value)
    whole = isinstance(value, float) and math.isfinite(value)
    return int(value) if whole and value == int(value) else value


def coco_agrees(value, said):
    """Compare file names as paths, and all else exactly."""

    def plain(whole):
        images, names = whole
        return (
            [
                (image_id, name.replace("./", ""), size, own)
                for image_id, name, size, own in images
            ],
            names,
        )

    return plain(value) == plain(said)


# === idx ===

_PIXELS = np.random.default_rng(0).integers(0, 256, (3, 4, 5), np.uint8)
_IDX = {
    "train-images-idx3-ubyte": struct.pack(">4I", 2051, 3, 4, 5)
    + _PIXELS.tobytes(),
    "train-labels-idx1-ubyte": struct.pack(">2I", 2049, 3) + bytes([1, 0, 2]),
}


def read_idx_file(file):
    images, labels = read_idx(file.parent)
    return images.shape, images.tobytes(), labels.tobytes()


def idx_says(file):
    ending = ".gz" if file.name.endswith(".gz") else ""
    parts = {}
    for name in _IDX:
        content = (file.parent / f"{name}{ending}").read_bytes()
        content = gzip.decompress(content) if ending else content
        count = content[3]
        shape = struct.unpack(f">{count}I", content[4 : 4 + 4 * count])
        values = content[4 + 4 * count :]
        assert content[:3] == b"\0\0\x08"
        assert len(values) == math.prod(shape)
        parts[name] = (shape, values)
    (shape, images), (_, labels) = parts.values()
    return (*shape, 1), images, labels


# === Label maps ===

_LABELS = np.zeros((8, 9), np.uint8)
_LABELS[2:6, 3:7] = 1
_LABELS[5:, 5:] = 2
_LABELS[0] = 255


def _png(mode, **options):
    image = Image.fromarray(_LABELS)
    if mode == "P":
        image.putpalette([k * 7 % 256 for k in range(768)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def _mat(**options):
    import scipy.io

    content = {
        "GTcls": {
            "Boundaries": np.zeros((3, 1), object),
            "Segmentation": _LABELS,
            "CategoriesPresent": 1,
        }
    }
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, content, **options)
    return buffer.getvalue()


def read_map(file):
    labels = read_label_map(file)
    return labels.shape, labels.tobytes()


def png_says(file):
    with Image.open(file) as image:
        labels = np.asarray(image).astype(np.uint8)
    return labels.shape, labels.tobytes()


def mat_says(file):
    """Read the labels where SciPy wrote them.

    Not by SciPy, whose reader some of these files crash.
    """
    content = file.read_bytes()
    whole = _mat()
    if file.name == "packed.mat":
        size = int.from_bytes(content[132:136], "little")
        content = content[:128] + zlib.decompress(content[136 : 136 + size])
    # Columns come first. Before them are the sizes, a name of no letters, and
    # the kind and the number of the values.
    place = whole.index(_LABELS.T.tobytes())
    shape = struct.unpack("<2i", content[place - 24 : place - 16])
    values = np.frombuffer(content, np.uint8, math.prod(shape), place)
    labels = values.reshape(shape[::-1]).T
    return labels.shape, labels.tobytes()


def annotation_readers() -> dict[str, Reader]:
    """Return the readers by name."""
    return {
        "voc": Reader({"a.xml": VOC}, read_voc_file, voc_says, change_xml),
        "coco": Reader(
            {"a.json": COCO},
            read_coco_file,
            coco_says,
            change_json,
            coco_agrees,
        ),
        "idx": Reader(_IDX, read_idx_file, idx_says),
        "idx.gz": Reader(
            {
                f"{name}.gz": gzip.compress(content, mtime=0)
                for name, content in _IDX.items()
            },
            read_idx_file,
            idx_says,
        ),
        "png": Reader(
            {"gray.png": _png("L"), "palette.png": _png("P")},
            read_map,
            png_says,
        ),
        "mat": Reader(
            {
                "plain.mat": _mat(),
                "packed.mat": _mat(do_compression=True),
            },
            read_map,
            mat_says,
        ),
    }
