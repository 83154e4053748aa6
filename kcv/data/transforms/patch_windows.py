"""Places of the patches that a mask model is trained on.

P. O. Pinheiro, R. Collobert and P. Dollar, "Learning to Segment Object
Candidates", NIPS 2015, section 4. An object is canonical if it is centered in
a patch and the larger side of its box is 4/7 of the patch.

Shapes: N objects of an image, P patches, T tries.
"""

import dataclasses
import math
from typing import Literal
from typing import NamedTuple

import tensorflow as tf

# Number of draws of a negative patch until one is far enough from all objects.
_TRIES = 32
_RULES = ("paper", "code")


@dataclasses.dataclass(frozen=True, kw_only=True)
class PatchSampling:
    """Settings of the patches of an image that a mask model is trained on.

    Under the rule of the paper, a positive patch shows an object almost in its
    canonical place, and gives its mask and its score. A negative patch is off
    by at least 32 pixels or an octave from every object, and patches between
    the two are not used. Under the rule of the authors' code, there are
    patches that give a mask alone, and patches that give a score alone. Of the
    latter, positive ones are centered at an object, and negative ones are off
    by 48 pixels from every object within 2.5 octaves.

    Pixels are those of the patch.

    Args:
        rule: "paper" or "code". Defaults to "paper".
        shift: Largest shift of a patch that gives a mask, in pixels. Defaults
            to 16.
        scale: Largest change of its scale, in octaves. Defaults to 0.25.
        negative_shift: Smallest shift of a negative patch, in pixels. Defaults
            to None, which is 32 for "paper" and 48 for "code".
        negative_scale: Smallest change of the scale of a negative patch, in
            octaves. Defaults to None, which is 1 for "paper" and 2.5 for
            "code".
        near: Probability with which a negative patch is drawn around an object
            and not anywhere in the image. Float in [0, 1]. Defaults to 0.5.
            The paper does not say how they are drawn. In the code it is 0.
        scales: Logarithms to the base 2 of the smallest and the largest scale
            of an image in which negative patches are drawn. Defaults to
            (-3, 2).
        min_area: Smallest area of an object, in pixels of the image. Defaults
            to 100.
        min_side: Smallest side of its box, in pixels of the image. Defaults to
            5.
        flip: Whether to flip each patch horizontally with probability 0.5.
            Defaults to True.

    Raises:
        ValueError: If a value is out of its range.

    Example:

    >>> PatchSampling(rule="code").limits
    (48, 2.5)
    """

    rule: Literal["paper", "code"] = "paper"
    shift: float = 16
    scale: float = 0.25
    negative_shift: float | None = None
    negative_scale: float | None = None
    near: float = 0.5
    scales: tuple[float, float] = (-3, 2)
    min_area: float = 100
    min_side: float = 5
    flip: bool = True

    def __post_init__(self):
        if self.rule not in _RULES:
            raise ValueError(
                f"`rule` must be one of {_RULES}. Received: rule={self.rule!r}"
            )
        if not 0 <= self.near <= 1:
            raise ValueError(
                f"`near` must be in [0, 1]. Received: near={self.near}"
            )
        if not self.scales[0] <= self.scales[1]:
            raise ValueError(
                "`scales` must be the smallest and the largest. Received: "
                f"scales={self.scales}"
            )

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest shift and change of scale of a negative patch."""
        shift, scale = (32, 1.0) if self.rule == "paper" else (48, 2.5)
        return (
            shift if self.negative_shift is None else self.negative_shift,
            scale if self.negative_scale is None else self.negative_scale,
        )


class Objects(NamedTuple):
    """The objects of an image, measured in patches.

    Attributes:
        centers: Centers of the boxes (N, 2) float32, xy in pixels.
        octaves: Logarithms to the base 2 of the factors (N,) float32 by which
            canonical objects would have to grow to these.
        weights: Probabilities (N,) float32 with which an object is drawn: a
            class first, then an object of it. Zero for objects that are left
            out.
    """

    centers: tf.Tensor
    octaves: tf.Tensor
    weights: tf.Tensor

    def draw(self, numbers: tf.Tensor) -> tf.Tensor:
        """Choose objects in proportion to their weights.

        Args:
            numbers: Random numbers in [0, 1), of any shape.

        Returns:
            Indices of the objects, int32 in the same shape.
        """
        ends = tf.cumsum(self.weights)
        places = tf.reshape(numbers * ends[-1], (-1,))
        index = tf.searchsorted(ends, places, side="right")
        # Rounding may select the end of the last interval.
        last = tf.argmax(tf.cumsum(tf.sign(self.weights)), 0, tf.int32)
        return tf.reshape(tf.minimum(index, last), tf.shape(numbers))


class PatchWindows(NamedTuple):
    """Patches of an image.

    Attributes:
        centers: Centers (P, 2) float32, xy in pixels of the image.
        octaves: Logarithms to the base 2 (P,) float32 of the pixels of the
            image over those of the patch.
        objects: Index (P,) int32 of the object that a patch shows.
        has_mask: Whether a patch gives a mask, (P,) bool.
        labels: Labels (P,) int32 of the scores: 1, 0, or -1 for none.
    """

    centers: tf.Tensor
    octaves: tf.Tensor
    objects: tf.Tensor
    has_mask: tf.Tensor
    labels: tf.Tensor


def find_objects(
    boxes: tf.Tensor,
    labels: tf.Tensor,
    is_crowd: tf.Tensor,
    areas: tf.Tensor,
    object_size: float,
    sampling: PatchSampling,
) -> Objects:
    """Describe the objects of an image from which patches are drawn.

    Args:
        boxes: Boxes (N, 4) xyxy in pixels.
        labels: Labels (N,).
        is_crowd: Whether an object is a crowd, (N,) bool.
        areas: Numbers of pixels of the masks, (N,).
        object_size: Larger side of a canonical object, in pixels.
        sampling: `PatchSampling`.

    Returns:
        The `Objects`, followed by one without weight, so that there is at least
        one.
    """
    sides = boxes[:, 2:] - boxes[:, :2]
    used = ~is_crowd & (tf.cast(areas, tf.float32) >= sampling.min_area)
    used &= tf.reduce_min(sides, 1) >= sampling.min_side
    used = tf.cast(used, tf.float32)
    same = tf.cast(labels[:, None] == labels, tf.float32) * used
    weights = used / tf.maximum(tf.reduce_sum(same, 1), 1)
    longer = tf.maximum(tf.reduce_max(sides, 1), 1)
    return Objects(
        tf.pad((boxes[:, :2] + boxes[:, 2:]) / 2, [[0, 1], [0, 0]]),
        tf.pad(tf.math.log(longer / object_size) / math.log(2), [[0, 1]]),
        tf.pad(weights, [[0, 1]]),
    )


def draw_windows(
    objects: Objects,
    size: tf.Tensor,
    count: int,
    seed: tf.Tensor,
    sampling: PatchSampling,
) -> PatchWindows:
    """Draw the patches of an image: masks first, then the others.

    Args:
        objects: `Objects` of the image.
        size: Height and width of the image, (2,).
        count: Number P of patches, half of which give masks.
        seed: Seed of a stateless operation, (2,) integer, as `own_seed` returns
            it.
        sampling: `PatchSampling`.

    Returns:
        The `PatchWindows`. Without an object they are all negative. A negative
        patch for which no place was found has the label -1.
    """
    numbers = tf.random.stateless_uniform((count, _TRIES + 1, 6), seed)
    first, tries = numbers[:, 0], numbers[:, 1:]
    masked = (count + 1) // 2
    index = objects.draw(first[:, 0])
    centers = tf.gather(objects.centers, index)
    octaves = tf.gather(objects.octaves, index)
    shown = tf.range(count) < masked
    exists = tf.reduce_sum(objects.weights) > 0

    moved = octaves + sampling.scale * (2 * first[:, 1] - 1)
    shift = sampling.shift * (2 * first[:, 2:4] - 1) * (2.0**moved)[:, None]
    is_positive = shown
    if sampling.rule == "code":
        is_positive |= first[:, 4] < 0.5
        # The first bin is half an octave wide, in steps of a quarter.
        bins = (tf.math.ceil(4 * octaves) - 1) / 4
        moved = tf.where(shown, moved, bins)
        shift = tf.where(shown[:, None], shift, tf.zeros_like(shift))
    is_positive &= exists
    far, far_octaves, found = _negatives(objects, size, tries, sampling)
    labels = tf.where(is_positive, 1, tf.where(found, 0, -1))
    if sampling.rule == "code":
        labels = tf.where(shown & exists, -1, labels)
    return PatchWindows(
        tf.where(is_positive[:, None], centers + shift, far),
        tf.where(is_positive, moved, far_octaves),
        index,
        shown & exists,
        labels,
    )


def _negatives(objects, size, numbers, sampling):
    """Draw places (P, T, 2) and scales (P, T), and take the first far ones."""
    limit, octave_limit = sampling.limits
    near = sampling.near if sampling.rule == "paper" else 0.0
    exists = tf.reduce_sum(objects.weights) > 0
    is_near = (numbers[..., 0] < near) & exists
    index = objects.draw(numbers[..., 1])
    smallest, largest = sampling.scales
    # A larger image is a smaller patch.
    anywhere = -(smallest + (largest - smallest) * numbers[..., 2])
    if sampling.rule == "code":
        anywhere = tf.round(4 * anywhere) / 4
    around = 1.5 * octave_limit * (2 * numbers[..., 2] - 1)
    around += tf.gather(objects.octaves, index)
    octaves = tf.where(is_near, around, anywhere)
    centers = numbers[..., 3:5] * tf.cast(size[::-1], tf.float32)
    spread = 2 * limit * (2 * numbers[..., 3:5] - 1)
    spread *= (2.0**octaves)[..., None]
    spread += tf.gather(objects.centers, index)
    centers = tf.where(is_near[..., None], spread, centers)

    offsets = centers[..., None, :] - objects.centers  # (P, T, N, 2)
    offsets = tf.abs(offsets) / (2.0**octaves)[..., None, None]
    scales = tf.abs(octaves[..., None] - objects.octaves)
    is_close = tf.reduce_all(offsets < limit, -1) & (scales < octave_limit)
    is_close &= objects.weights > 0
    is_far = ~tf.reduce_any(is_close, -1)  # (P, T)
    first = tf.argmax(tf.cast(is_far, tf.int32), 1, tf.int32)
    return (
        tf.gather(centers, first, batch_dims=1),
        tf.gather(octaves, first, batch_dims=1),
        tf.reduce_any(is_far, 1),
    )
