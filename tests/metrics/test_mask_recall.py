import numpy as np
import pytest

from kcv.metrics import area_under_recall
from kcv.metrics import encode_masks
from kcv.metrics import mask_average_recall
from kcv.metrics import mask_iou
from kcv.metrics import mask_recall_curves

pytest.importorskip("pycocotools")


@pytest.fixture(scope="module")
def stored(golden):
    return np.load(golden / "networks" / "proposals_ar.npz")


@pytest.fixture(scope="module")
def sides(stored):
    """Ground truth and proposals of the golden file."""
    height, width = stored["hw"]

    def unpack(name):
        bits = np.unpackbits(stored[f"{name}_masks_packed"], axis=1)
        return bits[:, : height * width].reshape(-1, height, width)

    truth, found = {}, {}
    for number in range(5):
        own = stored["gt_image"] == number
        crowd = stored["gt_crowd"][own] > 0
        truth[f"{number}"] = {"masks": unpack("gt")[own], "is_crowd": crowd}
        own = stored["dt_image"] == number
        scores = stored["dt_score"][own]
        found[f"{number}"] = {"masks": unpack("dt")[own], "scores": scores}
    return truth, found


@pytest.mark.parametrize("kind", ["segm", "bbox"])
def test_recall_equals_the_golden_values(stored, sides, kind):
    counts = stored["max_dets"]
    curves = mask_recall_curves(*sides, max_proposals=100, kind=kind)
    np.testing.assert_allclose(
        curves["all"][:, counts - 1], stored[f"{kind}_recall_T_M"], atol=1e-12
    )
    for area, letter in (("all", "all"), ("small", "S"), ("medium", "M")):
        recall = curves[area].mean(0)[counts - 1]
        np.testing.assert_allclose(recall, stored[f"{kind}_AR_{letter}"], 1e-9)
    assert np.isnan(curves["large"]).all()  # There are none: -1 in COCO.
    measures = mask_average_recall(*sides, tuple(counts))
    np.testing.assert_allclose(
        [measures[f"{kind}_ar{count}"] for count in counts],
        stored[f"{kind}_AR_all"],
    )


def test_the_area_under_recall_equals_the_golden_value(stored, sides):
    recall = mask_recall_curves(*sides, max_proposals=60)["all"].mean(0)
    np.testing.assert_allclose(recall, stored["segm_AR_by_n"], atol=1e-12)
    area = area_under_recall(recall)
    np.testing.assert_allclose(area, stored["segm_AUC_log_1_to_60"])
    measures = mask_average_recall(*sides, (60,), ("segm",))
    np.testing.assert_allclose(measures["segm_auc"], area)


def squares(*corners, side=20, shape=(64, 64)):
    masks = np.zeros((len(corners), *shape), np.uint8)
    for mask, (x, y) in zip(masks, corners, strict=True):
        mask[y : y + side, x : x + side] = 1
    return masks


def test_the_objects_themselves_are_found_one_by_one():
    masks = squares((0, 0), (25, 5), (5, 30))
    images = {"a": {"masks": masks}, "b": {"masks": masks[:1]}}
    measures = mask_average_recall(images, images, (1, 2, 10))
    # Of three objects min(n, 3), and of one object one.
    assert measures["segm_ar1"] == 2 / 4
    assert measures["segm_ar2"] == 3 / 4
    assert measures["bbox_ar10"] == 1


def test_one_proposal_covers_one_object():
    masks = squares((0, 0), (0, 0))
    measures = mask_average_recall(
        {"a": {"masks": masks}}, {"a": {"masks": masks[:1]}}, (10,)
    )
    assert measures["segm_ar10"] == 0.5


def test_a_shifted_square_has_the_iou_of_the_closed_form():
    """It is (a - d) / (a + d): 15 / 25 reaches 0.5, 0.55 and 0.6."""
    truth, found = squares((10, 10)), squares((15, 10))
    np.testing.assert_allclose(mask_iou(truth, found), 15 / 25)
    measures = mask_average_recall(
        {"a": {"masks": truth}}, {"a": {"masks": found}}, (1,)
    )
    assert measures["segm_ar1"] == measures["bbox_ar1"] == 0.3


def test_difficult_objects_and_crowds_do_not_count():
    masks = squares((0, 0), (25, 5), (5, 30))
    truth = {
        "a": {
            "masks": masks,
            "difficult": [False, True, False],
            "is_crowd": [False, False, True],
        }
    }
    found = {"a": {"masks": masks}}
    assert mask_average_recall(truth, found, (3,))["segm_ar3"] == 1
    assert mask_average_recall(truth, {}, (3,))["segm_ar3"] == 0
    found = {"a": {"masks": masks[:1]}}
    both = mask_average_recall(truth, found, (3,), include_difficult=True)
    assert both["segm_ar3"] == 0.5


def test_an_image_without_objects_does_not_count():
    truth = {"a": {"masks": np.zeros((0, 8, 8))}}
    found = {"a": {"masks": squares((0, 0), side=3, shape=(8, 8))}}
    measures = mask_average_recall(truth, found, (1, 10))
    assert np.isnan(measures["segm_ar10"])
    truth["b"] = {"masks": found["a"]["masks"]}
    assert mask_average_recall(truth, found, (1,))["segm_ar1"] == 0


def test_run_lengths_stand_for_masks():
    masks = squares((0, 0), (25, 5))
    measures = mask_average_recall(
        {"a": {"masks": masks}}, {"a": {"masks": encode_masks(masks)}}, (2,)
    )
    assert measures["segm_ar2"] == 1


@pytest.mark.parametrize(
    ("truth", "found", "message"),
    [
        ({"a": {"boxes": ()}}, {}, "must have masks for every image"),
        ({}, {"a": {"masks": ()}}, "not in the ground truth"),
        (
            {
                "a": {
                    "masks": encode_masks(np.ones((1, 4, 4)))
                    + encode_masks(np.ones((1, 4, 5)))
                }
            },
            {},
            "masks of the size of their image",
        ),
        (
            {"a": {"masks": np.ones((2, 4, 4)), "is_crowd": [False]}},
            {},
            "as many entries as masks",
        ),
    ],
)
def test_what_is_wrong_is_named(truth, found, message):
    with pytest.raises(ValueError, match=message):
        mask_average_recall(truth, found)


@pytest.mark.parametrize("counts", [(), (0, 10), (10, 1)])
def test_counts_increase(counts):
    with pytest.raises(ValueError, match="`counts` must be"):
        mask_average_recall({}, {}, counts)
