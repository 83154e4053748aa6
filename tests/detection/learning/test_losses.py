import numpy as np
import pytest

from kcv.detection.learning import losses


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def cross_entropy(logits, classes):
    logits = logits - logits.max(-1, keepdims=True)
    log_softmax = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    return -np.take_along_axis(log_softmax, classes[..., None], -1)[..., 0]


def smooth_l1(x, sigma):
    x = abs(x)
    return np.where(
        x < 1 / sigma**2, 0.5 * (sigma * x) ** 2, x - 0.5 / sigma**2
    )


def test_rpn_losses_divide_by_the_sampled_anchors(rng):
    logits = rng.normal(size=(2, 40, 2)).astype("float32")
    kind = rng.integers(-1, 2, (2, 40))
    fg, bg = kind == 1, kind == 0
    loss = cross_entropy(logits, fg.astype(int))
    expected = np.mean([loss[i][kind[i] >= 0].mean() for i in range(2)])
    found = losses.rpn_cls_loss(logits, fg, bg)
    np.testing.assert_allclose(found, expected, rtol=1e-5)

    deltas, targets = rng.normal(size=(2, 2, 40, 4)).astype("float32")
    loss = smooth_l1(deltas - targets, 3.0).sum(-1)
    expected = np.mean(
        [loss[i][fg[i]].sum() / (kind[i] >= 0).sum() for i in range(2)]
    )
    found = losses.rpn_bbox_loss(deltas, targets, fg, bg)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_head_losses_divide_by_the_used_regions(rng):
    logits = rng.normal(size=(2, 12, 5)).astype("float32")
    used = rng.uniform(size=(2, 12)) < 0.7
    classes = np.where(used, rng.integers(0, 5, (2, 12)), 0)
    loss = cross_entropy(logits, classes)
    expected = np.mean([loss[i][used[i]].mean() for i in range(2)])
    found = losses.cls_loss(logits, classes, used)
    np.testing.assert_allclose(found, expected, rtol=1e-5)

    fg = classes > 0
    deltas, targets = rng.normal(size=(2, 2, 12, 4)).astype("float32")
    loss = smooth_l1(deltas - targets, 1.0).sum(-1)
    expected = np.mean([loss[i][fg[i]].sum() / used[i].sum() for i in range(2)])
    found = losses.bbox_loss(deltas, targets, fg, used)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_nothing_sampled_gives_zero():
    none = np.zeros((1, 3), bool)
    zeros = np.zeros((1, 3, 4), "float32")
    assert float(losses.rpn_cls_loss(zeros[..., :2], none, none)) == 0
    assert float(losses.bbox_loss(zeros, zeros, none, none)) == 0
