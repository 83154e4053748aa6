"""Kind: shapes and values that mean something else than a metric takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kcv.metrics import MeanIU
from kcv.metrics import PixelAccuracy
from kcv.metrics import collect_scores
from kcv.metrics import encode_masks
from kcv.metrics import mask_iou
from kcv.metrics import most_confused
from kcv.metrics import patch_measures
from kcv.metrics import segmentation_scores
from kcv.metrics import top_k_error

LABELS = np.array([[[0, 1, 2], [2, 255, 1]]])


def accuracy(found, labels=LABELS):
    metric = PixelAccuracy(3)
    metric.update_state(labels, found)
    return float(metric.result())


def test_one_channel_of_labels_is_read():
    found = np.where(LABELS == 255, 0, LABELS)
    found[0, 0, 0] = 2
    for dtype in ("int32", "uint8", "int64"):
        one_channel = found[..., None].astype(dtype)
        assert accuracy(one_channel) == accuracy(found) == pytest.approx(0.8)
    assert accuracy(found.astype("float32")) == pytest.approx(0.8)
    assert accuracy(found, LABELS[..., None]) == pytest.approx(0.8)
    scores = np.eye(3, dtype="float32")[found]
    assert accuracy(scores) == accuracy(10 * scores - 5) == pytest.approx(0.8)


@pytest.mark.parametrize(
    "shape", [(1, 2, 3, 1), (1, 2, 3, 2), (1, 2, 3, 4), (1, 2, 4, 3), (6, 3)]
)
def test_scores_of_other_shapes_are_refused(shape):
    scores = np.random.default_rng(0).uniform(size=shape).astype("float32")
    for metric in (PixelAccuracy(3), MeanIU(3)):
        with pytest.raises(ValueError, match=r"`y_pred` must be.*shape"):
            metric.update_state(LABELS, scores)
        assert not np.asarray(metric.confusion).any()


def test_labels_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"`y_true` must be labels.*3, 3\)"):
        accuracy(LABELS, np.eye(3)[np.zeros((1, 2, 3), int)])
    half = np.full((1, 2, 3), 0.5, "float32")
    with pytest.raises(tf.errors.InvalidArgumentError, match="whole numbers"):
        accuracy(half)
    for label in (3, -1, 255):
        wrong = np.full((1, 2, 3), label)
        with pytest.raises(tf.errors.InvalidArgumentError, match="less than"):
            accuracy(wrong)
    # Where the truth is void, anything may be predicted.
    found = np.where(LABELS == 255, 255, LABELS)
    assert accuracy(found) == 1.0


def test_scores_of_unknown_shape_are_read_in_a_graph():
    metric = PixelAccuracy(3)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, None))])
    def update(scores):
        metric.update_state(LABELS, scores)

    update(np.eye(3, dtype="float32")[np.where(LABELS == 255, 0, LABELS)])
    assert float(metric.result()) == 1.0
    with pytest.raises(tf.errors.InvalidArgumentError, match="shape"):
        update(np.zeros((1, 2, 3, 1), "float32"))


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 2, 2)])
def test_matrices_that_are_not_square(shape):
    with pytest.raises(ValueError, match=r"\(C, C\)"):
        segmentation_scores(np.ones(shape))
    with pytest.raises(ValueError, match=r"\(classes, classes\)"):
        most_confused(np.ones(shape))
    with pytest.raises(ValueError, match="counts"):
        segmentation_scores([[1, np.nan], [0, 1]])


def examples(labels):
    images = np.zeros((len(labels), 4, 4, 3), np.uint8)
    return tf.data.Dataset.from_tensor_slices(
        {"images": images, "labels": labels}
    )


def test_labels_as_vectors_are_refused():
    with pytest.raises(ValueError, match=r"one label \(\).*\(3,\)"):
        collect_scores(lambda x: x, examples(np.eye(3, dtype=int)))
    with pytest.raises(ValueError, match=r"`labels` must be \(n,\)"):
        top_k_error(np.eye(3, dtype=int), np.eye(3))
    with pytest.raises(ValueError, match="integers. Received: fractions"):
        top_k_error([0.5, 1.0], np.eye(2))


@pytest.mark.parametrize(
    "model",
    [
        lambda x: x,  # maps, as of a segmenter
        lambda x: {"scores": x[:, 0, 0]},
        lambda x: [x[:, 0, 0], x[:, 0, 0]],
        lambda x: [x[:, 0, 0], x[:, 0, :, 0]],
        lambda x: x[:1, 0, 0],
        lambda x: x[0, 0, 0],
    ],
)
def test_models_that_give_no_row_of_scores(model):
    with pytest.raises(ValueError, match="one row of scores for each image"):
        collect_scores(model, examples(np.zeros(3, int)))


def test_logits_are_not_averaged_over_crops():
    def crops(images):
        return tf.stack([images, images], 1)

    def logits(images):
        return np.tile(np.array([[3.0, -1.0]]), (len(images), 1))

    with pytest.raises(ValueError, match="must give probabilities"):
        collect_scores(logits, examples(np.zeros(3, int)), crops)
    _, scores = collect_scores(
        lambda x: keras.activations.softmax(
            keras.ops.convert_to_tensor(logits(x))
        ),
        examples(np.zeros(3, int)),
        crops,
    )
    assert scores.shape == (3, 2)


@pytest.mark.parametrize(
    "masks",
    [
        np.full((1, 2, 2), 0.3),  # scores, which would all be true
        np.array([[[-2.0, 3.0], [0.0, 1.0]]]),  # logits
        np.full((1, 2, 2), 255, np.uint8),
        np.full((1, 2, 2), np.nan),
        np.ones((1, 2, 2, 1)),
        np.ones((2, 2)),
    ],
)
def test_masks_that_are_none_are_refused(masks):
    for measure in (mask_iou, patch_measures):
        for pair in ((masks, masks), (masks > 0, masks), (masks, masks > 0)):
            with pytest.raises(ValueError, match="must be (masks|0 and 1)"):
                measure(*pair)
    with pytest.raises(ValueError, match="`masks` must be"):
        encode_masks(masks)
