import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import RegionWarp


def rounded(x):
    return int(np.sign(x) * np.floor(abs(x) + 0.5))


def resize_bilinear(image, height, width):
    """Sample at pixel centers, the edge repeated, without antialiasing."""
    for axis, size in ((0, height), (1, width)):
        old = image.shape[axis]
        source = (np.arange(size) + 0.5) * old / size - 0.5
        source = source.clip(0, old - 1)
        low = np.floor(source).astype(int)
        high = np.minimum(low + 1, old - 1)
        weight = (source - low).reshape([-1, 1, 1] if axis == 0 else [-1, 1])
        image = (1 - weight) * image.take(low, axis) + weight * image.take(
            high, axis
        )
    return image


def warp_by_steps(image, box, size, context):
    """One window, as R-CNN's procedure reads."""
    x1, y1, x2, y2 = map(float, box)
    window = np.zeros((size, size, image.shape[-1]))
    if x2 <= x1 or y2 <= y1:
        return window
    grow = size / (size - 2 * context)
    edges = []
    for low, high, limit in (
        (x1, x2, image.shape[1]),
        (y1, y2, image.shape[0]),
    ):
        middle, half = (low + high) / 2, (high - low) / 2 * grow
        begin, end = rounded(middle - half), rounded(middle + half)
        end = max(end, begin + 1)
        inner = [min(max(edge, 0), limit) for edge in (begin, end)]
        scale = size / (end - begin)
        length = rounded((inner[1] - inner[0]) * scale)
        offset = rounded((inner[0] - begin) * scale)
        edges.append((*inner, offset, min(length, size - offset)))
    (left, right, x, width), (top, bottom, y, height) = edges
    if width > 0 and height > 0:
        part = image[top:bottom, left:right].astype(float)
        window[y : y + height, x : x + width] = resize_bilinear(
            part, height, width
        )
    return window


def boxes_of_all_kinds(random, count, height, width):
    """Inside, across each border, outside, thin, and as large as the image."""
    corner = random.uniform(-30, [width, height], (count, 2))
    boxes = np.concatenate(
        [corner, corner + random.uniform(1, 90, (count, 2))], -1
    )
    boxes[0] = [0, 0, width, height]
    boxes[1] = [0, 0, 5, 7]
    boxes[2] = [width - 4, height - 9, width, height]
    boxes[3] = 0
    boxes[4] = [width + 50, 0, width + 60, 10]
    boxes[5] = [10, 10, 10.3, 60]
    boxes[6] = [3.5, 4.5, 18.5, 30.5]
    return boxes.astype("float32")


@pytest.mark.parametrize(
    ("size", "context"), [(227, 16), (224, 16), (48, 4), (7, 0)]
)
def test_equals_the_steps_of_the_procedure(size, context):
    random = np.random.default_rng(size)
    images = random.normal(size=(2, 61, 83, 3)).astype("float32")
    sizes = np.array([[61, 83], [50, 64]], "int32")
    boxes = np.stack([boxes_of_all_kinds(random, 12, *s) for s in sizes])
    windows = tf.function(RegionWarp(size, context))([images, boxes, sizes])
    for i, (height, width) in enumerate(sizes):
        for box, window in zip(boxes[i], windows[i].numpy(), strict=True):
            expected = warp_by_steps(
                images[i, :height, :width], box, size, context
            )
            np.testing.assert_allclose(window, expected, atol=1e-4)


def test_equals_tensorflows_resize_within_the_image():
    """Side 32 and context 4 of 16: an integer window of 64 x 32 pixels."""
    image = np.random.default_rng(0).normal(size=(1, 99, 99, 3))
    image = image.astype("float32")
    boxes = tf.constant([[[20.0, 30, 52, 46]]])
    window = RegionWarp(16, 4)([image, boxes])[0, 0]
    expected = tf.image.resize(image[0, 22:54, 4:68], (16, 16))
    np.testing.assert_allclose(window, expected, atol=1e-6)


@pytest.mark.parametrize(("size", "inner"), [(227, 195), (224, 192)])
def test_sixteen_pixels_of_context_on_each_side(size, inner):
    """Of a box as large as a window's inner part nothing is resized."""
    columns = np.arange(400, dtype="float32")
    image = np.tile(columns[None, None, :, None], (1, 400, 1, 1))
    box = [[[100.0, 90, 100 + inner, 90 + inner]]]
    window = RegionWarp(size)([image, tf.constant(box)])[0, 0, :, :, 0]
    np.testing.assert_array_equal(window[50], np.arange(84, 84 + size))


def test_outside_the_image_is_zero():
    """A corner box: the context above and to the left does not exist."""
    image = np.ones((1, 300, 300, 1), "float32")
    window = RegionWarp(227)([image, tf.constant([[[0.0, 0, 195, 195]]])])
    expected = np.zeros((227, 227))
    expected[16:, 16:] = 1
    np.testing.assert_array_equal(window[0, 0, :, :, 0], expected)


def test_what_stands_in_the_padding_of_a_batch_does_not_matter():
    image = np.full((1, 40, 40, 1), 9, "float32")
    image[:, 30:] = image[:, :, 20:] = 1e9
    boxes = tf.constant([[[5.0, 5, 20, 30], [0, 0, 40, 40]]])
    windows = RegionWarp(32, 4)([image, boxes, tf.constant([[30, 20]])])
    assert set(np.unique(windows)) == {0, 9}


def test_no_boxes():
    windows = RegionWarp(8, 1)([tf.ones((2, 9, 9, 3)), tf.zeros((2, 0, 4))])
    assert windows.shape == (2, 0, 8, 8, 3)


def test_boxes_keep_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = RegionWarp(1, 0)
    finally:
        keras.config.set_dtype_policy("float32")
    image = np.zeros((1, 1, 600, 1), "float32")
    image[0, 0, 513] = 1
    boxes = tf.constant([[[513.0, 0, 514, 1]]])  # column 512 in bfloat16
    window = layer([tf.cast(image, "bfloat16"), boxes])
    assert window.dtype == "bfloat16"
    assert window.numpy().item() == 1


def test_the_gradient_reaches_the_image_and_no_box():
    images = tf.Variable(np.random.default_rng(0).normal(size=(1, 5, 6, 2)))
    boxes = tf.Variable([[[0.5, 1, 5, 4.5]]])
    layer = RegionWarp(6, 1)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer([images, boxes]) ** 2)
    to_images, to_boxes = tape.gradient(total, [images, boxes])
    assert to_boxes is None
    change = np.random.default_rng(1).normal(size=images.shape)
    nudged = [
        tf.reduce_sum(layer([images + s * 0.1 * change, boxes]) ** 2)
        for s in (1, -1)
    ]
    slope = (nudged[0] - nudged[1]) / 0.2
    np.testing.assert_allclose(np.sum(to_images * change), slope, rtol=1e-3)


def test_contract(check_layer):
    images = np.random.default_rng(0).normal(size=(2, 9, 9, 3))
    boxes = [[[0, 0, 9, 12], [2, 3, 7, 8.5]], [[-4, 1, 5, 6], [0, 0, 0, 0]]]
    check_layer(
        RegionWarp(8, 2),
        [images.astype("float32"), np.array(boxes, "float32")],
        expected=[
            [warp_by_steps(image, box, 8, 2) for box in own]
            for image, own in zip(images, boxes, strict=True)
        ],
        free=[(None, None, None, 3), (None, None, 4)],
        differentiable=(True, False),
        gradient_dtype="float32",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 0), "size=0"), ((32, 16), "context=16"), ((32, -1), "context=-1")],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        RegionWarp(*arguments)
