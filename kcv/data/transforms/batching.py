"""Batching of images of different sizes and numbers of objects."""

import tensorflow as tf

from kcv.examples import PADDING_LABEL
from kcv.examples import VOID

#: Number of batches within which wide images are batched before the others. To
#: resume a stream at batch k, start its parts at example
#: (k // BATCH_GROUP) * BATCH_GROUP * batch_size, and skip k % BATCH_GROUP
#: batches.
BATCH_GROUP = 8

_PADDING = {"labels": PADDING_LABEL, "segmentation_masks": VOID}


def batch(
    dataset: tf.data.Dataset,
    batch_size: int,
    max_boxes: int | None = None,
    group_by_aspect: bool = True,
    drop_remainder: bool = False,
    pad_to_multiple: int = 1,
    max_proposals: int | None = None,
) -> tf.data.Dataset:
    """Pad examples to a common size and batch them.

    With `group_by_aspect`, images that are wider than high are batched apart
    from all others, as in py-faster-rcnn, so that there is little padding.
    Within every `kcv.data.BATCH_GROUP` batches, the wide images come first, and
    at most one batch is mixed. A batch depends only on the examples of its
    group, and every example occurs once.

    Args:
        dataset: Dataset of single examples, see `kcv.examples`.
        batch_size: Number of examples in a batch.
        max_boxes: Number N of rows that boxes are padded to. Defaults to None,
            for the largest number in the batch, at least 1.
        group_by_aspect: Whether to batch wide and high images apart. Defaults
            to True.
        drop_remainder: Whether to drop a last batch that is not full. Pass True
            under a `tf.distribute` strategy, since a last batch with fewer
            images than replicas is an error there. Defaults to False.
        pad_to_multiple: Number that height and width of the padded images are
            multiples of. Defaults to 1.
        max_proposals: Number P of rows that `proposals` are padded to, if
            examples have them. Defaults to None, for the largest number in the
            batch, at least 1.

    Returns:
        A dataset of `images` (B, H, W, 3) float32, 0 to 255, padded on the
        right and at the bottom with 0; `image_sizes` (B, 2) int32, height and
        width without padding; `image_id` (B,) string; `scale` (B,) float32. If
        examples have them, also `bounding_boxes` {`boxes` (B, N, 4) float32
        padded with 0, `labels` (B, N) int32 padded with -1}, `difficult` and
        `is_crowd` (B, N) bool padded with False; `landmarks` (B, 5, 2), or
        (B, N, 5, 2) padded with 0; `proposals` (B, P, 4) float32
        padded with 0; `segmentation_masks` (B, H, W) uint8 padded with 255;
        `instance_masks` (B, N, H, W) uint8 padded with 0. Iteration raises
        `InvalidArgumentError`, naming the image, if one has more than
        `max_boxes` boxes or `max_proposals` proposals.

    Raises:
        ValueError: If a number is below 1.

    Example:

    ```python
    batches = kcv.data.batch(kcv.data.digit_scenes("train"), 8)
    model.fit(batches.map(kcv.data.detection_inputs), steps_per_epoch=100)
    ```
    """
    for name, value in (
        ("batch_size", batch_size),
        ("max_boxes", 1 if max_boxes is None else max_boxes),
        ("pad_to_multiple", pad_to_multiple),
        ("max_proposals", 1 if max_proposals is None else max_proposals),
    ):
        if value < 1:
            raise ValueError(
                f"`{name}` must be at least 1. Received: {name}={value}"
            )
    count = int(dataset.cardinality())
    dataset = dataset.map(
        lambda example: _padded(
            example, max_boxes, pad_to_multiple, max_proposals
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    spec = dataset.element_spec
    shapes = tf.nest.map_structure(lambda x: x.shape, spec)

    padding = _padding(spec)

    def join(examples):
        return examples.padded_batch(
            batch_size, shapes, padding, drop_remainder
        )

    if group_by_aspect and batch_size > 1:
        group = BATCH_GROUP * batch_size
        dataset = dataset.prefetch(group).window(group)
        dataset = dataset.flat_map(lambda nested: join(_by_aspect(nested)))
    else:
        dataset = join(dataset)
    dataset = dataset.map(
        # This comes last, so that less memory is moved before it.
        lambda x: {**x, "images": tf.cast(x["images"], tf.float32)},
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if count != tf.data.UNKNOWN_CARDINALITY:
        if count >= 0:
            spare = 0 if drop_remainder else batch_size - 1
            count = (count + spare) // batch_size
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    return dataset.prefetch(tf.data.AUTOTUNE)


def _padded(example, max_boxes, multiple, max_proposals):
    """Pad the rows of objects and the canvas of one example."""
    example = dict(example)
    more = 0
    if "bounding_boxes" in example:
        boxes = example["bounding_boxes"]["boxes"]
        labels = example["bounding_boxes"]["labels"]
        rows = _rows(example, boxes, "boxes", "max_boxes", max_boxes)
        more = rows - tf.shape(boxes)[0]
        boxes = tf.pad(boxes, [[0, more], [0, 0]])
        labels = tf.pad(labels, [[0, more]], constant_values=PADDING_LABEL)
        example["bounding_boxes"] = {
            "boxes": tf.ensure_shape(boxes, (max_boxes, 4)),
            "labels": tf.ensure_shape(labels, (max_boxes,)),
        }
        for key in ("difficult", "is_crowd"):
            if key in example:
                own = tf.pad(example[key], [[0, more]])
                example[key] = tf.ensure_shape(own, (max_boxes,))
    if "landmarks" in example and example["landmarks"].shape.rank == 3:
        own = tf.pad(example["landmarks"], [[0, more], [0, 0], [0, 0]])
        example["landmarks"] = tf.ensure_shape(own, (max_boxes, 5, 2))
    if "proposals" in example:
        own = example["proposals"]
        rows = _rows(example, own, "proposals", "max_proposals", max_proposals)
        own = tf.pad(own, [[0, rows - tf.shape(own)[0]], [0, 0]])
        example["proposals"] = tf.ensure_shape(own, (max_proposals, 4))

    sides = tf.shape(example["images"])[:2]
    bottom, right = tf.unstack(-sides % multiple)
    canvas = [[0, bottom], [0, right]]
    example["image_sizes"] = sides
    example["images"] = tf.pad(example["images"], [*canvas, [0, 0]])
    if "segmentation_masks" in example:
        example["segmentation_masks"] = tf.pad(
            example["segmentation_masks"], canvas, constant_values=VOID
        )
    if "instance_masks" in example:
        example["instance_masks"] = tf.pad(
            example["instance_masks"], [[0, more], *canvas]
        )
    example.setdefault("scale", tf.constant(1.0))
    return example


def _rows(example, boxes, what, argument, maximum):
    """Return the number of rows to pad to.

    It is at least 1, since reductions over an empty axis fail.
    """
    count = tf.shape(boxes)[0]
    if maximum is None:
        return tf.maximum(count, 1)
    check = tf.debugging.Assert(
        count <= maximum,
        [
            "image",
            example["image_id"],
            f"has more {what} than {argument}; {what}, {argument}:",
            count,
            maximum,
        ],
    )
    with tf.control_dependencies([check]):
        return tf.constant(maximum)


def _padding(spec, key=None):
    if isinstance(spec, dict):
        return {name: _padding(own, name) for name, own in spec.items()}
    if spec.dtype == tf.string:
        return tf.constant("")
    return tf.cast(_PADDING.get(key, 0), spec.dtype)


def _by_aspect(nested):
    """Put the wide images of a group before the others."""
    examples = tf.data.Dataset.zip(nested)

    def is_wide(example):
        height, width = tf.unstack(example["image_sizes"])
        return width > height

    return examples.filter(is_wide).concatenate(
        examples.filter(lambda example: ~is_wide(example))
    )
