"""Digit scenes: the detection and segmentation set that kcv brings along.

Real handwritten digits (E. Alpaydin and C. Kaynak, "Optical Recognition of
Handwritten Digits", UCI 1998) are composited on real photographs, made anew
for every scene. The sources stand in `raw/PROVENANCE.md`.
"""

import functools
import operator

import tensorflow as tf

from kcv.data.embedded.scenes import material
from kcv.data.embedded.scenes.layout import BLOCK
from kcv.data.embedded.scenes.layout import draw_block
from kcv.data.embedded.scenes.rendering import render
from kcv.data.embedded.scenes.rendering import store
from kcv.data.streams.holdout import check_split

TEST_SCENES = 500
# The streams of the two splits; digits and photographs differ anyway.
_STREAMS = {"train": 0, "test": 1}
_MASKS = (None, "semantic", "instance")


def digit_scenes(
    split: str = "train",
    size: int | None = None,
    seed: int = 0,
    masks: str | None = None,
    *,
    short_side: int = 192,
    start: int = 0,
) -> tf.data.Dataset:
    """Make photographs with 0 to 6 handwritten digits upon them.

    Digits differ in size (an eighth to half of the short side), rotation (up
    to 25 degrees), shear, pen, colour and contrast; they overlap, the later
    one above, and some are cut by the border. Some strokes are no digits. Then
    come blur, noise and JPEG. Boxes are tight to the visible pixels, and a
    digit that is less than 40 % visible or under 12 px high is difficult.

    A scene is a pure function of (split, seed, index, short_side), however
    many there are and wherever the stream starts. Train and test share neither
    a digit nor a photograph. The test split never changes: 500 scenes of one
    seed, whose figures at the default `short_side` may be compared between
    versions.

    Args:
        split: "train" or "test".
        size: number of scenes. None is all: without end for train (every scene
            is a fresh one), what is left of the 500 for test.
        seed: which stream of train scenes; 0 for test.
        masks: None; "semantic" adds `segmentation_masks` (H, W) uint8, 0 for
            background, else class + 1; "instance" adds `instance_masks`
            (N, H, W) uint8 0/1, visible pixels alone.
        short_side: of the canvas, in pixels, at least 48. The long side is up
            to 4/3 of it.
        start: index of the first scene, as for a run that is resumed.

    Returns:
        A dataset of single examples: `images` (H, W, 3) uint8 RGB,
        `bounding_boxes` {`boxes` (N, 4) float32 absolute half-open xyxy,
        `labels` (N,) int32 0..9}, `difficult` (N,) bool, `is_crowd` (N,) bool
        (always False), `image_id` () string.

    Raises:
        ValueError: if an argument is none of the above.

    Example:

    ```python
    for scene in kcv.data.digit_scenes("test", size=2):
        print(scene["image_id"], scene["bounding_boxes"]["labels"])
    ```
    """
    check_split(split)
    if masks not in _MASKS:
        raise ValueError(
            f"masks must be None, 'semantic' or 'instance', not {masks!r}"
        )
    seed = _integer("seed", seed, 0)
    start = _integer("start", start, 0)
    short_side = _integer("short_side", short_side, 48)
    if size is not None:
        size = _integer("size", size, 1)
    if split == "test":
        size = _test_size(size, seed, start)

    layouts, example = _functions(split, short_side, masks)
    stream = tf.constant(2 * seed + _STREAMS[split], tf.int64)
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
            f"{name} must be an integer of at least {least}, not {value!r}"
        )
    return number


def _test_size(size: int | None, seed: int, start: int) -> int:
    if seed != 0:
        raise ValueError(
            f"seed must be 0 for the test split, which is fixed, not {seed}"
        )
    left = TEST_SCENES - start
    if left < 1:
        raise ValueError(
            f"start must be below {TEST_SCENES}, the number of test scenes, "
            f"not {start}"
        )
    if size is not None and size > left:
        raise ValueError(
            f"size must be at most {left} for the test split, which has "
            f"{TEST_SCENES} scenes (start={start}), not {size}"
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
