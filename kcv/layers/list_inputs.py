"""The check of layers that are called with a list of tensors."""

from collections.abc import Mapping
from typing import Any


def check_list(
    layer: str,
    inputs: Any,
    required: Mapping[str, str],
    optional: Mapping[str, str],
) -> None:
    """Raise an error that names what is wrong in a list of inputs.

    The operations inside of the layer would fail with other messages.

    Args:
        layer: Name of the layer in the error message.
        inputs: Inputs of the call.
        required: Shapes of the inputs by their names, in the order of the list,
            such as {"features": "(B, H, W, C)", "boxes": "(B, N, 4)"}. Numbers
            must be those of the tensor, letters are free.
        optional: Shapes of inputs that may follow.

    Raises:
        ValueError: If an input is missing or has the wrong shape.
    """
    known = {**required, **optional}
    form = f"{layer} is called with a list [{', '.join(required)}]"
    if optional:
        form += f", which may be followed by {', '.join(optional)}"
    is_list = isinstance(inputs, (list, tuple))
    given = list(inputs) if is_list else [inputs]
    shapes = [_shape(one) for one in given]
    received = f"{len(given)} of the shapes {shapes}"
    if not is_list:
        received = f"one input of the shape {shapes[0]}"
    for number, name in enumerate(required):
        if not given[number:] or given[number] is None:
            raise ValueError(
                f"`{name}` must be given: {form}. Received: {received}"
            )
    if not is_list or len(given) > len(known):
        raise ValueError(
            f"`inputs` must be a list of at most {len(known)} tensors: {form}. "
            f"Received: {received}"
        )
    for (name, text), shape in zip(known.items(), shapes, strict=False):
        if shape is not None and not _fits(shape, text):
            raise ValueError(
                f"`{name}` must have the shape {text}: {form}. Received: "
                f"{name} of the shape {shape}"
            )


def _shape(tensor: Any) -> tuple[int | None, ...] | None:
    """Return the shape of a tensor, None if nothing tells its rank."""
    shape = getattr(tensor, "shape", None)
    if shape is None or getattr(shape, "rank", 0) is None:
        return None
    return tuple(shape)


def _fits(shape: tuple[int | None, ...], text: str) -> bool:
    sides = text.strip("()").split(", ")
    return len(shape) == len(sides) and all(
        length is None or not side.isdecimal() or length == int(side)
        for length, side in zip(shape, sides, strict=True)
    )
