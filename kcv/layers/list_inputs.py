"""Layers that are called with a list of tensors, and name what is missing."""

from collections.abc import Mapping
from typing import Any
from typing import ClassVar


class ListInputs:
    """Base of a layer that is called with a list of tensors.

    It raises an error that names the input if one is missing or has the wrong
    shape, before the operations inside of the layer fail with their messages.

    A layer names its inputs, in the order of the list, with their shapes in
    text: {"features": "(B, H, W, C)", "boxes": "(B, N, 4)"}. Numbers must be
    those of the tensor, letters are free.
    """

    #: Inputs that the layer needs.
    INPUTS: ClassVar[Mapping[str, str]] = {}
    #: Inputs that may follow.
    OPTIONAL: ClassVar[Mapping[str, str]] = {}

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        self._check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)  # type: ignore[misc]

    def _check_inputs(self, inputs: Any) -> None:
        layer = type(self).__name__
        known = {**self.INPUTS, **self.OPTIONAL}
        form = f"{layer} is called with a list [{', '.join(known)}]"
        is_list = isinstance(inputs, (list, tuple))
        given = list(inputs) if is_list else [inputs]
        shapes = [_shape(one) for one in given]
        received = f"{len(given)} of the shapes {shapes}"
        if not is_list:
            received = f"one input of the shape {shapes[0]}"
        for number, name in enumerate(self.INPUTS):
            if not given[number:] or given[number] is None:
                raise ValueError(
                    f"`{name}` must be given: {form}. Received: {received}"
                )
        if not is_list or len(given) > len(known):
            raise ValueError(
                f"`inputs` must be a list of at most {len(known)} tensors: "
                f"{form}. Received: {received}"
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
