"""Assign named arrays to a model, all or nothing, and report what fits.

An importer translates its source into `SourceWeight`s whose `target` is the
address of a variable in kcv's naming, "conv1_1/kernel". A variable's address
is the end of its path in the model, so it does not matter how deep in a
detector the layer stands.
"""

import dataclasses
import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence

import keras
import numpy as np

_LISTED = 12  # names per line of a report; the rest is counted


class LazyArray:
    """An array of known shape whose values are computed when they are wanted.

    A file may declare an array of any size. Its shape is compared with the
    model's before its values take memory.

    Args:
        shape: Shape of the array.
        read: Function that returns the values, an array of that shape.

    Example:

    >>> array = LazyArray((2,), lambda: np.ones(2))
    >>> np.asarray(array)
    array([1., 1.])
    """

    def __init__(self, shape: Sequence[int], read: Callable[[], np.ndarray]):
        self.shape = tuple(shape)
        self._read = read

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.asarray(self._read(), dtype)


@dataclasses.dataclass(frozen=True)
class SourceWeight:
    """One array of a source, with its own name and the variable it belongs to.

    Attributes:
        origin: Name of the array in the source.
        target: Address "layer/variable" of the variable that it belongs to.
            None if it belongs to no variable.
        value: The array, in the shape and order of axes that Keras has, or a
            `LazyArray` that reads it later.
    """

    origin: str
    target: str | None  # "layer/variable", None: belongs nowhere
    value: np.ndarray | LazyArray


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """A variable and the array of another shape that is meant for it.

    Attributes:
        target: Address "layer/variable" of the variable.
        shape: Shape of the variable.
        origin: Name of the array in the source.
        source_shape: Shape of the array.
    """

    target: str
    shape: tuple[int, ...]
    origin: str
    source_shape: tuple[int, ...]

    def __str__(self) -> str:
        text = (
            f"{self.target}: the model has {self.shape}, "
            f"the source {self.source_shape} ({self.origin})"
        )
        if len(self.shape) != len(self.source_shape):
            return f"{text}: another kind of layer"
        if self.shape[-1] != self.source_shape[-1]:
            return f"{text}: {self.source_shape[-1]} units would take it"
        if len(self.shape) == 2:
            return f"{text}: {self.source_shape[0]} inputs would take it"
        return text


@dataclasses.dataclass(frozen=True)
class WeightReport:
    """What became of the weights of a source.

    Attributes:
        source: Source of the weights.
        matched: Variables of the model that have a weight of their shape.
        missing: Variables of the model that the source has nothing for.
        left_over: Weights of the source, by its own names, that the model
            has no variable for.
        mismatched: Variables whose weight has another shape.
        skipped: Variables of the model and weights of the source that the
            caller wished to leave out.
    """

    source: str
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    mismatched: tuple[Mismatch, ...]
    skipped: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.source}: {len(self.matched)} weights fit"]
        for title, names in (
            ("missing in the source", self.missing),
            ("left over in the source", self.left_over),
            ("skipped", self.skipped),
        ):
            if names:
                lines.append(f"  {title} ({len(names)}): {_listed(names)}")
        if self.mismatched:
            lines.append(f"  of another shape ({len(self.mismatched)}):")
            lines += [f"    {m}" for m in self.mismatched[:_LISTED]]
            if len(self.mismatched) > _LISTED:
                lines.append(f"    and {len(self.mismatched) - _LISTED} more")
        return "\n".join(lines)


def assign(
    model: keras.Model,
    weights: Iterable[SourceWeight],
    source: str,
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Assign weights to the variables they are addressed to.

    Nothing is assigned if anything does not fit, and no values are read
    before all shapes have been compared.

    Args:
        model: A built model. Layers may be in models inside it.
        weights: Weights of the source.
        source: Source of the weights, for the report and error messages.
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error,
            and so is a source of which nothing fits. Defaults to True.
        skip: Prefix or prefixes of the names of layers that are left out on
            both sides: they keep their values, and their weights are not used.
            Defaults to none.
        skip_mismatch: Prefix or prefixes of the names of layers that are left
            out if one of their weights has another shape. Defaults to none.

    Returns:
        The report. Layers that `skip_mismatch` left out are in its
        `mismatched` and `skipped`.

    Raises:
        ValueError: What does not fit, as a report, or if a weight is not
            finite.
    """
    skip = as_prefixes(skip)
    variables = _variables_by_address(model)
    used: set[str] = set()
    left_over, mismatched, skipped = [], [], []
    fitting = {}  # variables and their weights, by address
    for weight in weights:
        layer = (weight.target or weight.origin).split("/")[0]
        if layer.startswith(skip):
            skipped.append(weight.target or weight.origin)
        elif weight.target is None or weight.target not in variables:
            left_over.append(weight.origin)
        elif weight.target in used or len(variables[weight.target]) > 1:
            where = "source" if weight.target in used else "model"
            raise ValueError(
                f"{source}: {weight.origin} is for {weight.target}, and the "
                f"{where} has more than one of this name."
            )
        else:
            (variable,) = variables[weight.target]
            used.add(weight.target)
            shape, given = tuple(variable.shape), tuple(weight.value.shape)
            if shape == given or _covers_all(shape, given):
                fitting[weight.target] = variable, weight.value
            else:
                mismatched.append(
                    Mismatch(weight.target, shape, weight.origin, given)
                )

    optional = [
        m for m in mismatched if m.target.startswith(as_prefixes(skip_mismatch))
    ]
    unfit = tuple(f"{m.target.split('/')[0]}/" for m in optional)
    for address in [a for a in fitting if a.startswith(unfit)]:
        del fitting[address]  # the bias of a kernel of another shape
        skipped.append(address)
    skipped += [m.target for m in optional]

    missing = []
    for address in variables:
        if address.split("/")[0].startswith(skip):
            skipped.append(address)
        elif address not in used:
            missing.append(address)
    report = WeightReport(
        source=source,
        matched=tuple(fitting),
        missing=tuple(missing),
        left_over=tuple(left_over),
        mismatched=tuple(mismatched),
        skipped=tuple(dict.fromkeys(skipped)),
    )
    refused = len(mismatched) > len(optional)
    if refused or not fitting or (strict and (missing or left_over)):
        raise ValueError(
            f"The weights do not fit the model {model.name!r}, and none was "
            f"assigned.\n{report}\n"
            "Layers that are meant to keep their values, or weights that are "
            "meant to go unused, are named with "
            f'skip=("{_example(report)}", ...).'
        )
    # Whatever cannot be read stops here, before anything is assigned.
    values = [np.asarray(value) for _, value in fitting.values()]
    for address, value in zip(fitting, values, strict=True):
        # As float32, since NumPy does not know bfloat16.
        wrong = np.sum(~np.isfinite(value.astype(np.float32)))
        if wrong:
            raise ValueError(
                f"{source}: the weights for {address} must be finite. "
                f"Received: {wrong} of {value.size} values that are NaN or "
                "infinite"
            )
    for (variable, _), value in zip(fitting.values(), values, strict=True):
        variable.assign(value.reshape(variable.shape))
    return report


def as_prefixes(names: Sequence[str] | str) -> tuple[str, ...]:
    """Return prefixes of names as the tuple that `str.startswith` takes.

    Args:
        names: One prefix, or a sequence of prefixes.

    Returns:
        Tuple of the prefixes.
    """
    return (names,) if isinstance(names, str) else tuple(names)


def _covers_all(shape, given):
    """Tell whether a dense kernel is that of a convolution over all cells.

    As in fully convolutional networks: a dense layer sees rows, columns and
    channels in the order of a kernel.
    """
    if len(shape) != 4 or len(given) != 2:
        return False
    return (math.prod(shape[:3]), shape[3]) == given


def _variables_by_address(model):
    if not model.built:
        raise ValueError(
            f"The model {model.name!r} has no variables yet: call it on an "
            "image or build it before loading weights."
        )
    variables = {}
    for variable in model.weights:
        address = "/".join(variable.path.split("/")[-2:])
        variables.setdefault(address, []).append(variable)
    return variables


def _listed(names):
    shown = ", ".join(names[:_LISTED])
    rest = len(names) - _LISTED
    return f"{shown} and {rest} more" if rest > 0 else shown


def _example(report):
    names = [m.target for m in report.mismatched]
    names += [*report.missing, *report.left_over, "fc8"]
    return names[0].split("/")[0]
