import numpy as np
import pytest

from kcv.proposals import propose
from kcv.proposals.machines.images.edge_maps import soft_gradient_edges
from kcv.proposals.methods.mcg import mcg


def best_iou(boxes, target):
    low = np.maximum(boxes[:, :2], target[:2])
    high = np.minimum(boxes[:, 2:], target[2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(1) - shared
    union = union + np.prod(np.subtract(target[2:], target[:2]))
    return (shared / union).max()


def noisy(seed=0):
    """A rectangle of two halves and a small square on noise."""
    random = np.random.default_rng(seed)
    image = np.full((90, 120, 3), 70.0)
    image[20:70, 30:60] = (200, 60, 60)
    image[20:70, 60:90] = (60, 60, 200)
    image[8:32, 94:116] = 230
    return np.clip(image + random.normal(0, 6, image.shape), 0, 255).astype(
        np.uint8
    )


@pytest.mark.parametrize("single_scale", [False, True])
def test_parts_and_their_union_are_found(single_scale):
    found = mcg(noisy(), 100, single_scale=single_scale)
    for target in (
        (30, 20, 60, 70),
        (60, 20, 90, 70),
        (30, 20, 90, 70),
        (94, 8, 116, 32),
    ):
        assert best_iou(found.boxes[:25], target) > 0.85
    assert (np.diff(found.scores) <= 0).all()


def test_boxes_are_those_of_the_masks():
    found = mcg(noisy(), 40)
    for box, mask in zip(found.boxes, found.masks.to_dense(), strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        expected = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert box.tolist() == expected


def test_fewer_are_the_first_of_more():
    many = mcg(noisy(), 300)
    few = mcg(noisy(), 20)
    np.testing.assert_array_equal(few.boxes, many.boxes[:20])
    np.testing.assert_array_equal(few.scores, many.scores[:20])


def test_boxes_differ():
    boxes = mcg(noisy(), 500).boxes
    for number, box in enumerate(boxes[1:], 1):
        assert best_iou(boxes[:number], box) < 0.95


def test_a_function_can_rank():
    received = []

    def largest_first(features):
        received.append(features)
        return features[:, 3]

    found = mcg(noisy(), 10, diversity=0.0, rank=largest_first)
    (features,) = received
    assert features.shape[1] == 16
    assert np.isfinite(features).all()
    assert found.boxes[0].tolist() == [0, 0, 120, 90]
    assert found.scores[0] == pytest.approx(1)
    areas = found.masks.to_dense().sum((1, 2)) / (90 * 120)
    np.testing.assert_allclose(areas, found.scores, rtol=1e-6)
    with pytest.raises(ValueError, match="`rank` must return a finite score"):
        mcg(noisy(), 10, rank=lambda features: np.zeros(3))


def test_edges_are_those_of_the_function_at_each_scale():
    shapes = []

    def detect(image):
        shapes.append(image.shape[:2])
        return soft_gradient_edges(image)

    found = mcg(noisy(), 30, edges=detect)
    assert shapes == [(180, 240), (90, 120), (45, 60)]
    np.testing.assert_array_equal(found.boxes, mcg(noisy(), 30).boxes)


@pytest.mark.parametrize(
    "edges",
    [
        lambda image: (np.zeros((5, 5)), np.zeros((5, 5))),
        lambda image: (np.full(image.shape[:2], np.nan),) * 2,
    ],
)
def test_edges_that_do_not_fit_are_refused(edges):
    with pytest.raises(ValueError, match="`edges` must return"):
        mcg(noisy(), 10, edges=edges)


@pytest.mark.parametrize("single_scale", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 2), (16, 16), (40, 3)])
def test_small_images_have_proposals(shape, single_scale):
    random = np.random.default_rng(0)
    for image in (
        np.full((*shape, 3), 50, np.uint8),
        random.integers(0, 256, (*shape, 3), dtype=np.uint8),
    ):
        boxes = propose(image, "mcg", 2000, single_scale=single_scale)
        assert best_iou(boxes, (0, 0, shape[1], shape[0])) > 0.9


def test_boxes_of_the_authors_are_found_from_their_edges(golden):
    values = np.load(golden / "proposals" / "mcg.npz")
    maps = {
        values[f"E{scale}_u8"].shape: (
            values[f"E{scale}_u8"] / 255,
            values[f"O{scale}_u8"] * np.pi / 256,
        )
        for scale in ("", "2", "h")
    }
    found = mcg(
        np.zeros((64, 72, 3), np.uint8),
        1000,
        edges=lambda image: maps[image.shape[:2]],
        rank=lambda features: features[:, 6],  # as when the values were made
    )
    expected = values["mcg_rb"][:200] - np.array([1, 1, 0, 0])
    overlaps = [best_iou(found.boxes, box) for box in expected]
    assert np.mean(overlaps) > 0.9
