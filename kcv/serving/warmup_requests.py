"""Requests for the warm-up of a server, made from images or from noise."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from kcv.serving.limits import Limits
from kcv.serving.signatures import ENCODED
from kcv.serving.signatures import FLOAT
from kcv.serving.signatures import image_shape
from kcv.serving.signatures import place_shapes
from kcv.serving.signatures import takes_sizes
from kcv.serving.warmup import Request

# Regions per image in a warm-up request, where the model leaves it free.
_SOME_REGIONS = 16


def make_requests(
    examples: Sequence[np.ndarray] | None, model: keras.Model, limits: Limits
) -> list[Request]:
    """Make the warm-up requests of both signatures.

    Args:
        examples: Images (H, W, 3) uint8. If None, two images of noise are used.
        model: Keras model that is exported.
        limits: Sizes of the requests that the export answers.

    Returns:
        For encoded images, a request for each image and a request for a batch.
        For float images, a request for one small image.
    """
    noise = _noise(image_shape(model), limits.max_pixels)
    examples = noise if examples is None else list(examples)
    alone = [_encoded_request([image], model, limits) for image in examples]
    # A model that does not distinguish padding needs batches of one size.
    batch = [*examples, examples[0]] if takes_sizes(model) else examples[:1] * 2
    # One small float image: at 600x800 a record would be 5.8 MB.
    small = noise[0][np.newaxis].astype(np.float32)
    return [
        *alone,
        _encoded_request(batch[: limits.max_batch], model, limits),
        (FLOAT, {"images": small, **_places(noise[:1], model, limits)}),
    ]


def _encoded_request(images, model, limits) -> Request:
    encoded = [tf.io.encode_jpeg(image).numpy() for image in images]
    return ENCODED, {"image_bytes": encoded, **_places(images, model, limits)}


def _places(images, model, limits):
    """Make boxes or points in each image, if the model needs them."""
    random = np.random.default_rng(0)
    sides = np.array([(image.shape[1], image.shape[0]) for image in images])
    regions = min(_SOME_REGIONS, limits.max_proposals)
    places = {}
    for name, (count, numbers) in place_shapes(model).items():
        # A box has two corners, of which the first has the smaller numbers.
        corners = random.uniform(
            size=(len(images), count or regions, numbers // 2, 2)
        )
        corners = np.sort(corners, axis=2) * sides[:, None, None]
        places[name] = corners.reshape(len(images), -1, numbers).astype(
            np.float32
        )
    return places


def _noise(shape, max_pixels):
    """Two images of fixed noise: wide and tall where the size is free."""
    height, width, channels = shape
    scale = min(1.0, (max_pixels / (96 * 128)) ** 0.5)
    short, long = (max(1, int(side * scale)) for side in (96, 128))
    sizes = [(height or short, width or long)]
    if height is None and width is None:
        sizes.append((long, short))
    random = np.random.default_rng(0)
    return [
        random.integers(0, 256, (h, w, channels), dtype=np.uint8)
        for h, w in sizes
    ]
