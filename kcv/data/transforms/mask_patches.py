"""Patches with the masks of their objects, to train DeepMask and SharpMask on.

Shapes: P rows and columns of a patch with its context, M of a mask.
"""

import math
from typing import Any

import tensorflow as tf

from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed
from kcv.data.transforms.cut_boxes import cut
from kcv.data.transforms.patch_windows import PatchSampling
from kcv.data.transforms.patch_windows import draw_windows
from kcv.data.transforms.patch_windows import find_objects
from kcv.examples import VOID

# Value outside of an image, for RGB in [0, 255].
_OUTSIDE = 127.5


def mask_patches(
    dataset: tf.data.Dataset,
    seed: int,
    start: int = 0,
    *,
    size: int = 160,
    context: int = 16,
    mask_size: int = 112,
    count: int = 8,
    sampling: PatchSampling = PatchSampling(),
) -> tf.data.Dataset:
    """Cut patches of objects and of their surroundings out of images.

    Half of the patches of an image show an object that is almost canonical:
    centered, with the larger side of its box 4/7 of the patch. The others only
    train the score, see `kcv.data.PatchSampling`. A class of the image is drawn
    first, then an object of it. (The authors' code draws from the classes of
    the whole dataset.) If an image has no object, its patches are negative.

    Args:
        dataset: Dataset of single examples with `images` (H, W, 3) uint8,
            `bounding_boxes`, `instance_masks` (N, H, W), `is_crowd` and
            `image_id`.
        seed: Seed of the patches. Those of example number p are a pure
            function of (seed, p).
        start: Position of the first example, for a run that is resumed.
            Defaults to 0.
        size: Side of a patch, in pixels. Defaults to 160.
        context: Width of the surroundings that an image shows on each side of a
            patch, in pixels. Defaults to 16.
        mask_size: Side M of the masks, which cover the patch without its
            context. Defaults to 112.
        count: Number of patches of an image. Defaults to 8.
        sampling: Settings of the random patches. Defaults to
            `PatchSampling()`.

    Returns:
        Dataset of single patches, `count` for each example: `images` (P, P, 3)
        uint8 with P = size + 2 * context, `masks` (M, M) uint8, 1 for the
        object, 0 for what is around it and 255 in a patch that gives no mask,
        `labels` () int32, 1 for an object, 0 for none and -1 for a patch that
        gives no score, and `image_id` () string. Iteration raises
        `InvalidArgumentError`, naming the image, if masks have another size
        than their image.

    Raises:
        ValueError: If examples have no `instance_masks`, or a number is out of
            its range.

    Example:

    >>> from kcv.data import digit_scenes
    >>> scenes = digit_scenes("test", size=2, masks="instance")
    >>> patches = mask_patches(scenes, 1, size=64, mask_size=64, count=4)
    >>> [int(patch["labels"]) for patch in patches]
    [1, 1, 0, 0, 1, 1, 0, 0]
    """
    for name, value, lowest in (
        ("size", size, 1),
        ("context", context, 0),
        ("mask_size", mask_size, 1),
        ("count", count, 1),
    ):
        if value < lowest:
            raise ValueError(
                f"`{name}` must be at least {lowest}. Received: {name}={value}"
            )
    keys = dataset.element_spec
    if "instance_masks" not in keys:
        raise ValueError(
            "`dataset` must have examples with `instance_masks`, such as those "
            "of kcv.data.load_instances. Received: examples with "
            f"{sorted(keys)}"
        )
    side = size + 2 * context
    object_size = math.ceil(size * 128 / 224)

    def cut_patches(position, example):
        image, masks = example["images"], _checked_masks(example)
        objects = find_objects(
            example["bounding_boxes"]["boxes"],
            example["bounding_boxes"]["labels"],
            example["is_crowd"],
            tf.reduce_sum(tf.cast(masks, tf.int32), [1, 2]),
            object_size,
            sampling,
        )
        own = own_seed(seed, position, Purpose.OBJECT)
        extent = tf.shape(image)[:2]
        windows = draw_windows(objects, extent, count, own, sampling)

        def boxes(pixels):
            half = pixels / 2 * (2.0**windows.octaves)[:, None]
            return tf.concat(
                [windows.centers - half, windows.centers + half], 1
            )

        patches = cut(
            tf.cast(image, tf.float32)[None],
            boxes(side),
            tf.zeros((count,), tf.int32),
            (side, side),
            outside=_OUTSIDE,
        )
        # If there is no object, there is one mask, of zeros.
        masks = tf.gather(
            tf.pad(masks, [[0, 1], [0, 0], [0, 0]]), windows.objects
        )
        masks = cut(
            tf.cast(masks, tf.float32)[..., None],
            boxes(size),
            tf.range(count),
            (mask_size, mask_size),
        )[..., 0]
        masks = tf.cast(masks > 0.5, tf.uint8)
        masks = tf.where(
            windows.has_mask[:, None, None], masks, tf.cast(VOID, tf.uint8)
        )
        if sampling.flip:
            numbers = tf.random.stateless_uniform(
                (count,), own_seed(seed, position, Purpose.FLIP)
            )
            flips = (numbers < 0.5)[:, None, None]
            patches = tf.where(flips[..., None], patches[:, :, ::-1], patches)
            masks = tf.where(flips, masks[:, :, ::-1], masks)
        return {
            "images": tf.cast(tf.round(patches), tf.uint8),
            "masks": masks,
            "labels": windows.labels,
            "image_id": tf.repeat(example["image_id"], count),
        }

    return map_with_position(dataset, cut_patches, start).unbatch()


def mask_inputs(batch: dict[str, Any]) -> tuple[tf.Tensor, dict[str, Any]]:
    """Divide a batch of patches into the inputs and targets of a mask model.

    Args:
        batch: Batch of `mask_patches`: `images` (B, P, P, 3), `masks` (B, M,
            M) and `labels` (B,).

    Returns:
        Tuple (x, y) for `fit`: the images as float32, and a dict of `masks` and
        `labels`.

    Example:

    ```python
    batches = kcv.data.mask_patches(scenes, seed=1).batch(64)
    model.fit(batches.map(kcv.data.mask_inputs))
    ```
    """
    return (
        tf.cast(batch["images"], tf.float32),
        {"masks": batch["masks"], "labels": batch["labels"]},
    )


def _checked_masks(example):
    masks = example["instance_masks"]
    sizes = tf.shape(masks)[1:], tf.shape(example["images"])[:2]
    check = tf.debugging.Assert(
        tf.reduce_all(sizes[0] == sizes[1])
        & (tf.shape(masks)[0] == tf.shape(example["is_crowd"])[0]),
        [
            "image",
            example["image_id"],
            "has height and width",
            sizes[1],
            "and its instance masks (N, height, width) have the shape",
            tf.shape(masks),
        ],
    )
    with tf.control_dependencies([check]):
        return tf.identity(masks)
