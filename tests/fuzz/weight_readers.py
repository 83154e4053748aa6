"""Readers of weights, for the fuzzer.

What a changed file says is read by h5py, json, NumPy, protobuf and, for Torch7,
by a reader of its own. Weights are compared as the set of the numbers of each
variable, since importers transpose them.
"""

import functools
import io
import json
import struct
import tempfile
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf

from kcv.weights import load_torchvision
from kcv.weights import load_weights
from kcv.weights.caffe_messages import NetParameter
from kcv.weights.graph_def import read_constants
from kcv.weights.torch7 import TorchObject
from kcv.weights.torch7 import read_torch7
from tests.fuzz.harness import Reader
from tests.weights.torch7_writer import Writer

_SHAPES = {"conv1_1": [(3, 3, 3, 2), (2,)], "fc8": [(2, 2), (2,)]}


@functools.cache
def _model():
    return keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Conv2D(2, 3, name="conv1_1"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, name="fc8"),
        ]
    )


def _numbers(array):
    """The numbers of an array, whatever their order, as bytes."""
    # Without negative zeros, which have no order.
    values = np.asarray(array, np.float32) + 0.0
    return np.sort(values, axis=None).tobytes()


def _values(shape):
    count = int(np.prod(shape))
    return (np.arange(count, dtype=np.float32) - 3).reshape(shape) / 8


def load(file, importer=load_weights):
    model = _model()
    model.set_weights([np.zeros(x.shape) for x in model.get_weights()])
    importer(model, file)
    return [_numbers(array) for array in model.get_weights()]


# === Keras ===


@functools.cache
def _saved(ending):
    model = _model()
    model.set_weights([_values(x.shape) for x in model.get_weights()])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"a{ending}"
        model.save(file) if ending == ".keras" else model.save_weights(file)
        return file.read_bytes()


def keras_says(file):
    source = file
    if file.suffix == ".keras":
        with zipfile.ZipFile(file) as archive:
            source = io.BytesIO(archive.read("model.weights.h5"))
    found = {}
    with h5py.File(source) as store:

        def visit(address, group):
            if address.endswith("/vars") and len(group):
                arrays = [group[str(n)][()] for n in range(len(group))]
                found[group.attrs["name"]] = arrays

        store.visititems(visit)
    return [_numbers(x) for name in _SHAPES for x in found[name]]


# === Caffe ===


def _caffemodel():
    net = NetParameter(name="small")
    kinds = {"conv1_1": "Convolution", "fc8": "InnerProduct"}
    for name, shapes in _SHAPES.items():
        layer = net.layer.add(name=name, type=kinds[name])
        for shape in shapes:
            blob = layer.blobs.add()
            blob.shape.dim.extend(shape[::-1])
            blob.data.extend(_values(shape).ravel().tolist())
    return net.SerializeToString()


def caffe_says(file):
    net = NetParameter.FromString(file.read_bytes())
    layers = {x.name.strip(): x for x in (*net.layer, *net.layers) if x.blobs}
    return [
        _numbers([*blob.data, *blob.double_data])
        for name in _SHAPES
        for blob in layers[name].blobs
    ]


# === safetensors ===


_TORCH = {
    "features.0.weight": (2, 3, 3, 3),
    "features.0.bias": (2,),
    "classifier.6.weight": (2, 2),
    "classifier.6.bias": (2,),
}


def _safetensors():
    header, data = {}, b""
    for name, shape in _TORCH.items():
        array = _values(shape)
        end = len(data) + array.nbytes
        header[name] = {
            "dtype": "F32",
            "shape": array.shape,
            "data_offsets": [len(data), end],
        }
        data += array.tobytes()
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def load_safetensors(file):
    """Load without the scaling that is folded into the first layer."""
    return load(file, functools.partial(load_torchvision, fold_scaling=False))


def safetensors_says(file):
    content = file.read_bytes()
    (size,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    kinds = {"F32": "f4", "F64": "f8", "F16": "f2", "I32": "i4", "U32": "u4"}
    arrays = []
    for name in _TORCH:
        entry = header[name]
        start, end = (8 + size + place for place in entry["data_offsets"])
        values = np.frombuffer(content[start:end], f"<{kinds[entry['dtype']]}")
        arrays.append(_numbers(values))
    return arrays


# === Torch7 ===


def _t7():
    module = TorchObject("nn.Sequential")
    convolution = TorchObject("nn.SpatialConvolution")
    convolution.update(
        {"weight": _values((2, 3, 3)), "bias": _values((2,)), "kW": 3}
    )
    module.update({"modules": [convolution, "text", True, 2.5]})
    return Writer().encode({"net": module, "n": 3, "longs": np.arange(3)})


def _plain(value):
    """Turn what was read into lists that `==` compares."""
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape, value.tobytes()]
    if isinstance(value, TorchObject):
        return [value.type, _plain(dict(value))]
    if isinstance(value, dict):
        return [[repr(key), _plain(entry)] for key, entry in value.items()]
    return repr(value)


class _Torch7:
    """A reader for the objects of `_t7` alone."""

    kinds = {"Float": "f4", "Double": "f8", "Long": "i8", "Int": "i4"}
    kinds |= {"Byte": "u1", "Char": "i1", "Short": "i2", "Half": "f2"}

    def __init__(self, content, size):
        self.content, self.size, self.place = content, size, 0
        self.objects = {}

    def take(self, code, count=1):
        form = f"<{count}{code}"
        values = struct.unpack_from(form, self.content, self.place)
        self.place += struct.calcsize(form)
        return values

    def string(self):
        (size,) = self.take("i")
        self.place += size
        assert size >= 0
        assert self.place <= len(self.content)
        return self.content[self.place - size : self.place].decode("latin-1")

    def value(self):
        (kind,) = self.take("i")
        if kind == 0:
            return None
        if kind == 1:
            (number,) = self.take("d")
            return int(number) if number.is_integer() else number
        if kind == 2:
            return self.string()
        if kind == 5:
            return self.take("i") == (1,)
        assert kind in (3, 4)
        (index,) = self.take("i")
        if index not in self.objects:
            made = self.table if kind == 3 else self.instance
            made(index)
        return self.objects[index]

    def table(self, index):
        table = self.objects[index] = {}
        for _ in range(*self.take("i")):
            key = self.value()
            table[key] = self.value()

    def instance(self, index):
        name = self.string()
        if name.startswith("V "):
            name = self.string()
        _, _, last = name.rpartition(".")
        long = "q" if self.size == 8 else "i"
        if name.startswith("torch.") and last.endswith("Storage"):
            dtype = np.dtype("<" + self.kinds[last.removesuffix("Storage")])
            (count,) = self.take(long)
            size = count * dtype.itemsize
            values = self.content[self.place : self.place + size]
            self.objects[index] = np.frombuffer(values, dtype)
            self.place += size
            return
        if not name.startswith("torch."):
            made = self.objects[index] = TorchObject(name)
            made.update(self.value())
            return
        (count,) = self.take("i")
        shape, strides = self.take(long, count), self.take(long, count)
        (offset,) = self.take(long)
        storage = self.value()
        if storage is None or not shape or 0 in shape:
            dtype = "<" + self.kinds[last.removesuffix("Tensor")]
            self.objects[index] = np.zeros((0,), dtype)
            return
        places = np.indices(shape).reshape(count, -1).T @ np.array(strides)
        self.objects[index] = storage[places + offset - 1].reshape(shape)


def t7_says(file):
    for size in (8, 4):
        reader = _Torch7(file.read_bytes(), size)
        try:
            value = _plain(reader.value())
        except Exception as caught:
            error = caught
            continue
        if reader.place == len(reader.content):
            return value
        error = ValueError("something follows")
    raise error


# === Graphs of TensorFlow ===

_FLOATS = ("float16", "float32", "float64", "bfloat16")


@functools.cache
def _pb():
    with tf.Graph().as_default() as graph:
        tf.constant(_values((3, 3, 3, 2)), name="conv/weights")
        tf.constant(_values((2,)), name="conv/biases")
        tf.constant([1, 2], name="shape")
    return graph.as_graph_def().SerializeToString()


_FLOATING = [tf.dtypes.as_dtype(name).as_datatype_enum for name in _FLOATS]


def read_pb(file):
    constants = read_constants(file)
    return {name: _plain(np.asarray(x)) for name, x in constants.items()}


def pb_says(file):
    graph = tf.compat.v1.GraphDef.FromString(file.read_bytes())
    found = {}
    for node in graph.node:
        tensor = node.attr["value"].tensor
        if node.op == "Const" and tensor.dtype in _FLOATING:
            found[node.name] = _plain(tf.make_ndarray(tensor))
    return found


def weight_readers() -> dict[str, Reader]:
    """Return the readers by name."""
    return {
        "h5": Reader({"a.weights.h5": _saved(".weights.h5")}, load, keras_says),
        "keras": Reader({"a.keras": _saved(".keras")}, load, keras_says),
        "caffemodel": Reader({"a.caffemodel": _caffemodel()}, load, caffe_says),
        "safetensors": Reader(
            {"a.safetensors": _safetensors()},
            load_safetensors,
            safetensors_says,
        ),
        "t7": Reader(
            {"a.t7": _t7()}, lambda file: _plain(read_torch7(file)), t7_says
        ),
        "pb": Reader({"a.pb": _pb()}, read_pb, pb_says),
    }
