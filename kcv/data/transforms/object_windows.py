"""Windows around objects, cut out with their masks, to train DeconvNet on.

H. Noh, S. Hong and B. Han, "Learning Deconvolution Network for Semantic
Segmentation", ICCV 2015, section 4.2. Here an object is a connected region of
one class. Two objects of a class are separate if they do not touch, as with the
void rims of VOC. The authors have annotated instances. They also add copies of
windows of classes with few examples, in numbers that are not published. Here
all objects of an image have the same probability.
"""

import numpy as np
import tensorflow as tf

from kcv.boxes import iou_matrix
from kcv.data.streams.randomness import Purpose
from kcv.data.streams.randomness import map_with_position
from kcv.data.streams.randomness import own_seed
from kcv.data.transforms.cut_boxes import cut
from kcv.data.transforms.cut_boxes import grow_boxes
from kcv.examples import VOID
from kcv.extras import describe_installation

# Regions with fewer pixels are fragments of objects and are ignored.
SPLINTER = 32


def object_windows(
    dataset: tf.data.Dataset,
    size: int,
    seed: int,
    start: int = 0,
    *,
    count: int = 1,
    context: float = 1.2,
) -> tf.data.Dataset:
    """Cut out objects, each in the middle of its window (stage 1).

    In the mask of a window, only its object has its class. Other objects count
    as background.

    Args:
        dataset: Dataset of single examples with `images` (H, W, 3) uint8,
            `segmentation_masks` (H, W) uint8 and `image_id`.
        size: Side of the windows, in pixels. Boxes are resized to squares of
            this side.
        seed: Seed of the random numbers. The objects of example number p are a
            pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.
        count: Number of windows of an image. Defaults to 1.
        context: Sides of a window as multiples of the sides of its object.
            Defaults to 1.2.

    Returns:
        Dataset of single windows with the same keys, `count` for each example.
        If an image has no object, its windows show the whole image.

    Raises:
        ValueError: If `size` or `count` is below 1.
        ImportError: If a package of the extra `kcv[segmentation]` is not
            installed. It is raised during iteration.

    Example:

    ```python
    train = kcv.data.object_windows(train, 250, seed=1)
    train = kcv.data.random_crop(train, 224, seed=1)
    ```
    """

    def choose(mask, numbers, _):
        objects = find_objects(mask)
        if not objects:
            return _whole(mask, numbers)
        chosen = [objects[int(n * len(objects))] for n in numbers]
        boxes = [box for box, _, _ in chosen]
        masks = [
            np.where(region | (mask == VOID), mask, 0)
            for _, _, region in chosen
        ]
        return np.array(boxes, np.float32), np.stack(masks)

    return _windows(dataset, choose, size, seed, start, count, context)


def proposal_windows(
    dataset: tf.data.Dataset,
    size: int,
    seed: int,
    start: int = 0,
    *,
    count: int = 1,
    context: float = 1.2,
    min_iou: float = 0.5,
) -> tf.data.Dataset:
    """Cut out proposals that overlap an object, with all classes (stage 2).

    Args:
        dataset: Dataset of single examples with `images` (H, W, 3) uint8,
            `segmentation_masks` (H, W) uint8, `image_id` and `proposals`
            (P, 4) float32.
        size: Side of the windows, in pixels. Boxes are resized to squares of
            this side.
        seed: Seed of the random numbers. The proposals of example number p are
            a pure function of (seed, p).
        start: Number of the first example, for a run that is resumed. Defaults
            to 0.
        count: Number of windows of an image. Defaults to 1.
        context: Sides of a window as multiples of the sides of its proposal.
            Defaults to 1.2.
        min_iou: Minimum IoU of a proposal with the box of an object. Float in
            [0, 1]. Defaults to 0.5.

    Returns:
        Dataset of single windows with the same keys, `count` for each example.
        If no proposal overlaps an object, objects are cut out instead. If an
        image has no object, its windows show the whole image.

    Raises:
        ValueError: If `size` or `count` is below 1.
        ImportError: If a package of the extra `kcv[segmentation]` is not
            installed. It is raised during iteration.

    Example:

    ```python
    train = kcv.data.proposal_windows(cache.attach(train), 250, seed=1)
    ```
    """

    def choose(mask, numbers, proposals):
        objects = find_objects(mask)
        if not objects:
            return _whole(mask, numbers)
        boxes = np.array([box for box, _, _ in objects], np.float32)
        overlaps = np.asarray(iou_matrix(proposals, boxes)).max(1)
        near = proposals[overlaps >= min_iou]
        near = near if len(near) else boxes
        chosen = near[(numbers * len(near)).astype(int)]
        return chosen, np.repeat(mask[None], len(numbers), 0)

    return _windows(dataset, choose, size, seed, start, count, context)


def find_objects(
    mask: np.ndarray,
) -> list[tuple[np.ndarray, int, np.ndarray]]:
    """Find the connected regions of each class in a mask.

    Args:
        mask: Label map (H, W) uint8, where 0 is background and 255 is void.

    Returns:
        List of tuples (box, label, pixels) for all regions of at least
        `SPLINTER` pixels, sorted by class: the box (4,) half-open xyxy, the
        class, and the pixels of the region (H, W) bool.

    Raises:
        ImportError: If SciPy is not installed.

    Example:

    >>> mask = np.zeros((20, 20), np.uint8)
    >>> mask[2:10, 4:14] = 3
    >>> [(box.tolist(), label) for box, label, _ in find_objects(mask)]
    [([4, 2, 14, 10], 3)]
    """
    try:
        from scipy import ndimage
    except ImportError as error:
        raise ImportError(
            "Regions of a label map need SciPy. "
            + describe_installation("segmentation")
        ) from error
    found = []
    for label in np.unique(mask):
        if label in (0, VOID):
            continue
        regions, _ = ndimage.label(mask == label, np.ones((3, 3)))
        for number, (rows, columns) in enumerate(
            ndimage.find_objects(regions), start=1
        ):
            region = regions == number
            if region.sum() >= SPLINTER:
                box = [columns.start, rows.start, columns.stop, rows.stop]
                found.append((np.array(box), int(label), region))
    return found


def _windows(dataset, choose, size, seed, start, count, context):
    if size < 1 or count < 1:
        raise ValueError(
            "`size` and `count` must be at least 1. Received: "
            f"size={size}, count={count}"
        )

    def windows(position, example):
        image = example["images"]
        numbers = tf.random.stateless_uniform(
            (count,), own_seed(seed, position, Purpose.OBJECT)
        )
        proposals = example.get("proposals", tf.zeros((0, 4)))
        boxes, masks = tf.numpy_function(
            choose,
            [example["segmentation_masks"], numbers, proposals],
            [tf.float32, tf.uint8],
        )
        boxes = grow_boxes(tf.ensure_shape(boxes, (count, 4)), context)
        images = cut(
            tf.cast(image, tf.float32)[None],
            boxes,
            tf.zeros((count,), tf.int32),
            (size, size),
        )
        masks = cut(
            tf.ensure_shape(masks, (count, None, None))[..., None],
            boxes,
            tf.range(count),
            (size, size),
            "nearest",
            VOID,
        )
        return {
            "images": tf.cast(tf.round(images), tf.uint8),
            "segmentation_masks": tf.cast(masks[..., 0], tf.uint8),
            "image_id": tf.repeat(example["image_id"], count),
        }

    return map_with_position(dataset, windows, start).unbatch()


def _whole(mask, numbers):
    height, width = mask.shape
    box = np.array([0, 0, width, height], np.float32)
    count = len(numbers)
    return np.repeat(box[None], count, 0), np.repeat(mask[None], count, 0)
