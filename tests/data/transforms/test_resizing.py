import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kcv.data.transforms.resizing import random_resize
from kcv.data.transforms.resizing import random_short_side
from kcv.data.transforms.resizing import resize
from kcv.data.transforms.resizing import resize_short_side


@pytest.mark.parametrize(
    ("size", "sides", "new", "scale"),
    [
        ((375, 500), (600, 1000), (600, 800), 1.6),
        ((500, 375), (600, 1000), (800, 600), 1.6),
        ((334, 500), (600, 1000), (600, 898), 600 / 334),
        ((200, 500), (600, 1000), (400, 1000), 2.0),
        # scale * long = 1000.4 rounds to 1000, which is not over the cap.
        ((299, 511), (48, 82), (48, 82), 48 / 299),
        ((1200, 1600), (600, 1000), (600, 800), 0.5),
        ((10, 700), (60, 100), (1, 100), 100 / 700),
    ],
)
def test_scale_follows_the_reference(
    size, sides, new, scale, make_example, as_dataset
):
    dataset = resize(as_dataset([make_example(*size)]), *sides)
    (example,) = dataset
    assert example["images"].shape == (*new, 3)
    np.testing.assert_allclose(example["scale"], scale, rtol=1e-6)


def test_landmarks_keep_their_place_in_the_box(make_example, as_dataset):
    example = make_example(40, 60, [[10, 8, 22, 20]])
    dataset = as_dataset([example]).map(
        # The center of the box, for which pixels count from their centers.
        lambda example: {**example, "landmarks": tf.constant([[15.5, 13.5]])}
    )
    (got,) = resize(dataset, 90, 200)
    (box,) = got["bounding_boxes"]["boxes"].numpy()
    center = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose(got["landmarks"], [center - 0.5], rtol=1e-5)


def test_cap_compares_the_rounded_side():
    # The fifth case above is only a test if it is where the two rules part.
    scale = 48 / 299
    assert scale * 511 > 82
    assert round(scale * 511) == 82


def bilinear(image, height, width):
    """Half-pixel centers, edges repeated."""

    def weights(new, old):
        position = (np.arange(new) + 0.5) * old / new - 0.5
        low = np.floor(position).astype(int)
        matrix = np.zeros((new, old))
        for row, (first, share) in enumerate(
            zip(low, position - low, strict=True)
        ):
            matrix[row, np.clip(first, 0, old - 1)] += 1 - share
            matrix[row, np.clip(first + 1, 0, old - 1)] += share
        return matrix

    return np.einsum(
        "yh,hwc,xw->yxc",
        weights(height, image.shape[0]),
        image.astype(float),
        weights(width, image.shape[1]),
    )


@pytest.mark.parametrize("short_side", [7, 26])
def test_pixels_equal_numpy(short_side, make_example, as_dataset):
    example = make_example(13, 19)
    (got,) = resize(as_dataset([example]), short_side, 1000)
    expected = bilinear(example["images"], *got["images"].shape[:2])
    np.testing.assert_allclose(
        got["images"].numpy().astype(float), expected, atol=0.501
    )


def test_boxes_and_masks_stay_on_their_pixels(make_example, as_dataset):
    example = make_example(24, 36, [[4, 6, 20, 18], [0, 0, 36, 24]])
    inside = np.zeros((2, 24, 36), np.uint8)
    inside[0, 6:18, 4:20] = 1
    inside[1] = 1
    example["images"][:] = 0
    example["images"][6:18, 4:20] = 200
    example["instance_masks"] = inside
    example["segmentation_masks"] = inside[0] * 3
    (got,) = resize(as_dataset([example]), 48, 1000)
    boxes = got["bounding_boxes"]["boxes"]
    np.testing.assert_allclose(boxes, [[8, 12, 40, 36], [0, 0, 72, 48]])
    expected = np.zeros((48, 72), np.uint8)
    expected[12:36, 8:40] = 1
    np.testing.assert_array_equal(got["instance_masks"][0], expected)
    np.testing.assert_array_equal(got["segmentation_masks"], expected * 3)
    np.testing.assert_array_equal(got["images"][..., 0] > 100, expected)


def test_whole_image_box_never_leaves_a_rounded_side(make_example, as_dataset):
    # 33 * 20 / 21 = 31.43 is 31 pixels wide: the box must not end at 31.43.
    example = make_example(21, 33, [[0, 0, 33, 21], [32.6, 3, 33, 9]])
    (got,) = resize(as_dataset([example]), 20, 1000)
    boxes = got["bounding_boxes"]["boxes"].numpy()
    np.testing.assert_allclose(boxes[0], [0, 0, 31, 20], rtol=1e-6)
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    own = example["bounding_boxes"]["boxes"] * got["scale"].numpy()
    np.testing.assert_allclose(boxes, own, atol=0.5)


def test_proposals_follow_as_boxes_do(make_example, as_dataset):
    boxes = [[4, 6, 20, 18], [0, 0, 33, 21], [32.6, 3, 33, 9]]
    example = make_example(21, 33, boxes)
    example["proposals"] = np.array(boxes, np.float32)
    (got,) = resize(as_dataset([example]), 20, 1000)
    np.testing.assert_array_equal(
        got["proposals"], got["bounding_boxes"]["boxes"]
    )
    example["proposals"] = example["proposals"][:0]
    (got,) = resize(as_dataset([example]), 20, 1000)
    assert got["proposals"].shape == (0, 4)


def test_an_image_alone_is_resized(make_example, as_dataset):
    image = {"images": make_example(10, 20)["images"]}
    (got,) = resize(as_dataset([image]), 5, 10)
    assert got["images"].shape == (5, 10, 3)


def test_no_objects_and_no_masks(make_example, as_dataset):
    example = make_example(8, 12)
    example["instance_masks"] = np.zeros((0, 8, 12), np.uint8)
    (got,) = resize(as_dataset([example]), 16, 1000)
    assert got["bounding_boxes"]["boxes"].shape == (0, 4)
    assert got["instance_masks"].shape == (0, 16, 24)


def test_scales_multiply(make_example, as_dataset):
    dataset = as_dataset([make_example(10, 10)])
    (got,) = resize(resize(dataset, 20, 20), 60, 60)
    assert float(got["scale"]) == 6


def test_sides_are_checked(make_example, as_dataset):
    dataset = as_dataset([make_example(10, 10)])
    with pytest.raises(ValueError, match="short_side=9, long_side=8"):
        resize(dataset, 9, 8)


def test_random_sizes_are_all_there_and_stay(make_example, as_dataset):
    examples = [make_example(30, 40) for _ in range(60)]

    def sizes(start, count):
        dataset = as_dataset(examples[:count])
        dataset = random_resize(dataset, (15, 30, 60), 72, seed=3, start=start)
        return [example["images"].shape[:2] for example in dataset]

    whole = sizes(0, 60)
    # The last is (60, 80) but for the cap.
    assert set(whole) == {(15, 20), (30, 40), (54, 72)}
    assert min(whole.count(size) for size in set(whole)) > 10
    # Of a stream that begins in its midst.
    assert sizes(40, 20) == whole[40:]


@pytest.mark.parametrize("short_sides", [(), (0, 20), (20, 80)])
def test_no_random_sizes(short_sides, make_example, as_dataset):
    with pytest.raises(ValueError, match="1 <= short_sides <= long_side"):
        random_resize(as_dataset([make_example(8, 9)]), short_sides, 72, seed=0)


def photograph(height, width):
    """Random blocks of four pixels: neither noise nor smooth."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (height // 4 + 1, width // 4 + 1, 3))
    return blocks.repeat(4, 0).repeat(4, 1)[:height, :width].astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((375, 500), (64, 85)),
        ((500, 333), (96, 64)),
        ((40, 50), (64, 80)),
        ((64, 99), (64, 99)),
    ],
)
def test_resizing_is_pillows(size, expected):
    image = photograph(*size)
    got = resize_short_side(image, 64).numpy()
    assert got.shape == (*expected, 3)
    bilinear = (expected[::-1], Image.Resampling.BILINEAR)
    # Of 8 bits Pillow rounds twice, along the rows and along the columns.
    eight_bits = np.asarray(Image.fromarray(image).resize(*bilinear))
    assert np.abs(got - eight_bits).max() <= 1
    for channel in range(3):
        real = Image.fromarray(image[..., channel].astype("float32"))
        real = np.asarray(real.resize(*bilinear))
        assert np.abs(got[..., channel] - real).max() <= 0.5001
    np.testing.assert_array_equal(resize_short_side(image[None], 64)[0], got)


def test_a_short_side_is_positive():
    with pytest.raises(ValueError, match="short_side=0"):
        resize_short_side(np.zeros((8, 8, 3)), 0)


def test_short_sides_are_drawn_evenly():
    image = np.arange(600).reshape(10, 20, 3).astype(np.uint8)
    dataset = tf.data.Dataset.from_tensors({"images": image}).repeat(600)
    sides = []
    for example in random_short_side(dataset, 8, 11, seed=1):
        height, width = example["images"].shape[:2]
        assert width == 2 * height
        sides.append(height - 8)
        np.testing.assert_array_equal(
            example["images"], resize_short_side(image, height)
        )
    counts = np.bincount(sides, minlength=4)
    np.testing.assert_allclose(counts, 150, atol=0.25 * 150)
    for least, most in ((0, 5), (6, 5)):
        with pytest.raises(ValueError, match=f"max_side={most}"):
            random_short_side(dataset, least, most, seed=1)
