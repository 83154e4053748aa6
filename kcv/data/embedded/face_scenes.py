"""Face scenes: the set for detection of faces that kcv brings along.

Rendered faces, see `kcv.data.rendered_faces`, are put on photographs, beside
patches that are not faces. With scikit-image, a fifth of the faces are real
ones: small gray crops of Labeled Faces in the Wild, which that package
contains.
"""

import functools
import operator

import numpy as np
import tensorflow as tf

from kcv.data.embedded.faces.scenes import draw_scene
from kcv.data.streams.holdout import check_split
from kcv.examples import DataSet
from kcv.extras import describe_installation

TEST_SCENES = 200


def face_scenes(
    split: str = "train",
    size: int | None = None,
    seed: int = 0,
    *,
    real: bool = False,
    start: int = 0,
) -> DataSet:
    """Make photographs with 0 to 4 faces on them.

    Heads are 24 to 110 pixels high. A scene is a pure function of (split, seed,
    index, real). Train and test share neither people nor photographs nor real
    crops. The test split never changes.

    Args:
        split: "train" or "test". Defaults to "train".
        size: Number of scenes. If None, scenes of "train" are generated
            forever, and those of "test" are what is left of 200. Defaults to
            None.
        seed: Seed of the scenes of "train", and 0 for "test". Defaults to 0.
        real: Whether a fifth of the faces are real ones, from `lfw_subset` of
            scikit-image. Defaults to False.
        start: Number of the first scene. Defaults to 0.

    Returns:
        `DataSet` (dataset, class_names, size). Examples have `images` (H, W, 3)
        uint8 RGB of 150 x 180 to 240 x 280 pixels, `bounding_boxes` {`boxes`
        (N, 4) float32, squares from the brows to the chin, `labels` (N,) int32,
        all 0}, `landmarks` (N, 5, 2) float32, NaN for real faces, `difficult`
        and `is_crowd` (N,) bool, all False, and `image_id` () string.

    Raises:
        ValueError: If an argument is out of its range.
        ImportError: If `real` and scikit-image is not installed.

    Example:

    ```python
    for scene in kcv.data.face_scenes("test", 2).dataset:
        print(scene["image_id"], scene["bounding_boxes"]["boxes"])
    ```
    """
    check_split(split)
    seed, start = _integer("seed", seed, 0), _integer("start", start, 0)
    if size is not None:
        size = _integer("size", size, 1)
    if split == "test":
        if seed:
            raise ValueError(
                "`seed` must be 0 for the test split, which is fixed. "
                f"Received: seed={seed}"
            )
        left = TEST_SCENES - start
        if left < 1 or (size or 1) > left:
            raise ValueError(
                f"`start` + `size` must be at most {TEST_SCENES} for the test "
                f"split. Received: start={start}, size={size}"
            )
        size = size or left
    crops = real_crops(split) if real else None

    def draw(index):
        scene = draw_scene(split, seed, int(index), crops)
        return (*scene[:3], np.int32(scene.quality))

    def example(index):
        image, boxes, landmarks, quality = tf.numpy_function(
            draw, [index], [tf.uint8, tf.float32, tf.float32, tf.int32]
        )
        image = tf.ensure_shape(image, (None, None, 3))
        encoded = tf.raw_ops.EncodeJpegVariableQuality(
            images=image, quality=quality
        )
        image = tf.io.decode_jpeg(
            encoded, channels=3, dct_method="INTEGER_ACCURATE"
        )
        boxes = tf.ensure_shape(boxes, (None, 4))
        labels = tf.zeros_like(boxes[:, 0], tf.int32)
        return {
            "images": image,
            "image_id": tf.strings.join([prefix, tf.strings.as_string(index)]),
            "bounding_boxes": {"boxes": boxes, "labels": labels},
            "landmarks": tf.ensure_shape(landmarks, (None, 5, 2)),
            "difficult": labels > 0,
            "is_crowd": labels > 0,
        }

    kind = "real" if real else "rendered"
    prefix = f"face_scenes/{kind}/{split}/{seed}/"
    dataset = tf.data.Dataset.counter(start)
    if size is not None:
        dataset = dataset.take(size)
    dataset = dataset.map(
        example, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )
    cardinality = tf.data.INFINITE_CARDINALITY if size is None else size
    dataset = dataset.apply(
        tf.data.experimental.assert_cardinality(cardinality)
    )
    return DataSet(dataset, ("face",), size)


@functools.cache
def real_crops(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Return half of the crops of `lfw_subset`.

    The package scikit-image contains 100 faces of Labeled Faces in the Wild
    (Huang et al. 2007), 25 x 25 pixels in gray, and as many other crops of the
    same photographs.

    Args:
        split: "train" for the first half, "test" for the second one.

    Returns:
        Faces (50, 25, 25) and other crops (50, 25, 25), float32 in 0..1.

    Raises:
        ImportError: If scikit-image is not installed.
    """
    try:
        from skimage.data import lfw_subset
    except ImportError as error:
        raise ImportError(
            f"Real faces need scikit-image. {describe_installation('faces')}"
        ) from error
    crops = lfw_subset().astype(np.float32)
    faces, others = crops[:100], crops[100:]
    half = slice(0, 50) if split == "train" else slice(50, 100)
    return faces[half], others[half]


def _integer(name: str, value: int, low: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if number < low:
        raise ValueError(
            f"`{name}` must be an integer of at least {low}. Received: "
            f"{name}={value!r}"
        )
    return number
