"""Assign what a file of Torch7 contains to the layers of a model."""

import os
from collections.abc import Callable
from collections.abc import Sequence

import keras

from kcv.weights.assignment import SourceWeight
from kcv.weights.assignment import WeightReport
from kcv.weights.assignment import assign
from kcv.weights.torch7_modules import ModuleError


def assign_torch7(
    model: keras.Model,
    content: object,
    path: str | os.PathLike,
    translate: Callable[[keras.Model, object], list[SourceWeight]],
    strict: bool = True,
    skip: Sequence[str] | str = (),
    skip_mismatch: Sequence[str] | str = (),
) -> WeightReport:
    """Assign the weights of a network that has been read.

    Args:
        model: Model that takes the weights.
        content: Object that `read_torch7` returns.
        path: File that the object is from, for errors and the report.
        translate: Function that lists the weights in the object, under the
            names that they have in the model. It raises a ModuleError, whose
            sentence lacks the file, if the object is not of its kind.
        strict: Whether variables without a weight and weights without a
            variable are errors. A weight of another shape is always an error.
            Defaults to True.
        skip: Prefixes of the names of layers that are left out on both sides.
            Defaults to none.
        skip_mismatch: Prefixes of the names of layers that are left out if the
            file has them in another shape. Defaults to none.

    Returns:
        The report of what matched and what was skipped.

    Raises:
        ValueError: If the object is another network, or if the weights do not
            fit.
    """
    try:
        weights = translate(model, content)
    except ModuleError as error:
        raise ValueError(f"{path} {error}.") from error
    return assign(model, weights, str(path), strict, skip, skip_mismatch)
