"""What the recipes of feed-forward painters share: squares and solvers."""

import dataclasses
import functools
from collections.abc import Callable

import keras
import tensorflow as tf

import kcv
from kcv.training import warm_cosine
from recipes.common.plan import Plan
from recipes.common.run import Run

# How far the colors of kcv's photographs are changed: from gray to twice the
# saturation, and to any hue.
COLORS = {"brightness": 0.3, "contrast": 0.6, "saturation": 0.99, "hue": 0.5}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PainterOptions(Run):
    """Options of the recipes of feed-forward painters.

    Attributes:
        weights: Imagenet (downloaded), or a file of weights for the VGG.
        data: Photographs, which come with kcv, or folder:PATH.
    """

    weights: str = "imagenet"
    data: str = "photographs"


def open_squares(
    run: PainterOptions, size: int, batch_size: int, scaled: bool = True
) -> tuple[Callable[[int], tf.data.Dataset], tf.data.Dataset | None]:
    """Open batches of squares to train on, and those of the validation part.

    Args:
        run: Options of the recipe.
        size: Side of the squares in pixels.
        batch_size: Number of squares of a batch.
        scaled: Whether training images are scaled first, see `stream_squares`.
            Defaults to True.

    Returns:
        Tuple (function from the position of the first square to the stream of
        batches, batches of the squares in the middle of the validation images).
        The second one is None if there is no validation part.
    """
    batches = functools.partial(
        stream_squares, run, size, batch_size=batch_size, scaled=scaled
    )
    if not run.validation_part:
        return batches, None
    images = kcv.data.load_images(
        run.data,
        "validation",
        on_error=run.on_error,
        validation=run.validation_part,
    ).dataset

    def cut(example):
        image = example["images"][tf.newaxis]
        return kcv.classification.single_crop(image, size, size)[0, 0]

    return batches, images.map(cut).batch(batch_size)


def stream_squares(
    run: PainterOptions,
    size: int,
    start: int,
    batch_size: int,
    scaled: bool = True,
) -> tf.data.Dataset:
    """Stream batches of squares that are cut from images at random.

    Args:
        run: Options of the recipe, which name the data.
        size: Side of the squares in pixels.
        start: Position of the first square.
        batch_size: Number of squares of a batch.
        scaled: Whether images are first scaled to a random short side of once
            to twice `size`. Otherwise only images that are too small are
            enlarged. Defaults to True.

    Returns:
        Dataset of images (B, size, size, 3) float32, repeated forever.
    """
    images = kcv.data.load_images(
        run.data,
        seed=run.seed,
        start=start,
        on_error=run.on_error,
        validation=run.validation_part,
    ).dataset
    random = (run.seed, start)
    if scaled:
        images = kcv.data.random_short_side(images, size, 2 * size, *random)
    else:
        images = images.map(lambda x: enlarge_small(x, size))
    images = kcv.data.random_crop(images, size, *random)
    # Nine photographs are too few to train on as they are.
    if run.augment and run.data == "photographs":
        images = kcv.data.random_flip(images, *random)
        images = kcv.data.photometric(images, run.seed, start, **COLORS)
    squares = images.map(lambda x: tf.cast(x["images"], tf.float32))
    return squares.batch(batch_size, drop_remainder=True)


def enlarge_small(example: dict, size: int) -> dict:
    """Scale an image to a short side of `size` pixels if it is smaller.

    Args:
        example: Example with `images` (H, W, 3) uint8.
        size: Minimum short side in pixels.

    Returns:
        The example with an image that has the size.
    """
    image = example["images"]
    is_small = tf.reduce_min(tf.shape(image)[:2]) < size
    image = tf.cond(
        is_small,
        lambda: tf.cast(kcv.data.resize_short_side(image, size), tf.uint8),
        lambda: image,
    )
    return {**example, "images": image}


def make_optimizer(preset: str, plan: Plan) -> keras.optimizers.Optimizer:
    """Make the optimizer of a preset: the paper's Adam, or Muon."""
    if preset == "paper":
        # Torch's epsilon, where Keras has 1e-7.
        return keras.optimizers.Adam(plan.learning_rate, epsilon=1e-8)
    # Without clipping: the gradients of this objective are far above any
    # bound, and learning with one was slower.
    return kcv.optimizers.Muon(
        warm_cosine(plan.steps, plan.learning_rate),
        exclude_layers=["conv_last"],  # It makes the pixels.
        weight_decay=None,
        adam_weight_decay=None,
    )
