"""The pixels of one scene: backdrop, strokes and camera.

Letters: H, W height and width of the canvas; n strokes or digits that are
present; N visible digits.
"""

import functools
from typing import NamedTuple

import tensorflow as tf

from kcv.data.embedded.scenes import material
from kcv.data.embedded.scenes.layout import BLUR_REACH

VISIBLE_SHARE = 0.4  # an object less visible than this is difficult
SMALLEST_HEIGHT = 12  # pixels; an object of a lower visible part is difficult
PEN = (
    "field",
    "window",
    "transform",
    "magnification",
    "edge",
    "gain",
    "opacity",
    "color",
    "contrast",
)  # entries of a layout that belong to a stroke
NOISE = 2**20  # minimum number of random numbers in the store of noise


class Store(NamedTuple):
    """The material of all scenes of a split.

    Attributes:
        fields: Strokes (K, 72, 72) float32, those of digits first.
        photographs: Photographs (P, H, W, 3) uint8, padded with zeros.
        noise: Normal random numbers (M,) float32. They are stored because
            drawing them for each scene is slow.
    """

    fields: tf.Tensor
    photographs: tf.Tensor
    noise: tf.Tensor


@functools.cache
def store(split: str, short_side: int) -> Store:
    """Return the strokes, photographs and noise for scenes of a split.

    Args:
        split: "train" or "test".
        short_side: Short side of the scenes, in pixels.

    Returns:
        The material, which is made once for each pair of arguments.
    """
    digits = material.digits(split)
    distractors = material.distractors(split)
    photographs = material.photographs(split)
    noise = max(NOISE, 8 * short_side**2)  # two of the largest canvases
    return Store(
        tf.concat([digits.fields, distractors.fields], 0),
        tf.constant(photographs.pixels),
        tf.random.stateless_normal([noise], [0, 0], alg="philox"),
    )


def render(layout: dict[str, tf.Tensor], store: Store) -> dict[str, tf.Tensor]:
    """Render one scene from its layout.

    Args:
        layout: One row of the tensors that `draw_block` returns.
        store: Material of the same split.

    Returns:
        Dict of `image` (H, W, 3) uint8, `boxes` (N, 4) float32, `labels` (N,)
        int32, `difficult` (N,) bool, `share` (N,) float32 visible part of each
        digit, `masks` (N, H, W) bool of the visible pixels.
    """
    image = _scenery(layout, store)
    present = tf.where(layout["present"])[:, 0]  # (n,)
    image, owner, whole = _paint(image, present, layout, store)
    image = _photograph(image, layout, store)

    # Each pixel belongs to the last stroke whose pen touched it.
    labels = tf.gather(layout["label"], present)
    digits = tf.where(labels >= 0)[:, 0]
    slots = tf.cast(tf.gather(present, digits) + 1, tf.uint8)
    masks = tf.equal(owner, slots[:, None, None])
    # Products with ones count faster than sums.
    height, width = tf.unstack(layout["canvas"])
    counted = tf.cast(masks, tf.float32)
    rows = tf.matmul(counted, tf.ones([width, 1]))[..., 0]  # (n, H)
    columns = tf.matmul(tf.ones([1, height]), counted)[:, 0]  # (n, W)
    area = tf.reduce_sum(rows, 1)

    visible = tf.where(area > 0)[:, 0]
    rows, columns = tf.gather(rows, visible), tf.gather(columns, visible)
    boxes = _tight_boxes(rows > 0, columns > 0)
    low = boxes[:, 3] - boxes[:, 1] < SMALLEST_HEIGHT
    share = area / tf.gather(whole, digits)
    share = tf.gather(share, visible)
    return {
        "image": image,
        "boxes": boxes,
        "labels": tf.gather(labels, tf.gather(digits, visible)),
        "difficult": (share < VISIBLE_SHARE) | low,
        "share": share,
        "masks": tf.gather(masks, visible),
    }


def _paint(image, present, layout, store):
    """Draw strokes on the image, one after another.

    Returns:
        The image, `owner` (H, W) uint8, the slot + 1 of the uppermost stroke of
        each pixel (0 if there is none), and the area of each whole stroke (n,).
    """
    chosen = {key: tf.gather(layout[key], present) for key in PEN}
    canvas = layout["canvas"]
    blank = tf.zeros(canvas, tf.uint8)
    count = tf.size(present)

    def paint(step, image, owner, whole):
        pen = {key: tf.gather(chosen[key], step) for key in PEN}
        field = tf.gather(store.fields, pen["field"])
        corner, size = pen["window"][:2], pen["window"][2:]
        above = tf.raw_ops.ImageProjectiveTransformV3(
            images=field[None, ..., None],
            transforms=pen["transform"][None],
            output_shape=size,
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )[0]  # (h, w, 1)
        above -= pen["edge"]
        alpha = above * pen["gain"] + 0.5
        alpha = tf.clip_by_value(alpha, 0.0, pen["opacity"])

        under = tf.slice(
            image, tf.concat([corner, [0]], 0), tf.concat([size, [3]], 0)
        )
        color = _fit_color(under, alpha, pen)
        mine = tf.cast(tf.gather(present, step) + 1, tf.uint8)
        mine *= tf.cast(above[..., 0] > 0, tf.uint8)
        # Padding is fast in two dimensions and slow in three.
        margins = tf.stack([corner, canvas - corner - size], 1)
        owner = tf.maximum(owner, tf.pad(mine, margins))
        change = tf.reshape(alpha * (color - under), [size[0], -1])
        change = tf.pad(change, margins * [[1], [3]])
        image += tf.reshape(change, tf.shape(image))
        inked = tf.math.count_nonzero(field > pen["edge"], dtype=tf.int32)
        area = tf.cast(inked, tf.float32) * pen["magnification"]
        whole = tf.tensor_scatter_nd_update(whole, [[step]], [area])
        return step + 1, image, owner, whole

    _, image, owner, whole = tf.while_loop(
        lambda step, *_: step < count,
        paint,
        (0, image, blank, tf.zeros([count])),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, None, 3]),
            tf.TensorShape([None, None]),
            tf.TensorShape([None]),
        ),
        parallel_iterations=1,
    )
    return image, owner, whole


def _fit_color(under, alpha, pen):
    """Limit the distance of the drawn color from the color below it."""
    around = tf.reduce_sum(under * alpha, (0, 1))
    around /= tf.reduce_sum(alpha) + 1e-3
    away = pen["color"] - around
    distance = tf.sqrt(tf.reduce_mean(away**2)) + 1e-3
    least, most = tf.unstack(pen["contrast"])
    away *= tf.clip_by_value(distance, least, most) / distance
    color = around + away
    # A channel that leaves the range is moved in the opposite direction.
    outside = tf.abs(color - 127.5) > 127.5
    color = tf.where(outside, around - away, color)
    return tf.clip_by_value(color, 0.0, 255.0)


def _scenery(layout, store):
    """Crop a photograph, or blend two, and change the colors."""

    def blended():
        share = layout["blend"]
        second = _crop(layout, store, 1)
        return share * _crop(layout, store, 0) + (1 - share) * second

    image = tf.cond(layout["blended"], blended, lambda: _crop(layout, store, 0))
    pixels = tf.reshape(image, [-1, 3]) @ layout["mixing"]
    pixels = tf.nn.bias_add(pixels, layout["bias"])
    return tf.reshape(tf.clip_by_value(pixels, 0.0, 255.0), tf.shape(image))


def _crop(layout, store, which):
    """Crop a photograph and resize it to the canvas."""
    y, x, height, width = tf.unstack(layout["crop"][which])
    view = tf.slice(
        store.photographs,
        [layout["photograph"][which], y, x, 0],
        [1, height, width, 3],
    )
    view = tf.raw_ops.ResizeBilinear(
        images=view, size=layout["canvas"], half_pixel_centers=True
    )[0]
    flip = layout["flip"][which]
    return tf.raw_ops.Reverse(tensor=view, dims=[False, flip, False])


def _noise(layout, store, shape):
    """Take numbers from the store, at a position that the layout sets."""
    count = tf.reduce_prod(shape)
    free = tf.cast(tf.size(store.noise) - count, tf.float32)
    start = tf.cast(layout["noise_offset"] * free, tf.int32)
    return tf.reshape(store.noise[start : start + count], shape)


def _photograph(image, layout, store):
    """Simulate the camera: blur, noise, JPEG."""
    image = tf.cond(
        layout["blurred"],
        lambda: _blur(image, layout["blur"]),
        lambda: image,
    )
    image += _noise(layout, store, tf.shape(image)) * layout["noise"]
    # Adds a half, because the cast truncates.
    image = tf.cast(tf.clip_by_value(image + 0.5, 0.0, 255.5), tf.uint8)
    encoded = tf.raw_ops.EncodeJpegVariableQuality(
        images=image, quality=layout["jpeg_quality"]
    )
    return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")


def _blur(image, kernel):
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    reach = BLUR_REACH
    image = tf.concat([image[:reach], image, image[-reach:]], 0)
    image = tf.concat([image[:, :reach], image, image[:, -reach:]], 1)
    weights = tf.unstack(kernel)
    # For three channels, sums of shifted images are faster than a convolution.
    image = tf.add_n([w * image[k : k + height] for k, w in enumerate(weights)])
    return tf.add_n(
        [w * image[:, k : k + width] for k, w in enumerate(weights)]
    )


def _tight_boxes(rows, columns):
    """Return half-open xyxy boxes around occupied rows and columns: (n, 4)."""
    rows, columns = tf.cast(rows, tf.int32), tf.cast(columns, tf.int32)
    boxes = tf.stack(
        [
            tf.argmax(columns, 1, tf.int32),
            tf.argmax(rows, 1, tf.int32),
            tf.shape(columns)[1] - tf.argmax(columns[:, ::-1], 1, tf.int32),
            tf.shape(rows)[1] - tf.argmax(rows[:, ::-1], 1, tf.int32),
        ],
        1,
    )
    return tf.cast(boxes, tf.float32)
