"""Decode the images of a dataset in parallel, and name those that fail."""

import concurrent.futures
import logging
import os
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from kcv.data.streams.images import decode_image
from kcv.data.streams.notices import Notices
from kcv.data.streams.notices import look_at
from kcv.text_files import path_text

_LOG = logging.getLogger(__name__)
ON_ERROR = ("raise", "skip")
# Number of successive images that cannot be decoded, after which the stream
# ends with an error.
_FUTILE = 10_000
# Image files of a shuffled stream are kept in memory if their total size in
# bytes is not larger than this. VOC 2007 fits, COCO does not.
CACHE_LIMIT = 2**29


def decode(
    dataset: tf.data.Dataset,
    load: Callable[[dict], tf.Tensor],
    on_error: str = "raise",
    skipped: list[str] | None = None,
    images: int | None = None,
) -> tf.data.Dataset:
    """Add the pixels to examples, in their order.

    Args:
        dataset: Dataset of examples (dicts) with `file` () string, the name of
            the image in error messages.
        load: Function that returns the encoded bytes, () string, of an example.
            It runs in the graph.
        on_error: "raise" to end the iteration with an error that names the
            first image that cannot be decoded, or "skip" to leave such images
            out and to log their names. Defaults to "raise".
        skipped: List to which the name of each skipped image is appended once.
            If None, the names are only logged. Defaults to None.
        images: Number of images of an epoch. If none of them can be decoded,
            "skip" raises an error, too. If None, the number is not known.
            Defaults to None.

    Returns:
        The dataset with `images` (H, W, 3) uint8 instead of `file`.

    Raises:
        ValueError: If `on_error` is not "raise" or "skip".
    """
    if on_error not in ON_ERROR:
        raise ValueError(
            "`on_error` must be 'raise' or 'skip'. Received: "
            f"on_error={on_error!r}"
        )
    names = [] if skipped is None else skipped
    count = dataset.cardinality()
    # An op cannot catch an error, but a dataset of one element can. A `map` of
    # datasets would run one element at a time under
    # tf.config.experimental.enable_op_determinism(). `interleave` over slices
    # stays parallel.
    dataset = dataset.interleave(
        lambda example: _attempt(example, load),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if on_error == "skip":
        dataset = _end_if_futile(dataset, int(count), images)
        dataset = dataset.filter(lambda example: _keep(example, names))
    annotated = {"bounding_boxes", "segmentation_masks", "landmarks"}
    notices = Notices(bool(annotated & set(dataset.element_spec)))
    dataset = dataset.map(lambda example: _finish(example, notices))
    if on_error == "raise" and count != tf.data.UNKNOWN_CARDINALITY:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    return dataset


def read_together(files: Sequence[str]) -> tf.Tensor | None:
    """Read whole files in parallel, unless they are larger than CACHE_LIMIT.

    Args:
        files: Paths of the files.

    Returns:
        Bytes of each file, tensor (N,) string, or None if the files together
        are larger than the limit.
    """
    if sum(os.path.getsize(file) for file in files) > CACHE_LIMIT:
        return None
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        return tf.constant(
            list(pool.map(lambda f: Path(f).read_bytes(), files))
        )


def _attempt(example, load):
    def read(example):
        contents = load(example)
        image = decode_image(contents)
        odd = look_at(contents, image)
        return {**example, "images": image, "odd": odd, "readable": True}

    def give_up(example):
        image = tf.zeros((0, 0, 3), tf.uint8)
        odd = {"exif": "", "is_dim": False}
        return {**example, "images": image, "odd": odd, "readable": False}

    one = tf.data.Dataset.from_tensor_slices(
        tf.nest.map_structure(lambda x: tf.expand_dims(x, 0), example)
    )
    return one.map(read).ignore_errors().concatenate(one.map(give_up)).take(1)


def _end_if_futile(dataset, count, images):
    """Raise an error if no image of a whole epoch can be decoded."""
    limit = _FUTILE
    if count > 0:
        limit = count
    elif images is not None:
        # In a shuffled stream, the only good image may come first in one epoch
        # and last in the next one.
        limit = min(2 * images - 1, _FUTILE)

    def step(failed, example):
        failed = (failed + 1) * tf.cast(~example["readable"], tf.int64)
        check = tf.debugging.Assert(
            failed < limit,
            [
                "none of the last images can be decoded, number:",
                failed,
                "the last one is",
                example["file"],
                "is the folder right, and are its files complete?",
            ],
        )
        with tf.control_dependencies([check]):
            example = {**example, "images": tf.identity(example["images"])}
        return failed, example

    return dataset.scan(tf.constant(0, tf.int64), step)


def _keep(example, names):
    def note(file):
        name = os.fsdecode(file)
        if name not in names:
            names.append(name)
            _LOG.warning(
                "skipped %s: it is absent or not a whole image",
                path_text(name),
            )
        return False

    return tf.cond(
        example["readable"],
        lambda: True,
        lambda: tf.ensure_shape(
            tf.numpy_function(note, [example["file"]], tf.bool), ()
        ),
    )


def _finish(example, notices):
    example = dict(example)
    odd, file = example.pop("odd"), example["file"]

    def note(*values):
        notices.note(*values)
        return True

    # This is not done where images are decoded: a call of Python would keep
    # TensorFlow from decoding in parallel if op determinism is enabled.
    noted = tf.cond(
        odd["is_dim"] | (odd["exif"] != ""),
        lambda: tf.ensure_shape(
            tf.numpy_function(
                note, [file, odd["exif"], odd["is_dim"]], tf.bool
            ),
            (),
        ),
        lambda: True,
    )
    check = tf.debugging.Assert(
        example.pop("readable"),
        [
            "cannot decode the image",
            example.pop("file"),
            "it is absent, truncated, larger than KCV_MAX_PIXELS allows, or "
            "not a JPEG, PNG, BMP, GIF or WebP image; repair it, remove it, or "
            "pass on_error='skip'",
        ],
    )
    with tf.control_dependencies([check, noted]):
        example["images"] = tf.identity(example["images"])
    return example
