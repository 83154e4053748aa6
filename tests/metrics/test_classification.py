"""Hand-made scores, and classifiers that read the answer off the image."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.classification import dense_probabilities
from kcv.classification import single_crop
from kcv.classification import ten_crops
from kcv.metrics import collect_scores
from kcv.metrics import evaluate_classifier
from kcv.metrics import most_confused
from kcv.metrics import top_k_error

SCORES = [
    [0.30, 0.25, 0.20, 0.10, 0.08, 0.07],
    [0.07, 0.08, 0.10, 0.20, 0.25, 0.30],
    [0.10, 0.30, 0.07, 0.25, 0.08, 0.20],
]


@pytest.mark.parametrize(
    ("labels", "k", "error"),
    [
        ([0, 5, 1], 1, 0),
        ([1, 5, 1], 1, 1 / 3),
        ([1, 4, 3], 1, 1),
        ([1, 4, 3], 2, 0),
        ([4, 1, 4], 5, 0),
        ([5, 0, 2], 5, 1),
        ([5, 0, 2], 6, 0),
        ([5, 0, 2], 99, 0),
    ],
)
def test_top_k_of_hand_made_scores(labels, k, error):
    assert top_k_error(labels, SCORES, k) == pytest.approx(error)
    assert top_k_error(labels, np.log(SCORES), k) == pytest.approx(error)


def test_ties_go_to_the_lower_class():
    same = np.ones((6, 6))
    assert top_k_error(range(6), same, 1) == pytest.approx(5 / 6)
    assert top_k_error(range(6), same, 5) == pytest.approx(1 / 6)
    part = [[1, 3, 3, 3, 2.0]]
    assert [top_k_error([c], part, 2) for c in range(5)] == [1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([6, 0, 0], SCORES, "must be below 6.*label 6"),
        ([0, -1, 0], SCORES, "label -1"),
        ([0, 0], SCORES, r"shapes \(2,\) and \(3, 6\)"),
        ([], np.zeros((0, 6)), "n of at least 1"),
        ([0, 1], [[1, 0], [np.nan, 0]], "image 1 are not"),
    ],
)
def test_top_k_checks_its_arguments(labels, scores, message):
    with pytest.raises(ValueError, match=message):
        top_k_error(labels, scores)


def test_most_confused_pairs():
    labels = [0, 0, 0, 1, 1, 2, 2, 2, 2]
    found = [0, 1, 1, 1, 0, 0, 0, 0, 2]
    matrix = tf.math.confusion_matrix(labels, found)
    expected = [(2, 0, 3), (0, 1, 2), (1, 0, 1)]
    assert most_confused(matrix) == expected
    assert most_confused(matrix, 2) == expected[:2]
    assert most_confused(np.eye(3)) == []


# An image of class c has the value 20 * c everywhere, but for its left edge.
def images_of(labels, sizes=((30, 40), (45, 30))):
    def generate():
        for number, label in enumerate(labels):
            image = np.full((*sizes[number % len(sizes)], 3), 20 * label)
            image[:, :2] = 255
            yield {"images": image.astype(np.uint8), "labels": label}

    signature = {
        "images": tf.TensorSpec((None, None, 3), tf.uint8),
        "labels": tf.TensorSpec((), tf.int32),
    }
    return tf.data.Dataset.from_generator(generate, output_signature=signature)


def reader(classes=8, size=16):
    """A model that gives the class whose value is nearest to the mean's."""
    image = keras.Input((size, size, 3))
    mean = keras.layers.GlobalAveragePooling2D()(image)[:, :1]
    values = keras.ops.arange(0, 20 * classes, 20, dtype="float32")
    scores = -keras.ops.abs(mean - values) / 20
    return keras.Model(image, keras.ops.softmax(scores))


LABELS = [0, 3, 7, 2, 5]


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_crops_are_averaged(batch_size):
    model = reader()
    crops = functools.partial(ten_crops, short_side=20, size=16)
    labels, scores = collect_scores(model, images_of(LABELS), crops, batch_size)
    assert labels.tolist() == LABELS
    expected = []
    for example in images_of(LABELS):
        views = crops(example["images"][None])[0]
        expected.append(np.mean(model(views), 0))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    # The left edge disturbs four of the ten.
    assert np.abs(scores[0] - np.asarray(model(views[4:5]))[0]).max() > 0.01


def test_ten_crops_of_a_constant_image_are_one_crop():
    dataset = images_of([4]).map(
        lambda x: {**x, "images": tf.fill((33, 44, 3), 77)}
    )
    one, ten = (
        collect_scores(
            reader(), dataset, functools.partial(crops, short_side=20, size=16)
        )[1]
        for crops in (single_crop, ten_crops)
    )
    np.testing.assert_allclose(one, ten, rtol=1e-6)


def test_evaluation():
    crops = functools.partial(single_crop, short_side=20, size=16)
    right = evaluate_classifier(reader(), images_of(LABELS), crops)
    assert right == {"top1": 1, "top5": 1}
    # Labels that are off by one are second best, by two or more of eight not
    # always among the five.
    shifted = images_of(LABELS).map(
        lambda x: {**x, "labels": (x["labels"] + 4) % 8}
    )
    found = evaluate_classifier(reader(), shifted, crops)
    assert found["top1"] == 0
    assert 0 < found["top5"] < 1


def test_any_function_is_a_model():
    def score(images):
        mean = tf.reduce_mean(images[..., 0], (1, 2))[:, None, None, None]
        return -tf.abs(mean - tf.range(0.0, 160.0, 20.0))  # (B, 1, 1, 8)

    model = functools.partial(dense_probabilities, score, short_sides=(20,))
    found = evaluate_classifier(model, images_of(LABELS[1:]), batch_size=1)
    assert found["top5"] == 1


def test_a_batch_of_images_of_one_size_needs_no_crops():
    dataset = images_of(LABELS, sizes=((16, 16),))
    one = collect_scores(reader(), dataset, batch_size=1)[1]
    many = collect_scores(reader(), dataset, batch_size=4)[1]
    np.testing.assert_allclose(one, many, rtol=1e-6)


def test_what_cannot_be_evaluated_is_refused():
    crops = functools.partial(ten_crops, short_side=20, size=16)
    model = reader()
    logits = keras.Model(model.input, model.output * 2)
    with pytest.raises(ValueError, match="scores that add up to 2"):
        evaluate_classifier(logits, images_of(LABELS), crops)
    with pytest.raises(ValueError, match="must not be empty"):
        evaluate_classifier(model, images_of([]), crops)
    with pytest.raises(ValueError, match="must be below 8.*label 8"):
        evaluate_classifier(model, images_of([8]), crops)
    real = images_of(LABELS).map(
        lambda x: {**x, "labels": tf.cast(x["labels"], tf.float32)}
    )
    with pytest.raises(ValueError, match="integer labels.*float32"):
        evaluate_classifier(model, real, crops)
