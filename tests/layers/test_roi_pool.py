import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.layers import RoIPool
from kcv.layers.portable import portable_operations
from kcv.layers.roi_pool import running_maxima


def pool_by_loops(features, boxes, size, scale):
    """RoI pooling as its definition reads, one bin at a time."""
    batch, height, width, channels = features.shape
    pooled = np.zeros((batch, boxes.shape[1], size, size, channels), "float32")

    def bins(first, last, limit):
        first, last = (
            int(np.sign(c) * np.floor(abs(c) + 0.5)) for c in (first, last)
        )
        step = np.float32(max(last - first + 1, 1)) / np.float32(size)
        for p in range(size):
            begin = first + int(np.floor(np.float32(p) * step))
            end = first + int(np.ceil(np.float32(p + 1) * step))
            yield min(max(begin, 0), limit), min(max(end, 0), limit)

    for b, n in np.ndindex(boxes.shape[:2]):
        x1, y1, x2, y2 = boxes[b, n] * np.float32(scale)
        for i, (top, bottom) in enumerate(bins(y1, y2, height)):
            for j, (left, right) in enumerate(bins(x1, x2, width)):
                cells = features[b, top:bottom, left:right]
                if cells.size:
                    pooled[b, n, i, j] = cells.max((0, 1))
    return pooled


def value_and_gradient(layer, features, boxes, upstream):
    @tf.function
    def run(features):
        with tf.GradientTape() as tape:
            tape.watch(features)
            pooled = layer([features, boxes])
        return pooled, tape.gradient(pooled, features, upstream)

    return (x.numpy() for x in run(tf.constant(features)))


@pytest.mark.parametrize("k", range(4))
def test_equals_torchvision(golden, k):
    case = np.load(golden / "roi_pool.npz")
    layer = RoIPool(int(case[f"pool_{k}"]), float(case[f"scale_{k}"]))
    pooled, gradient = value_and_gradient(
        layer,
        case[f"features_{k}"],
        case[f"boxes_{k}"],
        case[f"upstream_{k}"],
    )
    np.testing.assert_array_equal(pooled, case[f"output_{k}"])
    # The same summands; float32 sums depend on their order.
    np.testing.assert_allclose(
        gradient, case[f"grad_features_{k}"], rtol=1e-5, atol=5e-6
    )


@pytest.mark.parametrize(("size", "scale"), [(7, 1 / 16), (3, 0.25), (1, 1.0)])
def test_equals_loops(size, scale):
    rng = np.random.default_rng(size)
    features = rng.standard_normal((2, 19, 33, 3)).astype("float32")
    corner = rng.uniform(-60, 500, (2, 40, 2))
    sides = rng.uniform(-10, 700, (2, 40, 2))
    boxes = np.concatenate([corner, corner + sides], -1).astype("float32")
    np.testing.assert_array_equal(
        tf.function(RoIPool(size, scale))([features, boxes]),
        pool_by_loops(features, boxes, size, scale),
    )


def test_halves_round_away_from_zero_and_sizes_round_like_float32():
    features = np.arange(80, dtype="float32").reshape(1, 1, 80, 1)
    # 8 / 16 = 0.5 goes to cell 1 (to the even cell 0 in NumPy's rounding).
    boxes = np.array([[[8.0, 0, 8, 0]]], "float32")
    assert RoIPool(1, 1 / 16)([features, boxes]).numpy().item() == 1
    # 57 cells in 7 bins: the last ends at ceil(float32(57 / 7) * 7) = 58.
    boxes = np.array([[[0.0, 0, 56, 0]]], "float32")
    pooled = RoIPool(7, 1.0)([features, boxes]).numpy()
    np.testing.assert_array_equal(
        pooled, pool_by_loops(features, boxes, 7, 1.0)
    )
    assert pooled[0, 0, 0, -1, 0] == 57


def test_sizes_hide_what_lies_beyond_an_image():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, 12, 16, 2)).astype("float32")
    boxes = np.array([[[0.0, 0, 300, 300], [64, 32, 160, 120]]] * 2, "float32")
    sizes = np.array([[12, 16], [7, 9]], "int32")
    pooled = RoIPool(4, 1 / 16)([features, boxes, sizes]).numpy()
    alone = RoIPool(4, 1 / 16)([features[1:, :7, :9], boxes[1:]]).numpy()
    np.testing.assert_array_equal(pooled[1], alone[0])


def test_gradient_is_that_of_differences():
    rng = np.random.default_rng(3)
    features = rng.permutation(6 * 5 * 2).reshape(1, 6, 5, 2).astype("float32")
    boxes = np.array([[[0.0, 0, 4, 5], [1, 2, 3, 3]]], "float32")
    upstream = rng.standard_normal((1, 2, 2, 2, 2)).astype("float32")
    layer = RoIPool(2, 1.0)
    pooled, gradient = value_and_gradient(layer, features, boxes, upstream)
    for index in np.ndindex(*features.shape):
        nudged = features.copy()
        nudged[index] += 0.25  # less than the distance of any two values
        change = layer([nudged, boxes]).numpy() - pooled
        expected = (change * upstream).sum() / 0.25
        assert gradient[index] == pytest.approx(expected, abs=1e-4)


def test_no_gradient_reaches_the_boxes():
    boxes = tf.Variable([[[0.0, 0, 3, 3]]])
    with tf.GradientTape() as tape:
        pooled = RoIPool(2, 1.0)([tf.ones((1, 4, 4, 1)), boxes])
    assert tape.gradient(pooled, boxes) is None


def test_boxes_keep_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = RoIPool(1, 1.0)
    finally:
        keras.config.set_dtype_policy("float32")
    features = np.zeros((1, 1, 600, 1), "float32")
    features[0, 0, 513] = 1
    boxes = tf.constant([[[513.0, 0, 513, 0]]])  # cell 512 in bfloat16
    pooled = layer([tf.cast(features, "bfloat16"), boxes])
    assert pooled.dtype == "bfloat16"
    assert pooled.numpy().item() == 1


def test_running_maxima():
    x = np.array([3, 1, 4, 1, 5, 9, 2], "float32")
    stacked = running_maxima(tf.constant(x), 0, 4).numpy()
    for level, window in enumerate((1, 2, 4, 8)):
        expected = [x[i : i + window].max() for i in range(len(x))]
        np.testing.assert_array_equal(stacked[level], expected)


def test_operations_of_converters_give_the_same():
    random = np.random.default_rng(0)
    features = random.normal(size=(2, 60, 70, 2)).astype("float32")
    corners = random.uniform(-9, 140, (2, 40, 2, 2))
    corners[0, 0] = [[0, 0], [113, 113]]  # 57 cells, see `_bins`
    boxes = np.sort(corners, 2).reshape(2, 40, 4).astype("float32")
    layer = RoIPool(7, 0.5)
    expected = layer([features, boxes])

    @tf.function
    def pool(features, boxes):
        with portable_operations():
            return layer([features, boxes])

    np.testing.assert_array_equal(pool(features, boxes), expected)


def test_contract(check_layer):
    features = np.random.default_rng(0).normal(size=(2, 9, 9, 3))
    boxes = [[[0, 0, 9, 12], [2, 3, 17, 8]], [[-4, 1, 5, 6], [0, 0, 0, 0]]]
    features, boxes = features.astype("float32"), np.array(boxes, "float32")
    check_layer(
        RoIPool(3, 0.5),
        [features, boxes],
        expected=pool_by_loops(features, boxes, 3, 0.5),
        free=[(None, None, None, 3), (None, None, 4)],
        differentiable=(True, False),
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 1.0), "output_size=0"), ((7, 0.0), "spatial_scale=0")],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        RoIPool(*arguments)


def test_no_boxes_are_no_regions():
    pooled = RoIPool(2, 1.0)(
        [np.ones((1, 4, 4, 3), "float32"), np.zeros((1, 0, 4))]
    )
    assert pooled.shape == (1, 0, 2, 2, 3)
