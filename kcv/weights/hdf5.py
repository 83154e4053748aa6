"""Read the weights in a file that Keras wrote, without building its model.

Such files come from strangers. Nothing in a file makes kcv read another file,
and no array takes memory before its shape is known to be wanted.
"""

import contextlib
import io
import os
import zipfile
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from kcv.storage import check_unpacked
from kcv.weights.assignment import LazyArray

#: The arrays of each layer by the layer's name.
Layers = Mapping[str, Sequence[np.ndarray | LazyArray]]


@contextlib.contextmanager
def open_layers(path: str | os.PathLike) -> Iterator[Layers]:
    """Open the arrays of every layer in a file that Keras wrote.

    Args:
        path: A `.keras` file, a `.weights.h5` file of Keras 3, or an `.h5`
            file of Keras 2, whole model or weights alone.

    Yields:
        The arrays of each layer that has any, by the layer's name, in the
        order of `layer.get_weights()`. Models inside the model are opened.
        The arrays are `LazyArray`s, whose values can be read as long as the
        file is open.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is truncated or of another kind, or if it
            refers to other files or to other places in itself, as Keras's
            files never do.

    Example:

    >>> import keras
    >>> dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> dense.save_weights("dense.weights.h5")
    >>> with open_layers("dense.weights.h5") as layers:
    ...     [[array.shape for array in arrays] for arrays in layers.values()]
    [[(3, 2), (2,)]]
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of weights at {path}.")
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(_content(path), "r"))
            root = file
            if "model_weights" in file:
                root = _child(file, "model_weights", h5py.Group)
            legacy = "layer_names" in root.attrs
            layers = (_find_legacy if legacy else _find)(root, path)
        except _RefusedError as error:
            raise ValueError(f"{path} {error}") from error
        except Exception as error:  # h5py and zipfile raise a dozen kinds
            raise ValueError(
                f"{path} cannot be read as weights of Keras: it is truncated, "
                f"or not a .keras, .weights.h5 or .h5 file ({error})."
            ) from error
        if not layers:
            raise ValueError(f"{path} holds no weights of any layer.")
        yield layers


class _RefusedError(ValueError):
    """The file can be read but must not be; the message lacks its name."""


def _content(path):
    """Give what h5py opens: the file, or the member of an archive."""
    if path.suffix.lower() != ".keras":
        return path
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("model.weights.h5")
        try:
            check_unpacked(
                path, member.compress_size, member.file_size, member.filename
            )
        except ValueError as error:
            raise _RefusedError(str(error).removeprefix(f"{path} ")) from error
        return io.BytesIO(archive.read(member))


def _child(group, address, kind):
    """Open what stands at an address below a group, without any detour."""
    child = group
    for name in filter(None, address.split("/")):
        link = child.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise _RefusedError(
                f"has a link at {address!r} ({type(link).__name__}), which "
                "may lead to other files. Keras writes none, and kcv follows "
                "none."
            )
        child = child[name]
    if not isinstance(child, kind):
        raise _RefusedError(
            f"has a {type(child).__name__} at {address!r}, where a "
            f"{kind.__name__} must be."
        )
    return child


def _array(group, address, path):
    dataset = _child(group, address, h5py.Dataset)
    if dataset.external or dataset.is_virtual:
        raise _RefusedError(
            f"stores the values of {dataset.name!r} in other files. Keras "
            "does not write such arrays, and kcv does not read them."
        )
    dtype = dataset.dtype
    if dataset.attrs.get("dtype") == "bfloat16" and dtype.itemsize == 2:
        dtype = np.dtype(tf.bfloat16.as_numpy_dtype)
    elif dtype.kind not in "fiub":
        raise _RefusedError(
            f"has values of dtype {dtype} at {dataset.name!r}, where numbers "
            "must be."
        )

    def read():
        try:
            return np.asarray(dataset[()]).view(dtype)
        except Exception as error:  # h5py raises a dozen kinds
            raise ValueError(
                f"{path} cannot be read at {dataset.name!r}: it is truncated "
                f"or damaged ({error})."
            ) from error

    return LazyArray(dataset.shape, read)


def _find(root, path):
    """Keras 3: groups `.../vars` with arrays "0", "1", ... and a name."""
    layers = {}

    def visit(address, group):
        *parents, last = address.split("/")
        if last != "vars" or not isinstance(group, h5py.Group):
            return
        if {"optimizer", "seed_generator"} & set(parents) or not len(group):
            return
        if "name" not in group.attrs:
            raise _RefusedError(
                "does not record the names of its layers (an early Keras 3 "
                "wrote it): load it into the model it was saved from and pass "
                "that model."
            )
        arrays = [_array(group, str(i), path) for i in range(len(group))]
        _add(layers, group.attrs["name"], arrays)

    root.visititems(visit)  # along hard links alone
    return layers


def _find_legacy(root, path):
    """Keras 2: a group per layer that lists its `weight_names`."""
    layers = {}
    for name in root:
        group = _child(root, name, h5py.Group)
        # A model inside the model lists all its weights in one group:
        # "conv1_1/kernel:0" tells the layer.
        arrays = {}
        for weight in group.attrs["weight_names"]:
            weight = weight.decode() if isinstance(weight, bytes) else weight
            layer = weight.split("/")[-2] if "/" in weight else name
            arrays.setdefault(layer, []).append(_array(group, weight, path))
        if len(arrays) == 1:
            # Names of single layers' weights may differ from the layer's.
            arrays = {name: next(iter(arrays.values()))}
        for layer, values in arrays.items():
            _add(layers, layer, values)
    return layers


def _add(layers, name, arrays):
    if name in layers:
        raise _RefusedError(f"holds more than one layer {name!r}.")
    layers[name] = arrays
