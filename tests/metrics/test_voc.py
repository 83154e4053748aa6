"""VOC AP against hand-made lists, a plain loop and real annotations."""

import math

import numpy as np
import pytest

from kcv.metrics.voc import precision_recall
from kcv.metrics.voc import voc_average_precision

SQUARE = [0, 0, 10, 10]
ELSEWHERE = [100, 100, 110, 110]


def truth(*boxes, labels=None, difficult=None):
    n = len(boxes)
    return {
        "boxes": np.array(boxes, np.float32).reshape(n, 4),
        "labels": [0] * n if labels is None else labels,
        "difficult": [False] * n if difficult is None else difficult,
    }


def found(*boxes_and_scores, labels=None):
    n = len(boxes_and_scores)
    return {
        "boxes": [box for box, _ in boxes_and_scores],
        "scores": [score for _, score in boxes_and_scores],
        "labels": [0] * n if labels is None else labels,
    }


def ap(ground_truth, detections, **options):
    result = voc_average_precision(ground_truth, detections, **options)
    return result["average_precision"][0]


# Ten objects, one per image; found: right, wrong, right, right.
#   recall     1/10  1/10  2/10  3/10
#   precision  1     1/2   2/3   3/4
TEN = {i: truth(SQUARE) for i in range(10)}
THREE_OF_TEN = {
    0: found((SQUARE, 0.9), (ELSEWHERE, 0.8)),
    1: found((SQUARE, 0.7)),
    2: found((SQUARE, 0.6)),
}


def test_recall_of_exactly_three_tenths_counts_at_its_point():
    # Points 0 and .1 have precision 1, .2 and .3 have 3/4, the others 0.
    # With .3 = 3 * .1 = .30000000000000004 it would be 2.75 / 11.
    assert ap(TEN, THREE_OF_TEN) == pytest.approx(3.5 / 11, abs=1e-12)


def test_area_below_the_envelope():
    # .1 * 1 + .1 * 3/4 + .1 * 3/4
    assert ap(TEN, THREE_OF_TEN, year=2010) == pytest.approx(0.25, abs=1e-12)
    assert ap(TEN, THREE_OF_TEN, year=2012) == pytest.approx(0.25, abs=1e-12)


# Two objects to find and a difficult one, in one image.
#   .9 first object          right      recall 1/2  precision 1
#   .8 first object again    wrong             1/2            1/2
#   .7 difficult object      neither
#   .6 difficult object      neither
#   .5 third object          right             1              2/3
#   .4 background            wrong             1              1/2
MIXED = {
    "a": truth(
        SQUARE, [20, 0, 30, 10], [40, 0, 50, 10], difficult=[False, True, False]
    )
}
MIXED_FOUND = {
    "a": found(
        ([0, 0, 10, 9], 0.8),
        (SQUARE, 0.9),
        ([20, 0, 30, 10], 0.7),
        ([20, 0, 30, 9], 0.6),
        ([40, 0, 50, 10], 0.5),
        (ELSEWHERE, 0.4),
    )
}


def test_difficult_counts_neither_way_and_doubles_are_wrong():
    # Six points at precision 1, five at 2/3.
    assert ap(MIXED, MIXED_FOUND) == pytest.approx((6 + 10 / 3) / 11)
    # .5 * 1 + .5 * 2/3
    assert ap(MIXED, MIXED_FOUND, year=2010) == pytest.approx(5 / 6)


def test_curve():
    curve = precision_recall(MIXED, MIXED_FOUND)[0]
    assert curve.positives == 2
    np.testing.assert_allclose(curve.scores, [0.9, 0.8, 0.5, 0.4])
    np.testing.assert_allclose(curve.recall, [0.5, 0.5, 1, 1])
    np.testing.assert_allclose(curve.precision, [1, 0.5, 2 / 3, 0.5])


def test_nearest_object_is_taken_although_another_is_free():
    # The second detection overlaps the first object (.95, taken) more than
    # the second (8 / 9.5, free): wrong, where COCO's rule calls it right.
    pair = {0: truth(SQUARE, [0, 0, 10, 8])}
    detections = {0: found((SQUARE, 0.9), ([0, 0, 10, 9.5], 0.8))}
    assert ap(pair, detections) == pytest.approx(6 / 11)


def test_nearest_object_is_difficult_although_another_is_not():
    pair = {0: truth(SQUARE, [0, 0, 10, 8], difficult=[True, False])}
    detections = {0: found(([0, 0, 10, 9.5], 0.9))}
    curve = precision_recall(pair, detections)[0]
    assert (len(curve.recall), curve.positives) == (0, 1)
    assert ap(pair, detections) == 0


def test_overlap_equal_to_the_threshold():
    half = {0: found(([0, 0, 10, 5], 0.9))}  # IoU 50 / 100
    one = {0: truth(SQUARE)}
    assert ap(one, half) == 1
    assert ap(one, half, strict=True) == 0
    assert ap(one, half, iou=0.51) == 0


def test_half_open_boxes_equal_the_inclusive_ones_of_the_kit():
    # Pixels 1..10 and 1..5 in the kit's counting: 10 and 5 wide.
    kit = np.array([[1, 1, 10, 10], [1, 1, 5, 10]], np.float64)
    width, height = kit[:, 2] - kit[:, 0] + 1, kit[:, 3] - kit[:, 1] + 1
    assert (width * height).tolist() == [100, 50]
    boxes = kit - [1, 1, 0, 0]
    assert ap({0: truth(boxes[0])}, {0: found((boxes[1], 0.9))}) == 1


def test_a_class_without_positives_is_left_out_of_the_mean():
    ground_truth = {
        0: truth(SQUARE, SQUARE, labels=[0, 2], difficult=[False, True])
    }
    detections = {0: found((SQUARE, 0.9), (SQUARE, 0.8), labels=[0, 1])}
    result = voc_average_precision(ground_truth, detections, classes=4)
    values = result["average_precision"]
    assert values[0] == 1
    assert all(math.isnan(values[label]) for label in (1, 2, 3))
    assert result["voc07_map"] == 1


def test_nothing_found_and_nothing_to_find():
    assert ap({0: truth(SQUARE)}, {}) == 0
    assert ap({0: truth(SQUARE)}, {}, year=2012) == 0
    empty = voc_average_precision({0: truth()}, {}, year=2012)
    assert math.isnan(empty["voc_map"])
    assert empty["average_precision"] == {}


def test_label_zero_is_a_class_and_labels_do_not_mix():
    ground_truth = {0: truth(SQUARE, SQUARE, labels=[0, 1])}
    detections = {0: found((SQUARE, 0.9), (SQUARE, 0.8), labels=[0, 0])}
    values = voc_average_precision(ground_truth, detections)
    assert values["average_precision"] == {0: 1.0, 1: 0.0}


def test_ties_keep_the_order_given():
    one = {0: truth(SQUARE)}
    right_first = {0: found((SQUARE, 0.5), (ELSEWHERE, 0.5))}
    wrong_first = {0: found((ELSEWHERE, 0.5), (SQUARE, 0.5))}
    assert ap(one, right_first) == 1
    assert ap(one, wrong_first) == 0.5


def random_case(seed, images=40, classes=3):
    """Integer boxes and scores of two digits: many exact halves and ties."""
    rng = np.random.default_rng(seed)

    ground_truth = {}
    detections = {}
    for image in range(images):
        n = rng.integers(0, 6)
        corner = rng.integers(0, 12, (n, 2))
        boxes = np.concatenate(
            [corner, corner + rng.integers(2, 8, (n, 2))], axis=1
        )
        labels = rng.integers(0, classes, n)
        ground_truth[f"im{image}"] = {
            "boxes": boxes,
            "labels": labels,
            "difficult": rng.random(n) < 0.3,
        }
        if image % 7 and n:
            near = rng.integers(0, n, 10)
            moved = boxes[near].copy()
            moved[:, 2:] += rng.integers(0, 4, (10, 2))
            detections[f"im{image}"] = {
                "boxes": moved,
                "scores": rng.integers(0, 20, 10) / 20,
                "labels": labels[near],
            }
    return ground_truth, detections


def loop_average_precision(ground_truth, detections, label, year, strict):
    """The development kit's rule, one detection at a time."""

    def overlap(a, b):
        width = min(a[2], b[2]) - max(a[0], b[0])
        height = min(a[3], b[3]) - max(a[1], b[1])
        if width <= 0 or height <= 0:
            return 0.0
        area_a = (a[2] - a[0]) * (a[3] - a[1])
        area_b = (b[2] - b[0]) * (b[3] - b[1])
        return width * height / (area_a + area_b - width * height)

    positives = 0
    for image in ground_truth.values():
        for object_label, hard in zip(
            image["labels"], image["difficult"], strict=True
        ):
            positives += object_label == label and not hard
    lines = []
    for image_id in sorted(ground_truth):
        image = detections.get(image_id, {"boxes": ()})
        for k in range(len(image["boxes"])):
            if image["labels"][k] == label:
                box = image["boxes"][k]
                lines.append((image["scores"][k], image_id, box))
    lines.sort(key=lambda line: -line[0])
    taken = set()
    right, wrong = 0, 0
    points = []
    for _, image_id, box in lines:
        objects = ground_truth[image_id]
        best, best_k = -1.0, None
        for k in range(len(objects["boxes"])):
            if objects["labels"][k] == label:
                value = overlap(box, objects["boxes"][k])
                if value > best:
                    best, best_k = value, k
        if best > 0.5 or (best == 0.5 and not strict):
            if not objects["difficult"][best_k]:
                right += (image_id, best_k) not in taken
                wrong += (image_id, best_k) in taken
                taken.add((image_id, best_k))
        else:
            wrong += 1
        if right + wrong:
            points.append((right, right / (right + wrong)))
    if year < 2010:
        return (
            sum(
                max(
                    (p for r, p in points if r * 10 >= t * positives), default=0
                )
                for t in range(11)
            )
            / 11
        )
    return (
        sum(
            max((p for r, p in points if r >= k), default=0)
            for k in range(1, positives + 1)
        )
        / positives
    )


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("year", [2007, 2012])
def test_equals_a_plain_loop(year, strict):
    ground_truth, detections = random_case(seed=year + strict)
    result = voc_average_precision(
        ground_truth, detections, year=year, strict=strict
    )["average_precision"]
    for label in range(3):
        expected = loop_average_precision(
            ground_truth, detections, label, year, strict
        )
        assert 0 < expected < 1
        assert result[label] == pytest.approx(expected, abs=1e-12)


def test_the_order_of_images_does_not_matter():
    ground_truth, detections = random_case(seed=5)
    shuffled = dict(reversed(ground_truth.items()))
    assert voc_average_precision(
        ground_truth, detections
    ) == voc_average_precision(shuffled, dict(reversed(detections.items())))


def test_share_of_real_objects_found_without_a_mistake(golden):
    """With no wrong detection, AP is the number of points reached / 11."""
    data = dict(np.load(golden / "voc2007_test_boxes.npz"))
    ground_truth = {
        int(i): {"boxes": [], "labels": [], "difficult": []}
        for i in data["image_id"]
    }
    detections = {
        image_id: {"boxes": [], "scores": [], "labels": []}
        for image_id in ground_truth
    }
    # 1-based inclusive corners: the first loses 1, the last is as it is.
    boxes = data["boxes_xyxy_1based_inclusive"] - [1, 1, 0, 0]
    seen = np.zeros(20, int)
    positives = np.zeros(20, int)
    for k, image_id in enumerate(data["object_image_id"].tolist()):
        label = int(data["object_class"][k])
        hard = bool(data["object_difficult"][k])
        image = ground_truth[image_id]
        image["boxes"].append(boxes[k])
        image["labels"].append(label)
        image["difficult"].append(hard)
        positives[label] += not hard
        if k % 5 < 3:
            seen[label] += not hard
            detections[image_id]["boxes"].append(boxes[k])
            detections[image_id]["scores"].append(k % 100 / 100)
            detections[image_id]["labels"].append(label)
    result = voc_average_precision(ground_truth, detections, classes=20)
    points = seen * 10 // positives + 1
    np.testing.assert_allclose(
        [result["average_precision"][label] for label in range(20)],
        points / 11,
    )
    result = voc_average_precision(ground_truth, detections, year=2012)
    np.testing.assert_allclose(result["voc_map"], np.mean(seen / positives))


@pytest.mark.parametrize(
    ("ground_truth", "detections", "message"),
    [
        ({0: truth(SQUARE)}, {1: found()}, "first is 1"),
        ({0: truth([0, 0, math.nan, 1])}, {}, r"ground_truth\[0\].*box 0"),
        ({0: truth([5, 0, 1, 1])}, {}, r"ground_truth\[0\].*x1 <= x2"),
        (
            {0: truth(SQUARE)},
            {0: found((SQUARE, 0.9), labels=[-1])},
            "label -1 is padding",
        ),
        ({0: truth(SQUARE, labels=[2])}, {}, "label 2 with classes=2"),
        (
            {0: truth(SQUARE)},
            {0: found((SQUARE, math.nan))},
            "scores must be numbers",
        ),
        ({0: truth(SQUARE, labels=[0, 1])}, {}, "labels must be"),
    ],
)
def test_bad_input_names_the_image(ground_truth, detections, message):
    with pytest.raises(ValueError, match=message):
        voc_average_precision(ground_truth, detections, classes=2)


@pytest.mark.parametrize("iou", [0, -0.5, 1.5])
def test_bad_threshold(iou):
    with pytest.raises(ValueError, match=r"`iou` must be in \(0, 1\]"):
        voc_average_precision({}, {}, iou=iou)
