"""Weights of a model that kcv has trained, for a model of other classes."""

import dataclasses
import logging
import os
import re
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import keras

from kcv.text_files import read_names
from kcv.text_files import read_object
from kcv.trained.catalog import list_models
from kcv.trained.notes import read_notes
from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import assign
from kcv.weights.class_rows import ClassRows
from kcv.weights.deepface import is_deepface
from kcv.weights.hdf5 import Layers
from kcv.weights.hdf5 import open_layers
from kcv.weights.keras_applications import is_keras_applications
from kcv.weights.reference import name_variables

_LOG = logging.getLogger(__name__)
_MODEL = "model.keras"
_SHOWN = 3  # Layers that the log names; the rest is counted.


@dataclasses.dataclass(frozen=True)
class TrainedWeights(os.PathLike):
    r"""Weights of a trained model, for a model of classes with these names.

    The argument `weights` of kcv's models takes such an object, too. The names
    of the classes of the trained model are read from `serving.json` or
    `labels.txt` beside its file. In the layers that score the classes, the
    units of the classes whose name both models have are taken. The units of
    all other classes keep their initial values.

    Args:
        path: Folder of a run, a `.keras` file or a `.weights.h5` file. Path of
            any other file that `kcv.weights.load_weights` takes, whose classes
            are not known.
        class_names: Names of the classes of the new model, in their order,
            with background if it is a class of the model. Defaults to none,
            under which layers of another shape keep their initial values.

    Example:

    >>> import kcv
    >>> small = kcv.classification.LeNet5(classes=2)
    >>> small.save("two.keras")
    >>> _ = Path("labels.txt").write_text("cat\ndog\n")
    >>> weights = TrainedWeights("two.keras", ("cat", "cow", "dog"))
    >>> larger = kcv.classification.LeNet5(classes=3, weights=weights)
    >>> before = small.get_layer("output").kernel.numpy()
    >>> after = larger.get_layer("output").kernel.numpy()
    >>> bool((after[:, [0, 2]] == before).all())
    True
    """

    path: str | os.PathLike
    class_names: Sequence[str] = ()

    def __fspath__(self) -> str:
        return os.fspath(self.path)

    def __str__(self) -> str:
        return os.fspath(self.path)


def find_weights(source: str | os.PathLike) -> Path:
    """Find the file that a path of weights means.

    Args:
        source: File of weights, folder of a run, whose `model.keras` is meant,
            or name of a model that comes with kcv.

    Returns:
        Path of the file.

    Raises:
        FileNotFoundError: If the path does not exist, or the folder has no
            model.
        ValueError: If the run has not finished.
    """
    path = Path(source)
    if path.is_file():
        return path
    if not path.exists() and path.as_posix() in (known := list_models()):
        return known[path.as_posix()].path
    if not path.is_dir():
        raise FileNotFoundError(
            '`weights` must be "imagenet", a file, the folder of a run, or the '
            "name of a model that comes with kcv. Received: "
            f"weights={str(path)!r}, which does not exist"
        )
    if (path / _MODEL).is_file():
        return path / _MODEL
    backups = sorted(path.glob("**/backup/epoch-*.weights.h5"))
    if backups or (path / "config.json").is_file():
        remedy = "Start its recipe again with the same options, and it resumes"
        if len(backups) == 1:
            remedy += f"; or take the weights of its last epoch, {backups[0]}"
        raise ValueError(
            f"{path} is the folder of a run that has not finished: it has no "
            f"{_MODEL} yet. {remedy}."
        )
    raise FileNotFoundError(f"{path} is not the folder of a run: no {_MODEL}.")


def is_trained(source: str | os.PathLike) -> bool:
    """Tell whether weights are those of a model that kcv has trained.

    Args:
        source: Argument `weights` of a model.

    Returns:
        True for the folder of a run and for a file of Keras whose layers do
        not have the names of a published network of other libraries.

    Raises:
        ValueError: If a file of Keras cannot be read, or a folder is not that
            of a run that has finished.
        FileNotFoundError: If the path does not exist.
    """
    if source == "imagenet":
        return False
    path = find_weights(source)
    if path.suffix.lower() not in (".keras", ".h5"):
        return False
    with open_layers(path) as layers:
        return not is_keras_applications(layers) and not is_deepface(layers)


def load_trained(
    model: keras.Model,
    source: str | os.PathLike,
    new: str = "",
    class_layers: Mapping[str, int] | None = None,
    skip: Sequence[str] = (),
) -> WeightReport:
    """Load the weights of a model that kcv has trained, and log what fits.

    Args:
        model: A built model.
        source: Folder of a run, a `.keras` file or a `.weights.h5` file, or
            `TrainedWeights`.
        new: Regular expression for the names of layers that keep their initial
            values if the file does not have them or has them in another shape.
            Defaults to none.
        class_layers: Mapping from the name of each layer whose units belong to
            classes to its number of entries without a class name, such as
            background, which stand in front of those of the classes. If None,
            no layer has units of classes. Defaults to None.
        skip: Prefixes of the names of layers to leave out on both sides.
            Defaults to none.

    Returns:
        The report.

    Raises:
        FileNotFoundError: If the path does not exist, or the folder has no
            model.
        ValueError: If a layer that `new` does not match has no weights of its
            shape, no layer has, or the file cannot be read.
    """
    path, rows = find_weights(source), None
    if isinstance(source, TrainedWeights) and source.class_names:
        rows = ClassRows(
            read_class_names(path), source.class_names, class_layers or {}
        )
    with open_layers(path) as layers:
        variables = variables_by_layer(model)
        fresh = [name for name in variables if new and re.match(new, name)]
        free = (*fresh, *(x for x in variables if x.startswith(tuple(skip))))
        required = {x: y for x, y in variables.items() if x not in free}
        _check_system(model, path, layers, required)
        weights = address_layers(variables, layers)
        if rows:
            weights = rows.take(variables, weights)
        report = assign(
            model,
            weights,
            str(path),
            strict=False,
            skip=skip,
            skip_mismatch=[f"{name}/" for name in fresh],
        )
    _log(model, report, rows)
    return report


def read_class_names(path: Path) -> tuple[str, ...]:
    """Read the names of the classes of a model, inside or beside its file.

    Args:
        path: File of the model.

    Returns:
        Names inside the file, or else in `serving.json`, or else in
        `labels.txt`. Empty if no place has names.

    Raises:
        ValueError: If such a file is damaged.
    """
    told, serving = path, read_notes(path).get("serving")
    if serving is None and path.with_name("serving.json").is_file():
        told = path.with_name("serving.json")
        serving = read_object(told)
    if serving is not None:
        names = serving.get("class_names", [])
        if not isinstance(names, list):
            raise ValueError(
                f"{told}: class_names must be a list of names. Received: "
                f"class_names={names!r}"
            )
        return tuple(map(str, names))
    labels = path.with_name("labels.txt")
    return read_names(labels) if labels.is_file() else ()


def address_layers(
    variables: Mapping[str, Sequence], layers: Layers
) -> list[SourceWeight]:
    """Address the arrays of Keras's layers to the variables of a model.

    Args:
        variables: Variables of each layer of the model by the layer's name.
        layers: Arrays of each layer of the file by the layer's name.

    Returns:
        The weights. Arrays of a layer that the model has with as many
        variables belong to these, in their order. Those of all others have the
        names that Keras gives the variables of common layers.
    """
    weights = []
    for layer, arrays in layers.items():
        names = [variable.name for variable in variables.get(layer, ())]
        named = name_variables(arrays)
        if len(names) == len(arrays) == len(set(names)):
            named = dict(zip(names, arrays, strict=True))
        weights += [
            SourceWeight(f"{layer}/{kind}", f"{layer}/{kind}", array)
            for kind, array in named.items()
        ]
    return weights


def variables_by_layer(model: keras.Model) -> dict[str, list]:
    """List the variables of each layer of a model, by the layer's name.

    Args:
        model: A built model. Layers may stand in models inside it.

    Returns:
        Variables of each layer that has any, in the order in which Keras saves
        them. Layers of one name stand together.
    """
    variables: dict[str, list] = {}
    for variable in model.weights:
        layer = variable.path.split("/")[-2:][0]
        variables.setdefault(layer, []).append(variable)
    return variables


def _check_system(model, path, layers, required):
    """Raise ValueError if layers that must be in the file do not fit."""
    unfit = [
        name
        for name, variables in required.items()
        if [tuple(array.shape) for array in layers.get(name, ())]
        != [tuple(variable.shape) for variable in variables]
    ]
    if unfit or not set(layers) & {*variables_by_layer(model)}:
        raise ValueError(
            f"`weights` must be of the same system as {model.name!r}. "
            f"Received: weights={str(path)!r}, which lacks "
            f"{_count(unfit or list(required))} of the model or has them in "
            f"another shape. It has {_count(list(layers))}."
        )


def _log(model, report, rows):
    matched = _layers(report.matched)
    layers = [*variables_by_layer(model)]
    taken = [name for name in layers if name in matched]
    new = [name for name in layers if name not in matched]
    text = f"{model.name}: {_count(taken)} taken from {report.source}"
    if rows and rows.taken:
        scores = ", ".join(name for name in layers if name in rows.taken)
        text += f", of {scores} the units of the classes {_listed(rows.common)}"
    if new:
        text += f"; {_count(new)} left as initialized"
    if report.left_over:
        unused = sorted(_layers(report.left_over))
        text += f"; {_count(unused)} of the file not used"
    # A warning, since Python does not show anything less by default.
    _LOG.warning("%s.", text)


def _layers(addresses) -> list[str]:
    return [*dict.fromkeys(address.split("/")[0] for address in addresses)]


def _count(layers: Sequence[str]) -> str:
    plural = "" if len(layers) == 1 else "s"
    return f"{len(layers)} layer{plural} ({_listed(layers)})"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    rest = len(names) - _SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
