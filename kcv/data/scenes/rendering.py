"""The pixels of one scene: backdrop, strokes, camera.

Letters: H, W canvas; S slots; n strokes present; N visible digits.
"""

import tensorflow as tf

from kcv.data.scenes.material import FIELD_SIDE
from kcv.data.scenes.material import SAMPLES

VISIBLE_SHARE = 0.4  # an object less visible than this is difficult
SMALLEST_HEIGHT = 12  # and so is one whose visible part is lower, in pixels
BLUR_TAPS = 7  # three standard deviations of the widest blur, 1.2, and less


def render(
    layout: dict[str, tf.Tensor],
    fields: tf.Tensor,
    photographs: tf.Tensor,
    sizes: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Render one scene from its layout.

    Args:
        layout: one row of what `draw_block` returns.
        fields: (K, 72, 72) float32 stroke fields, digits before distractors.
        photographs: (P, H, W, 3) uint8.
        sizes: (P, 2) float32 true heights and widths of the photographs.

    Returns:
        Dict of `image` (H, W, 3) uint8, `boxes` (N, 4) float32, `labels` (N,)
        int32, `difficult` (N,) bool, `share` (N,) float32 visible part of each
        digit, `masks` (N, H, W) bool of the visible pixels.
    """
    canvas = layout["canvas"]
    present = layout["present"]

    def of_present(key):
        return tf.boolean_mask(layout[key], present)

    strokes = tf.gather(fields, of_present("field"))  # (n, 72, 72)
    matrix = of_present("matrix")
    edge = of_present("edge")[:, None, None]
    ink = _place(strokes, matrix, of_present("offset"), canvas)  # (n, H, W)

    image = _backdrop(layout, photographs, sizes)
    image = _paint(image, ink - edge, of_present)
    image = _photograph(image, layout)

    # Each pixel belongs to the last stroke whose pen touched it.
    inked = ink > edge
    order = tf.range(1, tf.shape(ink)[0] + 1)
    owner = tf.reduce_max(tf.where(inked, order[:, None, None], 0), 0)
    masks = owner == order[:, None, None]
    area = tf.reduce_sum(tf.cast(masks, tf.float32), (1, 2))
    whole = tf.reduce_sum(tf.cast(strokes > edge, tf.float32), (1, 2))
    share = area / (whole * tf.abs(tf.linalg.det(matrix)))

    labels = of_present("label")
    kept = (labels >= 0) & (area > 0)
    masks = tf.boolean_mask(masks, kept)
    boxes = _tight_boxes(masks)
    share = tf.boolean_mask(share, kept)
    low = boxes[:, 3] - boxes[:, 1] < SMALLEST_HEIGHT
    return {
        "image": image,
        "boxes": boxes,
        "labels": tf.boolean_mask(labels, kept),
        "difficult": (share < VISIBLE_SHARE) | low,
        "share": share,
        "masks": masks,
    }


def _place(strokes, matrix, offset, canvas):
    """Sample the fields on the canvas: (n, H, W)."""
    # From pixels back to field samples; the operation counts both from the
    # middle of the first one, hence the halves.
    back = tf.linalg.inv(matrix)
    start = tf.linalg.matvec(back, 0.5 - offset) - 0.5
    count = tf.shape(strokes)[0]
    transforms = tf.concat(
        [
            back[:, 0],
            start[:, :1],
            back[:, 1],
            start[:, 1:],
            tf.zeros((count, 2)),
        ],
        1,
    )
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=strokes[..., None],
        transforms=transforms,
        output_shape=canvas,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )[..., 0]


def _paint(image, above, of_present):
    """Lay strokes over the image, the first one lowest."""
    # A pen's edge is one pixel wide or softer, up to a tenth of the height.
    height = of_present("height")
    cell = height * (SAMPLES * 8 / FIELD_SIDE) / 6
    width = 1 + of_present("softness") * height / 10
    gain = tf.maximum(cell / width, 1.0)[:, None, None]
    alpha = tf.clip_by_value(above * gain + 0.5, 0, 1)

    colours = _colours(image, alpha, of_present)
    alpha *= of_present("opacity")[:, None, None]
    clear = tf.math.cumprod(1 - alpha, 0, exclusive=True, reverse=True)
    seen = tf.reduce_prod(1 - alpha, 0)
    return image * seen[..., None] + tf.einsum(
        "nhw,nc->hwc", alpha * clear, colours
    )


def _colours(image, alpha, of_present):
    """Choose colours at a drawn distance from what lies around: (n, 3)."""
    total = tf.reduce_sum(alpha, (1, 2)) + 1e-3
    around = tf.einsum("nhw,hwc->nc", alpha, image) / total[:, None]
    away = of_present("colour") - around
    distance = tf.sqrt(tf.reduce_mean(away**2, -1)) + 1e-3
    wanted = of_present("contrast")
    # A vivid colour may be further away than was asked for, unless the
    # contrast is to be low.
    free = ~of_present("low_contrast") & (wanted > 40)
    reach = tf.where(free, tf.maximum(wanted, distance), wanted) / distance
    step = away * reach[:, None]
    one, other = around + step, around - step
    outside = tf.reduce_max(tf.abs(one - tf.clip_by_value(one, 0, 255)), -1)
    beyond = tf.reduce_max(tf.abs(other - tf.clip_by_value(other, 0, 255)), -1)
    chosen = tf.where((outside <= beyond)[:, None], one, other)
    return tf.clip_by_value(chosen, 0, 255)


def _backdrop(layout, photographs, sizes):
    """Make what lies behind the strokes: (H, W, 3) float32."""
    kind = layout["backdrop"]
    return tf.cond(
        kind < 0.75,
        lambda: _scenery(layout, photographs, sizes),
        lambda: _field(layout),
    )


def _scenery(layout, photographs, sizes):
    """Crop a photograph, or blend two, and change its colours."""
    extent = tf.cast(layout["canvas"], tf.float32)
    padded = tf.cast(tf.shape(photographs)[1:3], tf.float32)
    true = tf.gather(sizes, layout["photograph"])  # (2, 2)
    # The largest crop of the canvas's shape, then 30 to 100 % of its sides.
    fit = tf.reduce_min(true / extent, -1, keepdims=True)
    crop = fit * extent * (0.3 + 0.7 * layout["crop"][:, :1])
    corner = (true - crop) * layout["crop"][:, 1:]
    low, high = corner / (padded - 1), (corner + crop - 1) / (padded - 1)
    left = tf.where(layout["flip"], high[:, 1], low[:, 1])
    right = tf.where(layout["flip"], low[:, 1], high[:, 1])
    views = tf.image.crop_and_resize(
        photographs,
        tf.stack([low[:, 0], left, high[:, 0], right], 1),
        layout["photograph"],
        layout["canvas"],
    )
    share = tf.where(layout["backdrop"] < 0.5, 1.0, layout["blend"])
    image = views[0] * share + views[1] * (1 - share)

    grey = tf.reduce_mean(image, -1, keepdims=True)
    image = grey + (image - grey) * layout["saturation"]
    image = tf.where(layout["invert"], 255 - image, image)
    image = 128 + (image - 128) * layout["gain"] + layout["bias"]
    return tf.clip_by_value(image, 0, 255)


def _field(layout):
    """Fill the canvas with one colour, mostly with a texture upon it."""
    strength = tf.maximum(layout["texture"][0] - 0.3, 0.0) * 150
    # From a few wide clouds to a fine grain.
    cells = 3 + tf.cast(layout["texture"][1] ** 2 * 61, tf.int32)
    texture = tf.random.stateless_uniform(
        [1, cells, cells, 3],
        layout["pixel_seed"],
        -1.0,
        1.0,
        alg="philox",
    )
    texture *= strength
    clouds = tf.image.resize(texture, layout["canvas"], "bilinear")[0]
    image = layout["plain"] + clouds
    return tf.clip_by_value(image, 0, 255)


def _photograph(image, layout):
    """Take the picture: blur, noise, JPEG."""
    image = tf.cond(
        layout["blur"] > 0.3,
        lambda: _blur(image, layout["blur"]),
        lambda: image,
    )
    noise = tf.random.stateless_normal(
        tf.shape(image), layout["pixel_seed"] + 1, alg="philox"
    )
    image = tf.clip_by_value(image + noise * layout["noise"], 0, 255)
    image = tf.cast(tf.round(image), tf.uint8)
    encoded = tf.raw_ops.EncodeJpegVariableQuality(
        images=image, quality=layout["jpeg_quality"]
    )
    return tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE")


def _blur(image, deviation):
    steps = tf.range(BLUR_TAPS, dtype=tf.float32) - BLUR_TAPS // 2
    kernel = tf.nn.softmax(-(steps**2) / (2 * deviation**2))
    kernel = tf.tile(kernel[:, None], [1, 3])
    margin = BLUR_TAPS // 2
    image = tf.pad(
        image, [[margin, margin], [margin, margin], [0, 0]], "REFLECT"
    )[None]
    image = tf.nn.depthwise_conv2d(
        image, kernel[:, None, :, None], [1, 1, 1, 1], "VALID"
    )
    return tf.nn.depthwise_conv2d(
        image, kernel[None, :, :, None], [1, 1, 1, 1], "VALID"
    )[0]


def _tight_boxes(masks):
    """Return half-open xyxy boxes of masks that are not empty: (N, 4)."""
    rows = tf.cast(tf.reduce_any(masks, 2), tf.int32)
    columns = tf.cast(tf.reduce_any(masks, 1), tf.int32)
    height, width = tf.shape(masks)[1], tf.shape(masks)[2]
    boxes = tf.stack(
        [
            tf.argmax(columns, 1, tf.int32),
            tf.argmax(rows, 1, tf.int32),
            width - tf.argmax(columns[:, ::-1], 1, tf.int32),
            height - tf.argmax(rows[:, ::-1], 1, tf.int32),
        ],
        1,
    )
    return tf.cast(boxes, tf.float32)
