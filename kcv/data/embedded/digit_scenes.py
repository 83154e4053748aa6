"""Digit scenes: the detection and segmentation dataset that is part of kcv.

Real handwritten digits (E. Alpaydin and C. Kaynak, "Optical Recognition of
Handwritten Digits", UCI 1998) are composited on real photographs, differently
in every scene. `raw/PROVENANCE.md` lists the sources.
"""

import functools
import operator
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from kcv.data.embedded.scenes import material
from kcv.data.embedded.scenes.layout import BLOCK
from kcv.data.embedded.scenes.layout import draw_block
from kcv.data.embedded.scenes.rendering import render
from kcv.data.embedded.scenes.rendering import store
from kcv.data.streams.holdout import check_split

TEST_SCENES = 500
SHORT_SIDE = 192
# Numbers of the random streams of the two splits.
_STREAMS = {"train": 0, "test": 1}
_MASKS = (None, "semantic", "instance")


def digit_scenes(
    split: str = "train",
    size: int | None = None,
    seed: int = 0,
    masks: str | None = None,
    *,
    short_side: int = SHORT_SIDE,
    start: int = 0,
) -> tf.data.Dataset:
    """Generate photographs with 0 to 6 handwritten digits on them.

    Digits differ in size (1/8 to 1/2 of the short side), rotation (up to 25
    degrees), shear, pen, color and contrast. They may overlap, and some are cut
    by the border. Some strokes are distractors, which are not digits. Blur,
    noise and JPEG compression follow. Boxes enclose the visible pixels tightly.
    A digit is difficult if less than 40% of it is visible or if its visible
    part is lower than 12 pixels.

    A scene is a pure function of (split, seed, index, short_side), independent
    of the number of scenes and of the start of the stream. Training and test
    scenes have no digit and no photograph in common. The test split never
    changes: it has 500 scenes of one seed, so figures that are measured at the
    default `short_side` can be compared between versions.

    Args:
        split: "train" or "test". Defaults to "train".
        size: Number of scenes. If None, training scenes are generated forever,
            each only once, and the test split has the rest of its 500 scenes.
            Defaults to None.
        seed: Integer that determines the training scenes. Must be 0 for the
            test split. Defaults to 0.
        masks: "semantic" to add `segmentation_masks` (H, W) uint8, 0 for
            background and label + 1 for a digit, or "instance" to add
            `instance_masks` (N, H, W) uint8 of 0 and 1, which show the visible
            pixels of each digit. If None, there are no masks. Defaults to None.
        short_side: Short side of the images, in pixels. Integer of at least 48.
            The long side is at most 4/3 of it. Defaults to 192.
        start: Index of the first scene, for a run that is resumed. Defaults to
            0.

    Returns:
        Dataset of single examples: `images` (H, W, 3) uint8 RGB,
        `bounding_boxes` {`boxes` (N, 4) float32, absolute half-open xyxy,
        `labels` (N,) int32 in [0, 9]}, `difficult` (N,) bool, `is_crowd` (N,)
        bool (always False), `image_id` () string.

    Raises:
        ValueError: If an argument is out of its range.

    Example:

    >>> scene = next(iter(digit_scenes("test", size=1)))
    >>> scene["images"].shape.rank, scene["bounding_boxes"]["boxes"].shape[-1]
    (3, 4)
    """
    check_split(split)
    if masks not in _MASKS:
        raise ValueError(
            "`masks` must be None, 'semantic' or 'instance'. Received: "
            f"masks={masks!r}"
        )
    seed = _integer("seed", seed, 0)
    start = _integer("start", start, 0)
    short_side = _integer("short_side", short_side, 48)
    if size is not None:
        size = _integer("size", size, 1)
    if split == "test":
        size = _test_size(size, seed, start)

    layouts, example = _functions(split, short_side, masks)
    stream = _stream(split, seed)
    prefix = tf.constant(f"digit_scenes/{split}/{seed}/")
    dataset = (
        tf.data.Dataset.counter(start // BLOCK)
        .map(lambda block: layouts(stream, block))
        .unbatch()
        .skip(start % BLOCK)
    )
    if size is not None:
        dataset = dataset.take(size)
    dataset = dataset.map(
        lambda layout: example(layout, prefix),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    cardinality = tf.data.INFINITE_CARDINALITY if size is None else size
    return dataset.apply(tf.data.experimental.assert_cardinality(cardinality))


def drawn_labels(split: str, size: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Draw the labels of scenes without their pixels.

    Args:
        split: "train" or "test".
        size: Number of scenes.
        seed: Integer that determines the training scenes. Defaults to 0.

    Returns:
        Labels (N,) of the digits of each scene, difficult ones included.
    """
    layouts, _ = _functions(split, SHORT_SIDE, None)
    stream = _stream(split, seed)
    for block in range(-(-size // BLOCK)):
        drawn = layouts(stream, tf.constant(block, tf.int64))
        labels, present = drawn["label"].numpy(), drawn["present"].numpy()
        for scene in range(min(size - block * BLOCK, BLOCK)):
            # Those of distractors are negative.
            yield labels[scene][present[scene] & (labels[scene] >= 0)]


def _stream(split: str, seed: int) -> tf.Tensor:
    return tf.constant(2 * seed + _STREAMS[split], tf.int64)


@functools.cache
def _functions(split, short_side, masks):
    """Make the functions of all streams of one kind, to be traced once.

    To trace them takes longer than to draw a hundred scenes.
    """
    digits = material.digits(split)
    distractors = material.distractors(split)
    sizes = material.photographs(split).sizes
    kept = store(split, short_side)

    @tf.function(autograph=False)
    def layouts(stream, block):
        drawn = draw_block(
            stream,
            block,
            short_side=short_side,
            digits=digits,
            distractors=distractors,
            sizes=sizes,
        )
        drawn["index"] = block * BLOCK + tf.range(BLOCK, dtype=tf.int64)
        return drawn

    @tf.function(autograph=False)
    def example(layout, prefix):
        scene = render(layout, kept)
        name = tf.strings.as_string(layout["index"])
        return _example(scene, masks, tf.strings.join([prefix, name]))

    return layouts, example


def _integer(name: str, value: int, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. Received: "
            f"{name}={value!r}"
        )
    return number


def _test_size(size: int | None, seed: int, start: int) -> int:
    if seed != 0:
        raise ValueError(
            "`seed` must be 0 for the test split, which is fixed. Received: "
            f"seed={seed}"
        )
    left = TEST_SCENES - start
    if left < 1:
        raise ValueError(
            f"`start` must be below {TEST_SCENES}, the number of test scenes. "
            f"Received: start={start}"
        )
    if size is not None and size > left:
        raise ValueError(
            f"`size` must be at most {left} for the test split, which has "
            f"{TEST_SCENES} scenes, and start={start}. Received: size={size}"
        )
    return left if size is None else size


def _example(scene, masks, image_id):
    labels = scene["labels"]
    example = {
        "images": scene["image"],
        "bounding_boxes": {"boxes": scene["boxes"], "labels": labels},
        "difficult": scene["difficult"],
        "is_crowd": tf.zeros_like(scene["difficult"]),
        "image_id": image_id,
    }
    if masks == "instance":
        example["instance_masks"] = tf.cast(scene["masks"], tf.uint8)
    if masks == "semantic":
        # Visible masks do not overlap.
        values = tf.cast(labels + 1, tf.uint8)[:, None, None]
        visible = tf.where(scene["masks"], values, tf.zeros_like(values))
        example["segmentation_masks"] = tf.reduce_sum(visible, 0)
    return example
