"""Images of different sizes and numbers of objects in one batch."""

import tensorflow as tf

# Landscape and portrait are told apart within so many batches. To go on at
# batch k of a stream, start its parts at example (k // WINDOW) * WINDOW *
# batch_size, and skip k % WINDOW batches.
WINDOW = 8
_PADDING = {"labels": -1, "segmentation_masks": 255}


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

    With `group_by_aspect`, images wider than high and the others are batched
    apart, as py-faster-rcnn does, so that little is padded: within every
    `WINDOW` batches the wide ones come first, and at most one batch is mixed.
    A batch is a function of the examples of its window alone, and every
    example is given once.

    Args:
        dataset: of single examples, see `kcv.data.voc`; those of
            `kcv.data.load_segmentation` have no boxes.
        batch_size: examples in a batch.
        max_boxes: number N of rows that boxes are padded to. None is the most
            of the batch, at least 1.
        group_by_aspect: whether to batch wide and high images apart.
        drop_remainder: whether to drop a last batch that is not full.
        pad_to_multiple: height and width of the canvas are multiples of this.
        max_proposals: number P of rows that `proposals` are padded to, where
            examples have them; None is the most of the batch, at least 1.

    Returns:
        A dataset of `images` (B, H, W, 3) float32 0 to 255, padded right and
        below with 0; `image_sizes` (B, 2) int32, height and width without
        padding; `image_id` (B,) string; `scale` (B,) float32. If any,
        `bounding_boxes` {`boxes` (B, N, 4) float32 padded with 0, `labels`
        (B, N) int32 padded with -1} with `difficult` and `is_crowd` (B, N)
        bool, False; `proposals` (B, P, 4) float32 padded with 0; masks,
        `segmentation_masks` (B, H, W) uint8 padded with 255, `instance_masks`
        (B, N, H, W) uint8 padded with 0. Iteration raises
        `InvalidArgumentError`, naming the image, if one has more than
        `max_boxes` boxes or `max_proposals` proposals.

    Raises:
        ValueError: if a number is below 1.

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
            raise ValueError(f"{name} must be at least 1, received {value}")
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
        window = WINDOW * batch_size
        dataset = dataset.prefetch(window).window(window)
        dataset = dataset.flat_map(lambda nested: join(_by_aspect(nested)))
    else:
        dataset = join(dataset)
    dataset = dataset.map(
        # Last, so that all before it moves a quarter of the bytes.
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


def detection_inputs(example: dict) -> tuple[dict, dict]:
    """Divide a batch into what a detector sees and what it is to find.

    Args:
        example: an element of `batch`.

    Returns:
        (x, y) for `fit`: x of `images`, `image_sizes` and, if there are any,
        `proposals`; y of `boxes`, `labels`, `difficult` and `is_crowd`; shapes
        and dtypes unchanged.

    Example:

    ```python
    model.fit(batches.map(kcv.data.detection_inputs))
    ```
    """
    x = model_inputs(example)
    y = {
        "boxes": example["bounding_boxes"]["boxes"],
        "labels": example["bounding_boxes"]["labels"],
        "difficult": example["difficult"],
        "is_crowd": example["is_crowd"],
    }
    return x, y


def segmentation_inputs(example: dict) -> tuple[tf.Tensor, tf.Tensor]:
    """Divide a batch into what a segmenter sees and what it is to find.

    Args:
        example: an element of `batch`.

    Returns:
        (images, segmentation_masks) for `fit`.

    Example:

    ```python
    scenes, names, _ = kcv.data.load_segmentation("digit_scenes")
    batches = kcv.data.batch(scenes, 4).map(kcv.data.segmentation_inputs)
    ```
    """
    return example["images"], example["segmentation_masks"]


def model_inputs(example: dict) -> dict:
    """Pick what a detector sees.

    Args:
        example: an element of `batch`.

    Returns:
        `images`, `image_sizes` and, if there are any, `proposals`.
    """
    keys = ("images", "image_sizes", "proposals")
    return {key: example[key] for key in keys if key in example}


def drop_difficult(example: dict) -> dict:
    """Remove the objects that are marked as difficult.

    Args:
        example: a single example, before `batch`.

    Returns:
        The example with the other objects, which may be none.

    Example:

    ```python
    train = kcv.data.voc("voc/2007").map(kcv.data.drop_difficult)
    ```
    """
    keep = ~example["difficult"]
    kept = {
        key: tf.boolean_mask(example[key], keep)
        for key in ("difficult", "is_crowd", "instance_masks")
        if key in example
    }
    kept["bounding_boxes"] = {
        key: tf.boolean_mask(value, keep)
        for key, value in example["bounding_boxes"].items()
    }
    return {**example, **kept}


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
        labels = tf.pad(labels, [[0, more]], constant_values=-1)
        example["bounding_boxes"] = {
            "boxes": tf.ensure_shape(boxes, (max_boxes, 4)),
            "labels": tf.ensure_shape(labels, (max_boxes,)),
        }
        for key in ("difficult", "is_crowd"):
            own = tf.pad(example[key], [[0, more]])
            example[key] = tf.ensure_shape(own, (max_boxes,))
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
            example["segmentation_masks"], canvas, constant_values=255
        )
    if "instance_masks" in example:
        example["instance_masks"] = tf.pad(
            example["instance_masks"], [[0, more], *canvas]
        )
    example.setdefault("scale", tf.constant(1.0))
    return example


def _rows(example, boxes, what, argument, most):
    """Number of rows to pad to, at least one: no reduction likes none."""
    count = tf.shape(boxes)[0]
    if most is None:
        return tf.maximum(count, 1)
    check = tf.debugging.Assert(
        count <= most,
        [
            "image",
            example["image_id"],
            f"has more {what} than {argument}; {what}, {argument}:",
            count,
            most,
        ],
    )
    with tf.control_dependencies([check]):
        return tf.constant(most)


def _padding(spec, key=None):
    if isinstance(spec, dict):
        return {name: _padding(own, name) for name, own in spec.items()}
    if spec.dtype == tf.string:
        return tf.constant("")
    return tf.cast(_PADDING.get(key, 0), spec.dtype)


def _by_aspect(nested):
    """Put the wide images of a window before the others."""
    examples = tf.data.Dataset.zip(nested)

    def is_wide(example):
        height, width = tf.unstack(example["image_sizes"])
        return width > height

    return examples.filter(is_wide).concatenate(
        examples.filter(lambda example: ~is_wide(example))
    )
