import numpy as np
import pytest

from kcv.layers import NonMaxSuppression


def test_equals_torchvision(golden):
    cases = np.load(golden / "nms.npz")
    count = sum(name.startswith("keep_") for name in cases)
    assert count
    for k in range(count):
        keep = cases[f"keep_{k}"]
        boxes, scores = cases[f"boxes_{k}"], cases[f"scores_{k}"]
        layer = NonMaxSuppression(float(cases[f"threshold_{k}"]), len(boxes))
        indices, valid = layer([boxes[None], scores[None]])
        np.testing.assert_array_equal(
            np.asarray(indices)[np.asarray(valid)], keep
        )


def test_at_equality_a_box_stays():
    # IoU is exactly 1 / 2.
    boxes = np.array([[[0.0, 0, 4, 4], [0, 0, 4, 2]]], "float32")
    scores = np.array([[0.9, 0.8]], "float32")
    _, valid = NonMaxSuppression(0.5, 2)([boxes, scores])
    assert np.asarray(valid).sum() == 2
    _, valid = NonMaxSuppression(0.499, 2)([boxes, scores])
    assert np.asarray(valid).sum() == 1


def test_rows_are_problems_of_their_own():
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 50, (3, 30, 2))
    boxes = np.concatenate([corner, corner + 20], -1).astype("float32")
    scores = rng.uniform(size=(3, 30)).astype("float32")
    layer = NonMaxSuppression(0.4, 10)
    together = [np.asarray(x) for x in layer([boxes, scores])]
    for row in range(3):
        alone = layer([boxes[row : row + 1], scores[row : row + 1]])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_array_equal(a[row], np.asarray(b)[0])


def test_scores_must_pass_the_threshold_and_padding_never_does():
    boxes = np.array([[[0.0, 0, 1, 1], [5, 5, 6, 6], [9, 9, 10, 10]]])
    scores = np.array([[0.05, 0.06, -np.inf]])
    indices, valid = NonMaxSuppression(0.5, 3, 0.05)([boxes, scores])
    assert np.asarray(indices)[np.asarray(valid)].tolist() == [1]
    _, valid = NonMaxSuppression(0.5, 3)([boxes, scores])
    assert np.asarray(valid).sum() == 2


def test_contract(check_layer):
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 20, (2, 8, 2))
    boxes = np.concatenate([corner, corner + 15], -1).astype("float32")
    check_layer(
        NonMaxSuppression(0.5, 5),
        [boxes, rng.uniform(size=(2, 8)).astype("float32")],
        free=[(None, None, 4), (None, None)],
        differentiable=False,
        gradient_dtype="float32",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1.5, 3), "iou_threshold=1.5"), ((0.5, 0), "max_outputs=0")],
)
def test_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        NonMaxSuppression(*arguments)
