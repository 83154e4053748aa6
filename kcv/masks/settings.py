"""The numbers that the mask models are configured with.

Every class here is immutable, compares by value, checks its numbers, and is
saved as part of a model.
"""

import dataclasses
import math

import keras

from kcv.settings import Settings


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class PatchGeometry(Settings):
    """The patch that a mask model looks at.

    An object is canonical if it is centered in the patch and the larger side of
    its box is 4/7 of the side of the patch. The defaults are those of DeepMask
    of 2016, whose trunk sees 16 pixels around the patch in training. In a scene
    it sees all of the surroundings.

    Args:
        size: Side of the patch, in pixels. A multiple of `stride`. Defaults to
            160.
        context: Number of pixels around the patch that the trunk sees in
            training. A multiple of `stride`. Defaults to 16.
        stride: Distance between neighboring patches of a scene, in pixels: the
            stride of the trunk. Defaults to 16.

    Raises:
        ValueError: If a number is negative or not a multiple of the stride.

    Example:

    >>> geometry = PatchGeometry()
    >>> geometry.input_size, geometry.object_size, geometry.cells
    (192, 92, 10)
    """

    size: int = 160
    context: int = 16
    stride: int = 16

    def __post_init__(self):
        self._check(self.stride >= 1, "stride", "a positive integer")
        for name, lowest in (("size", 1), ("context", 0)):
            value = getattr(self, name)
            self._check(
                value >= lowest and value % self.stride == 0,
                name,
                f"a multiple of the stride {self.stride}, at least {lowest}",
            )

    @property
    def input_size(self) -> int:
        """Side of the images that a model is trained on, in pixels."""
        return self.size + 2 * self.context

    @property
    def object_size(self) -> int:
        """Larger side of the box of a canonical object, in pixels."""
        return math.ceil(self.size * 128 / 224)

    @property
    def cells(self) -> int:
        """Number of cells of the trunk's features along a side of a patch."""
        return self.size // self.stride


@keras.saving.register_keras_serializable("kcv")
@dataclasses.dataclass(frozen=True)
class SceneSearch(Settings):
    """How a mask model searches an image.

    The image is scaled to every scale, every patch is scored, and the patches
    of the highest scores of all scales are kept. There is no suppression. The
    defaults are those of the authors' code of 2016. The paper of 2015 has the
    scales 2^-2 to 2^1.

    Args:
        scales: Factors by which the image is scaled. Sequence of positive
            floats. Defaults to 2^-2.5, 2^-2, ..., 2^0.5.
        max_proposals: Number N of masks that are kept of an image. Positive
            integer. Defaults to 500.
        mask_threshold: Probability above which a pixel belongs to a mask.
            Float in (0, 1). Defaults to 0.2, as for COCO. For PASCAL VOC the
            paper has 0.1.
        run_length: Whether masks are returned as run lengths instead of
            pixels. A thousand masks of 480 x 640 pixels are 307 MB as pixels
            and about 4 MB as run lengths. Defaults to False.

    Raises:
        ValueError: If a number is out of its range.

    Example:

    >>> [round(scale, 2) for scale in SceneSearch().scales]
    [0.18, 0.25, 0.35, 0.5, 0.71, 1.0, 1.41]
    """

    scales: tuple[float, ...] = tuple(2 ** (n / 2) for n in range(-5, 2))
    max_proposals: int = 500
    mask_threshold: float = 0.2
    run_length: bool = False

    def __post_init__(self):
        self._set("scales", tuple(float(scale) for scale in self.scales))
        self._check(
            bool(self.scales) and all(scale > 0 for scale in self.scales),
            "scales",
            "one or more positive numbers",
        )
        count = self.max_proposals
        self._check(
            int(count) == count and count >= 1,
            "max_proposals",
            "a positive integer",
        )
        self._check(0 < self.mask_threshold < 1, "mask_threshold", "in (0, 1)")


def octaves(first: float, last: float, step: float = 0.5) -> tuple[float, ...]:
    """List scales in equal steps of their logarithms.

    Args:
        first: Logarithm to the base 2 of the first scale.
        last: Logarithm to the base 2 of the last scale.
        step: Step of the logarithms. Defaults to 0.5.

    Returns:
        Tuple of floats.

    Example:

    >>> octaves(-2, 1, 1)
    (0.25, 0.5, 1.0, 2.0)
    """
    count = round((last - first) / step) + 1
    return tuple(2.0 ** (first + step * number) for number in range(count))
