"""Read the weights in a file that Keras wrote, without building its model."""

import io
import os
import zipfile
from pathlib import Path

import h5py
import numpy as np


def read_layers(path: str | os.PathLike) -> dict[str, list[np.ndarray]]:
    """Read the arrays of every layer in a file that Keras wrote.

    Args:
        path: A `.keras` file, a `.weights.h5` file of Keras 3, or an `.h5`
            file of Keras 2, whole model or weights alone.

    Returns:
        The arrays of each layer that has any, by the layer's name, in the
        order of `layer.get_weights()`. Models inside the model are opened.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is truncated or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file of weights at {path}.")
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                content = io.BytesIO(archive.read("model.weights.h5"))
        else:
            content = path
        with h5py.File(content, "r") as file:
            root = file.get("model_weights", file)
            legacy = "layer_names" in root.attrs
            layers = _read_legacy(root) if legacy else _read(root, path)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be read as weights of Keras: it is truncated, or "
            f"no .keras, .weights.h5 or .h5 file ({error})."
        ) from error
    if not layers:
        raise ValueError(f"{path} holds no weights of any layer.")
    return layers


def _read(root, path):
    """Keras 3: groups `.../vars` with arrays "0", "1", ... and a name."""
    layers = {}

    def visit(address, group):
        *parents, last = address.split("/")
        if last != "vars" or not isinstance(group, h5py.Group):
            return
        if {"optimizer", "seed_generator"} & set(parents) or not len(group):
            return
        if "name" not in group.attrs:
            raise ValueError(
                f"{path} does not record the names of its layers (an early "
                "Keras 3 wrote it): load it into the model it was saved from "
                "and pass that model."
            )
        _add(
            layers,
            group.attrs["name"],
            [group[str(i)][()] for i in range(len(group))],
        )

    root.visititems(visit)
    return layers


def _read_legacy(root):
    """Keras 2: a group per layer that lists its `weight_names`."""
    layers = {}
    for name in root:
        group = root[name]
        # A model inside the model lists all its weights in one group:
        # "conv1_1/kernel:0" tells the layer.
        arrays = {}
        for weight in group.attrs["weight_names"]:
            weight = weight.decode() if isinstance(weight, bytes) else weight
            layer = weight.split("/")[-2] if "/" in weight else name
            arrays.setdefault(layer, []).append(group[weight][()])
        if len(arrays) == 1:
            # Names of single layers' weights may differ from the layer's.
            arrays = {name: next(iter(arrays.values()))}
        for layer, values in arrays.items():
            _add(layers, layer, values)
    return layers


def _add(layers, name, arrays):
    if name in layers:
        raise ValueError(f"The file holds more than one layer {name!r}.")
    layers[name] = arrays
