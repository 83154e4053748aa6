"""A model as a function of named inputs, and inputs to try it with."""

import re
from collections.abc import Sequence
from typing import Any
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from kcv.layers.portable import portable_operations

# Sizes of images where a model takes any size.
_SIZES = ((96, 128), (128, 96))
_REGIONS = 16


class Traced(NamedTuple):
    """A model that is ready for a converter.

    Attributes:
        model: The model.
        function: Function from the tensors of `specs` to a dict of outputs.
        specs: Types, shapes and names of the inputs.
    """

    model: keras.Model
    function: Any
    specs: list[tf.TensorSpec]

    def predict(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute what the model gives.

        Args:
            inputs: Inputs by name.

        Returns:
            Outputs by name.
        """
        flat = [inputs[spec.name] for spec in self.specs]
        given = tf.nest.pack_sequence_as(self.model.input, flat)
        outputs = self.model.predict(given, batch_size=len(flat[0]), verbose=0)
        return {
            name: np.asarray(x) for name, x in _name_outputs(outputs).items()
        }


def trace(
    model: keras.Model, image_size: Sequence[int] | None = None
) -> Traced:
    """Make a model ready for a converter.

    Args:
        model: Functional Keras model.
        image_size: Height and width to which images are fixed. If None, they
            are those of the model. Defaults to None.

    Returns:
        The model with its function.

    Raises:
        ValueError: If the model is not functional or the size does not fit.

    Example:

    >>> from kcv.classification import LeNet5
    >>> trace(LeNet5()).specs[0].shape.as_list()
    [None, 28, 28, 1]
    """
    try:
        structure = model.input
    except AttributeError as error:
        raise ValueError(
            "`model` must be a functional Keras model. Received: "
            f"{type(model).__name__} {model.name!r}"
        ) from error
    flat = tf.nest.flatten(structure)
    if isinstance(structure, dict):
        names = sorted(structure)  # in the order of tf.nest
    elif len(flat) == 1 and len(flat[0].shape) == 4:
        names = ["images"]
    else:
        names = [x.name for x in flat]
    specs = []
    for name, x in zip(names, flat, strict=True):
        shape = [None, *x.shape[1:]]
        if len(shape) == 4 and image_size is not None:
            shape[1:3] = _fit(image_size, shape[1:3])
        specs.append(tf.TensorSpec(shape, x.dtype, name))

    @tf.function
    def function(*tensors):
        given = tf.nest.pack_sequence_as(structure, tensors)
        with portable_operations():
            return _name_outputs(model(given, training=False))

    return Traced(model, function, specs)


def sample_inputs(traced: Traced, number: int) -> dict[str, np.ndarray]:
    """Make inputs of noise.

    Args:
        traced: Traced model.
        number: 0 for a batch of two, 1 for a single image of another size.

    Returns:
        Inputs by name.
    """
    random = np.random.default_rng(number)
    batch = 2 - number
    shapes = {spec.name: spec.shape.as_list() for spec in traced.specs}
    sides = np.array(_SIZES[number])
    for shape in shapes.values():
        if len(shape) == 4 and shape[1] is not None:
            sides = np.array(shape[1:3])
    given = {}
    for spec in traced.specs:
        shape = shapes[spec.name]
        if spec.name == "image_sizes":
            x = np.tile(sides, (batch, 1))
        elif len(shape) == 4:
            x = random.uniform(0, 255, (batch, *sides, shape[3]))
        elif spec.name in ("proposals", "landmarks"):
            corners = random.uniform(
                size=(batch, shape[1] or _REGIONS, shape[2] // 2, 2)
            )
            # A box has two corners, of which the first is the smaller one.
            corners = np.sort(corners, 2) * sides[::-1]
            x = corners.reshape(batch, -1, shape[2])
        else:
            x = random.normal(size=(batch, *shape[1:]))
        given[spec.name] = x.astype(spec.dtype.as_numpy_dtype)
    return given


def parse_size(text: str) -> tuple[int, int]:
    """Read a height and a width.

    Args:
        text: Text such as "480x640".

    Returns:
        Height and width in pixels.

    Raises:
        ValueError: If the text is not in this form.

    Example:

    >>> parse_size("480x640")
    (480, 640)
    """
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if not found:
        raise ValueError(
            "`image_size` must be a height and a width in pixels, such as "
            f"480x640. Received: image_size={text!r}"
        )
    return int(found[1]), int(found[2])


def _fit(image_size, sides):
    """Return the size of images, which must not contradict the model's."""
    size = [int(side) for side in image_size]
    fits = len(size) == 2 and all(
        own in (None, side) for own, side in zip(sides, size, strict=False)
    )
    if not fits or min(size) < 1:
        raise ValueError(
            "`image_size` must be a height and a width that the model takes. "
            f"Received: image_size={tuple(image_size)}, and a model of images "
            f"of (height, width) {tuple(sides)}"
        )
    return size


def _name_outputs(outputs) -> dict[str, Any]:
    """Give each output of a model a name."""
    if isinstance(outputs, dict):
        return outputs
    if isinstance(outputs, list | tuple):
        return {f"output_{n}": x for n, x in enumerate(outputs)}
    return {"output": outputs}
