"""Shapes of the proposals of one image, expanded to pixels when asked for.

Two thousand masks of a photograph are 400 MB as pixels. Most methods join
superpixels, and then a mask is a row of a small table. Both forms, and any
concatenation of them, are used in the same way:

>>> labels = np.array([[0, 0, 1], [2, 2, 1]])
>>> masks = SuperpixelMasks(labels, [[True, False, False], [False, True, True]])
>>> len(masks), masks.shape
(2, (2, 3))
>>> masks[1].astype(int)
array([[0, 0, 1],
       [1, 1, 1]])
>>> masks[[1, 1, 0]].to_dense().shape
(3, 2, 3)
"""

import abc
from collections.abc import Sequence
from typing import Any
from typing import overload

import numpy as np
from numpy.typing import ArrayLike


class Masks(abc.ABC):
    """Masks of one image.

    `len(masks)` is their number. `masks[i]` is mask number `i`, an array
    (H, W) of bool. Any other index that NumPy takes for one axis (a slice, an
    array of integers or of bool) gives the selected masks in the same form.

    Attributes:
        shape: Height and width of the image, in pixels.
    """

    shape: tuple[int, int]

    @abc.abstractmethod
    def __len__(self) -> int:
        """Count the masks."""

    @abc.abstractmethod
    def _expand(self, number: int) -> np.ndarray:
        """Give one mask, (H, W) bool."""

    @abc.abstractmethod
    def _select(self, numbers: np.ndarray) -> "Masks":
        """Give the masks of some numbers, in the same form."""

    @overload
    def __getitem__(self, index: int | np.integer) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: Any) -> "Masks": ...

    def __getitem__(self, index):
        if isinstance(index, int | np.integer):
            return self._expand(range(len(self))[index])
        return self._select(np.arange(len(self))[index])

    def to_dense(self) -> np.ndarray:
        """Expand all masks to one array.

        Returns:
            Masks (n, H, W) bool.
        """
        dense = np.empty((len(self), *self.shape), bool)
        for number in range(len(self)):
            dense[number] = self._expand(number)
        return dense


class DenseMasks(Masks):
    """Masks that are stored pixel by pixel.

    Args:
        values: Array (n, H, W) of bool.

    Raises:
        ValueError: If the array does not have three axes.
    """

    def __init__(self, values: ArrayLike):
        self.values = np.asarray(values, bool)
        if self.values.ndim != 3:
            raise ValueError(
                "`values` must be masks (n, H, W). Received: "
                f"values.shape={self.values.shape}"
            )
        self.shape = self.values.shape[1:]

    def __len__(self) -> int:
        return len(self.values)

    def _expand(self, number):
        return self.values[number]

    def _select(self, numbers):
        return DenseMasks(self.values[numbers])

    def to_dense(self) -> np.ndarray:
        """Return the array of the masks.

        Returns:
            Masks (n, H, W) bool.
        """
        return self.values


class SuperpixelMasks(Masks):
    """Masks that are unions of superpixels.

    Args:
        labels: Array (H, W) of int, the superpixel of each pixel, from 0.
        membership: Array (n, S) of bool, whether a superpixel belongs to a
            mask. All labels are below S.
    """

    def __init__(self, labels: ArrayLike, membership: ArrayLike):
        self.labels = np.asarray(labels)
        self._membership = np.asarray(membership, bool)
        self.shape = self.labels.shape

    @property
    def membership(self) -> np.ndarray:
        """Whether a superpixel belongs to a mask, (n, S) bool."""
        return self._membership

    def __len__(self) -> int:
        return len(self.membership)

    def _expand(self, number):
        return self.membership[number][self.labels]

    def _select(self, numbers):
        return SuperpixelMasks(self.labels, self.membership[numbers])


class ConcatenatedMasks(Masks):
    """Masks of several collections, of any form and in any order.

    Args:
        parts: At least one collection of masks, all of the same image.
        places: Array (n, 2) of int, for each mask the number of its part and
            its number in that part. Defaults to all masks, part by part.

    Raises:
        ValueError: If the masks belong to images of different sizes.
    """

    def __init__(
        self, parts: Sequence[Masks], places: np.ndarray | None = None
    ):
        shapes = {part.shape for part in parts}
        if len(shapes) != 1:
            raise ValueError(
                "`parts` must be masks of one image. Received: masks of shapes "
                f"{sorted(shapes)}"
            )
        if places is None:
            counts = [len(part) for part in parts]
            places = np.stack(
                [
                    np.repeat(np.arange(len(parts)), counts),
                    np.concatenate([np.arange(count) for count in counts]),
                ],
                axis=1,
            )
        self.parts = tuple(parts)
        self.places = places
        (self.shape,) = shapes

    def __len__(self) -> int:
        return len(self.places)

    def _expand(self, number):
        part, own = self.places[number]
        return self.parts[part][own]

    def _select(self, numbers):
        # Only what is selected of each part is kept.
        places = self.places[numbers]
        parts = []
        for number, part in enumerate(self.parts):
            own = places[:, 0] == number
            used, places[own, 1] = np.unique(
                places[own, 1], return_inverse=True
            )
            parts.append(part[used])
        return ConcatenatedMasks(parts, places)
