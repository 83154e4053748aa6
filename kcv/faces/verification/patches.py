"""Patches of aligned faces, from which the DeepID line computes features.

Each patch has a network of its own, which computes one feature of the patch and
one of its mirrored counterpart. Shapes: B images of H x W pixels, N images in a
set, P patches, F dimensions of both features of a patch.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

# The positions of eyes, nose and mouth corners in kcv's aligned images.
_LANDMARKS = (
    (0.335, 0.40),
    (0.665, 0.40),
    (0.5, 0.60),
    (0.375, 0.765),
    (0.625, 0.765),
)
# Centers of the global regions: all of the face, and its four sides.
_GLOBAL_CENTERS = (
    (0.5, 0.55),
    (0.5, 0.40),
    (0.5, 0.70),
    (0.40, 0.55),
    (0.60, 0.55),
)
# Height and width of the regions at scale 1.
_GLOBAL_EXTENT = (0.78, 0.62)
_LOCAL_EXTENT = (0.5, 0.5)


@dataclasses.dataclass(frozen=True)
class FacePatch:
    """A rectangle of an aligned face, and the form a network reads it in.

    A rectangle that leaves the image is moved inside.

    Args:
        center: Position (x, y) of the center, in widths and heights of the
            image. Two floats in [0, 1].
        extent: Height and width, in heights and widths of the image. Two
            floats in (0, 1].
        size: Height and width of the patch, in pixels. Two positive integers.
            Defaults to (39, 31).
        gray: Whether the patch has one gray channel instead of RGB. Defaults
            to False.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> FacePatch((0.5, 0.5), (0.5, 0.5), (31, 31), gray=True).channels
    1
    """

    center: tuple[float, float]
    extent: tuple[float, float]
    size: tuple[int, int] = (39, 31)
    gray: bool = False

    def __post_init__(self):
        rules = {
            "center": (lambda x: 0 <= x <= 1, "two numbers in [0, 1]"),
            "extent": (lambda x: 0 < x <= 1, "two numbers in (0, 1]"),
            "size": (lambda x: x >= 1, "two positive integers"),
        }
        for name, (holds, rule) in rules.items():
            value = tuple(getattr(self, name))
            if len(value) != 2 or not all(map(holds, value)):
                raise ValueError(
                    f"`{name}` must be {rule}. Received: {name}={value!r}"
                )
            object.__setattr__(self, name, value)

    @property
    def channels(self) -> int:
        """Number of channels, 1 or 3."""
        return 1 if self.gray else 3

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Edges x1, y1, x2, y2 in widths and heights of the image."""
        height, width = self.extent
        x = min(max(self.center[0] - width / 2, 0.0), 1.0 - width)
        y = min(max(self.center[1] - height / 2, 0.0), 1.0 - height)
        return x, y, x + width, y + height


def deepid_patches(
    scales: Sequence[float] = (0.75, 1.0, 1.25),
    grays: Sequence[bool] = (False, True),
    landmarks: Sequence[tuple[float, float]] = _LANDMARKS,
    global_size: tuple[int, int] = (39, 31),
    local_size: tuple[int, int] = (31, 31),
) -> tuple[FacePatch, ...]:
    """List the patches of DeepID (Sun et al., CVPR 2014): 60 by default.

    There are ten regions: five large rectangles that cover the face or most of
    it, and five squares around the eyes, the nose tip and the mouth corners.
    Each is cut at each scale, in color and in gray. The paper shows the regions
    in a figure and gives no coordinates. Those here belong to kcv's template.

    Args:
        scales: Factors of the sides of the regions. Sequence of positive
            floats. Defaults to (0.75, 1.0, 1.25).
        grays: Whether patches are gray, for each variant. Defaults to
            (False, True).
        landmarks: Positions (x, y) of five landmarks in the aligned image, in
            widths and heights of it. Defaults to kcv's template.
        global_size: Height and width of large patches, in pixels. Defaults to
            (39, 31).
        local_size: Height and width of patches at landmarks, in pixels.
            Defaults to (31, 31).

    Returns:
        Patches, by region, then by scale, then by color.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> len(deepid_patches()), len(deepid_patches(scales=(1.0,)))
    (60, 20)
    """
    regions = [
        (center, _GLOBAL_EXTENT, global_size) for center in _GLOBAL_CENTERS
    ]
    regions += [(center, _LOCAL_EXTENT, local_size) for center in landmarks]
    return tuple(
        FacePatch(
            center,
            (min(scale * extent[0], 1.0), min(scale * extent[1], 1.0)),
            size,
            gray,
        )
        for center, extent, size in regions
        for scale in scales
        for gray in grays
    )


def extract_patches(images: Any, patch: FacePatch, mirror: bool = False) -> Any:
    """Cut one patch out of each image, by bilinear interpolation.

    The mirrored counterpart is the patch of the mirrored image. For a region in
    the middle this is the mirrored patch, and for one eye it is the mirrored
    patch of the other eye, as in the paper.

    Args:
        images: Aligned faces, RGB. Tensor (B, H, W, 3) of any dtype.
        patch: Patch to cut out.
        mirror: Whether images are mirrored first. Defaults to False.

    Returns:
        Patches (B, height, width, 3 or 1) float32, in the range of the images.

    Example:

    >>> patch = FacePatch((0.25, 0.5), (1.0, 0.5), size=(2, 1))
    >>> images = tf.reshape(tf.range(12), (1, 2, 2, 3))
    >>> extract_patches(images, patch)[0, :, 0, 0].numpy().tolist()
    [0.0, 6.0]
    """
    images = tf.cast(images, "float32")
    if mirror:
        images = images[:, :, ::-1]
    if patch.gray:
        images = tf.image.rgb_to_grayscale(images)
    shape = tf.shape(images)
    x1, y1, x2, y2 = patch.box
    rows = _samples(y1, y2, patch.size[0], shape[1])
    columns = _samples(x1, x2, patch.size[1], shape[2])
    box = tf.stack([rows[0], columns[0], rows[1], columns[1]])
    patches = tf.image.crop_and_resize(
        images,
        tf.tile(box[None], [shape[0], 1]),
        tf.range(shape[0]),
        patch.size,
    )
    return tf.ensure_shape(patches, (None, *patch.size, patch.channels))


def _samples(begin, end, number, side):
    """Compute the first and last position, in units of the last pixel."""
    side = tf.cast(side, "float32")
    half = 0.5 * (end - begin) * side / number
    positions = tf.stack([begin * side + half, end * side - half]) - 0.5
    # A TensorFlow operation fills what is outside with 0.
    last = side - 1.0
    return tf.clip_by_value(positions, 0.0, last) / tf.maximum(last, 1.0)


def patch_features(
    images: ArrayLike,
    networks: Sequence[keras.Model],
    patches: Sequence[FacePatch],
    mirror: bool = True,
    batch_size: int = 128,
) -> np.ndarray:
    """Compute the features of all patches of images.

    Args:
        images: Aligned faces, RGB in 0..255. Array (N, H, W, 3).
        networks: One network for each patch, from patches to features. All
            features have the same number of dimensions.
        patches: P patches.
        mirror: Whether each network also sees the mirrored counterpart, whose
            feature follows that of the patch. Defaults to True.
        batch_size: Number of images that a network sees at a time. Positive
            integer. Defaults to 128.

    Returns:
        Features (N, P, F) float32. `features.reshape(N, -1)` is the vector that
        the paper reduces by PCA, of 19,200 dimensions.

    Raises:
        ValueError: If there is not one network for each patch, or features
            have different numbers of dimensions.

    Example:

    ```python
    from kcv.faces.verification import PCA, JointBayesian

    features = patch_features(images, networks, deepid_patches())
    features = features.reshape(len(images), -1)
    pca = PCA(150).fit(features)
    verifier = JointBayesian().fit(pca.transform(features), labels)
    ```
    """
    if len(networks) != len(patches) or not patches:
        raise ValueError(
            "`networks` must be one for each of `patches`. Received: "
            f"{len(networks)} networks and {len(patches)} patches"
        )
    images = np.asarray(images)
    columns = []
    for network, patch in zip(networks, patches, strict=True):
        batches = []
        for start in range(0, len(images), batch_size):
            batch = images[start : start + batch_size]
            versions = (False, True) if mirror else (False,)
            found = [
                network.predict_on_batch(extract_patches(batch, patch, version))
                for version in versions
            ]
            batches.append(np.concatenate(found, axis=1))
        columns.append(np.concatenate(batches))
    sizes = sorted({column.shape[1] for column in columns})
    if len(sizes) > 1:
        raise ValueError(
            "`networks` must have features of one number of dimensions. "
            f"Received: {sizes} with mirrored ones"
        )
    return np.stack(columns, axis=1).astype("float32")
