import numpy as np
import pytest
import tensorflow as tf
from skimage.color import hsv2rgb
from skimage.color import rgb2hsv

from kcv.data.transforms.flips_and_color import PCA_EIGENVALUES
from kcv.data.transforms.flips_and_color import PCA_EIGENVECTORS
from kcv.data.transforms.flips_and_color import pca_color
from kcv.data.transforms.flips_and_color import photometric
from kcv.data.transforms.flips_and_color import random_flip

BOXES = [[2, 3, 9, 8], [0, 0, 17, 11], [12.25, 1, 17, 2]]
COUNT = 40


def masked(make_example, boxes, image_id="one", seed=0):
    example = make_example(11, 17, boxes, image_id=image_id, seed=seed)
    rng = np.random.default_rng(seed)
    example["proposals"] = example["bounding_boxes"]["boxes"].copy()
    example["segmentation_masks"] = rng.integers(
        0, 256, (11, 17), dtype=np.uint8
    )
    example["instance_masks"] = rng.integers(
        0, 2, (len(boxes), 11, 17), dtype=np.uint8
    )
    return example


@pytest.fixture
def examples(make_example):
    """Every third of them without objects."""
    return [
        masked(make_example, BOXES if k % 3 else [], str(k), k)
        for k in range(COUNT)
    ]


def was_flipped(got, example):
    flipped = np.array_equal(got["images"], example["images"][:, ::-1])
    assert flipped != np.array_equal(got["images"], example["images"])
    return flipped


def test_flip_moves_landmarks_and_changes_their_sides():
    landmarks = np.array([[3, 2], [9, 4], [6, 5], [4, 8], [8, 9]])
    image = np.zeros((11, 17, 3), np.uint8)
    for number, (x, y) in enumerate(landmarks):
        image[y, x] = 10 * (number + 1)
    example = {"images": image, "landmarks": landmarks.astype("float32")}
    dataset = tf.data.Dataset.from_tensors(example).repeat(20)
    flips = 0
    for got in random_flip(dataset, 1):
        places = got["landmarks"].numpy().astype(int)
        values = got["images"].numpy()[places[:, 1], places[:, 0], 0]
        flipped = values.tolist() == [20, 10, 30, 50, 40]
        assert flipped or values.tolist() == [10, 20, 30, 40, 50]
        assert places[0, 0] < places[1, 0]
        flips += flipped
    assert 4 < flips < 16


def test_flip_moves_pixels_boxes_and_masks_together(examples, as_dataset):
    flips = 0
    for got, example in zip(
        random_flip(as_dataset(examples), 1), examples, strict=True
    ):
        boxes = example["bounding_boxes"]["boxes"]
        step = 1
        if was_flipped(got, example):
            flips += 1
            step = -1
            boxes = np.stack(
                [17 - boxes[:, 2], boxes[:, 1], 17 - boxes[:, 0], boxes[:, 3]],
                -1,
            )
        for key in ("segmentation_masks", "instance_masks"):
            assert got[key].dtype == tf.uint8
            np.testing.assert_array_equal(
                got[key], example[key][..., :: int(step)]
            )
        np.testing.assert_allclose(
            got["bounding_boxes"]["boxes"], boxes, atol=1e-5
        )
        np.testing.assert_allclose(got["proposals"], boxes, atol=1e-5)
        np.testing.assert_array_equal(
            got["bounding_boxes"]["labels"],
            example["bounding_boxes"]["labels"],
        )
        assert got["images"].dtype == tf.uint8
        assert got["image_id"] == example["image_id"].encode()
    # Of 40 fair coins, 10 to 30 with a probability of .9989.
    assert 10 <= flips <= 30


def test_flip_keeps_the_pixels_under_a_box(make_example, as_dataset):
    example = make_example(11, 17, [[2, 3, 9, 8]])
    under = example["images"][3:8, 2:9]
    seen = set()
    for got in random_flip(as_dataset([example] * 20), 0):
        x1, y1, x2, y2 = np.rint(got["bounding_boxes"]["boxes"][0]).astype(int)
        step = -1 if was_flipped(got, example) else 1
        seen.add(step)
        np.testing.assert_array_equal(
            got["images"][y1:y2, x1:x2][:, ::step], under
        )
    assert seen == {-1, 1}


@pytest.mark.parametrize("augment", [random_flip, photometric])
def test_is_a_function_of_seed_and_position(augment, examples, as_dataset):
    def images(examples, seed, start=0):
        dataset = augment(as_dataset(examples), seed, start)
        return [example["images"].numpy() for example in dataset]

    whole = images(examples, 5)
    np.testing.assert_array_equal(images(examples, 5), whole)
    np.testing.assert_array_equal(images(examples[13:], 5, 13), whole[13:])
    assert any(
        (a != b).any() for a, b in zip(whole, images(examples, 6), strict=True)
    )
    # Position counts, not the example.
    same = images([examples[0]] * COUNT, 5)
    assert len({image.tobytes() for image in same}) > 1


def test_photometric_leaves_boxes_and_masks(examples, as_dataset):
    for got, example in zip(
        photometric(as_dataset(examples), 1), examples, strict=True
    ):
        for key in ("segmentation_masks", "instance_masks", "difficult"):
            np.testing.assert_array_equal(got[key], example[key])
        np.testing.assert_array_equal(
            got["bounding_boxes"]["boxes"], example["bounding_boxes"]["boxes"]
        )
        assert got["images"].dtype == tf.uint8


def changed(make_example, as_dataset, **strength):
    """A picture of middling colors, before and after ten changes."""
    example = make_example(9, 9)
    example["images"] = example["images"] // 4 + 96  # 96 to 159
    none = dict.fromkeys(("brightness", "contrast", "saturation", "hue"), 0)
    dataset = photometric(as_dataset([example] * 10), 3, **{**none, **strength})
    before = example["images"].astype(float)
    return before, [x["images"].numpy().astype(float) for x in dataset]


def test_strength_zero_changes_nothing(make_example, as_dataset):
    before, after = changed(make_example, as_dataset)
    np.testing.assert_array_equal(after, [before] * 10)


def test_brightness_adds(make_example, as_dataset):
    before, after = changed(make_example, as_dataset, brightness=0.2)
    shifts = [image.mean() - before.mean() for image in after]
    assert max(np.abs(shifts)) <= 0.2 * 255
    assert min(shifts) < -5
    assert max(shifts) > 5
    for image, shift in zip(after, shifts, strict=True):
        np.testing.assert_allclose(image, before + shift, atol=1)


def test_contrast_scales_about_the_mean(make_example, as_dataset):
    before, after = changed(make_example, as_dataset, contrast=0.5)
    centered = before - before.mean((0, 1))
    factors = [
        (image * centered).sum() / (centered**2).sum() for image in after
    ]
    assert 0.5 <= min(factors) < 0.9
    assert 1.1 < max(factors) <= 1.5
    for image, factor in zip(after, factors, strict=True):
        expected = before.mean((0, 1)) + factor * centered
        np.testing.assert_allclose(image, expected, atol=1)


@pytest.mark.parametrize(
    ("channel", "name", "strength"),
    [(0, "hue", 0.1), (1, "saturation", 0.5)],
)
def test_color_equals_hsv(channel, name, strength, make_example, as_dataset):
    before, after = changed(make_example, as_dataset, **{name: strength})
    hsv = rgb2hsv(before / 255)
    at = np.unravel_index(hsv[..., 1].argmax(), (9, 9))  # a strong color
    amounts = []
    for image in after:
        own = rgb2hsv(image / 255)
        expected = hsv.copy()
        if name == "hue":
            amount = (own[at][0] - hsv[at][0] + 0.5) % 1 - 0.5
            expected[..., 0] = (hsv[..., 0] + amount) % 1
        else:
            amount = own[at][1] / hsv[at][1] - 1
            expected[..., 1] = np.clip(hsv[..., 1] * (1 + amount), 0, 1)
        amounts.append(amount)
        # The amount is read from a rounded pixel.
        np.testing.assert_allclose(image, hsv2rgb(expected) * 255, atol=2.5)
    assert -strength - 0.02 <= min(amounts) < -strength / 5
    assert strength / 5 < max(amounts) <= strength + 0.02


@pytest.mark.parametrize(
    ("name", "value"), [("hue", 0.6), ("contrast", 1.0), ("brightness", -0.1)]
)
def test_strength_is_checked(name, value, make_example, as_dataset):
    dataset = as_dataset([make_example(4, 4)])
    with pytest.raises(ValueError, match=f"{name}` must be .*{name}={value}"):
        photometric(dataset, 0, **{name: value})


def repeated(image, count):
    return tf.data.Dataset.from_tensors({"images": image}).repeat(count)


def images(dataset):
    return np.stack([example["images"] for example in dataset])


def test_the_components_are_orthonormal():
    product = PCA_EIGENVECTORS.T @ PCA_EIGENVECTORS
    np.testing.assert_allclose(product, np.eye(3), atol=1e-3)
    assert list(PCA_EIGENVALUES) == sorted(PCA_EIGENVALUES, reverse=True)


def test_colors_shift_along_the_components():
    middle = np.full((3, 4, 3), 128, np.uint8)
    found = images(pca_color(repeated(middle, 2000), seed=0)).astype(float)
    assert np.ptp(found, axis=(1, 2)).max() == 0  # one shift for all pixels
    shifts = (found[:, 0, 0] - 128) / 255
    amounts = shifts @ PCA_EIGENVECTORS / PCA_EIGENVALUES
    # Rounding to 1/255 drowns the third component, and most of the second.
    assert amounts[:, 0].std() == pytest.approx(0.1, rel=0.1)
    assert np.abs(amounts[:, 0].mean()) < 0.01
    covariance = np.cov(shifts.T)
    expected = PCA_EIGENVECTORS * (0.1 * PCA_EIGENVALUES) ** 2
    expected = expected @ PCA_EIGENVECTORS.T
    np.testing.assert_allclose(covariance, expected, atol=3e-5)


def test_strong_shifts_show_every_component():
    middle = np.full((1, 1, 3), 128, np.uint8)
    dataset = pca_color(repeated(middle, 400), seed=0, std=0.5)
    shifts = (images(dataset)[:, 0, 0].astype(float) - 128) / 255
    amounts = shifts @ PCA_EIGENVECTORS / PCA_EIGENVALUES
    assert amounts[:, 0].std() == pytest.approx(0.5, rel=0.15)
    assert amounts[:, 1].std() == pytest.approx(0.5, rel=0.15)
    assert abs(np.corrcoef(amounts[:, 0], amounts[:, 1])[0, 1]) < 0.2


def test_no_shift_and_clipping():
    source = np.random.default_rng(0).integers(0, 256, (4, 4, 3), np.uint8)
    found = images(pca_color(repeated(source, 3), seed=0, std=0))
    np.testing.assert_array_equal(found, [source] * 3)
    white = np.full((2, 2, 3), 255, np.uint8)
    found = images(pca_color(repeated(white, 50), seed=0, std=3.0))
    assert found.max() == 255
    with pytest.raises(ValueError, match="std=-1"):
        pca_color(repeated(white, 1), seed=0, std=-1)


def test_flips_need_no_boxes():
    source = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    found = images(random_flip(repeated(source, 40), seed=0))
    flipped = [bool((image == source[:, ::-1]).all()) for image in found]
    kept = [bool((image == source).all()) for image in found]
    assert all(a != b for a, b in zip(flipped, kept, strict=True))
    assert 10 <= sum(flipped) <= 30
