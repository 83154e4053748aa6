"""Statistics of box targets against a loop over the regions."""

import numpy as np

from kcv import boxes as geometry
from kcv.detection import box_statistics


def test_box_statistics_are_those_of_the_near_regions(proposed):
    x, y = proposed
    mean, std = box_statistics([(x, y)], classes=3)
    regions = np.concatenate([x["proposals"][0, :10], y["boxes"][0, :2]])
    targets = {0: [], 2: []}
    for region in regions:
        iou = np.asarray(geometry.iou_matrix(region[None], y["boxes"][0, :2]))
        best = iou[0].argmax()
        assert iou[0, best] >= 0.5
        label = int(y["labels"][0, best])
        truth = y["boxes"][0, best]
        targets[label].append(np.asarray(geometry.encode(truth, region)))
    for label, own in targets.items():
        np.testing.assert_allclose(mean[label], np.mean(own, 0), atol=1e-6)
        np.testing.assert_allclose(std[label], np.std(own, 0), atol=1e-5)
    assert mean[1].tolist() == [0] * 4  # a class without boxes
    assert std[1].tolist() == [1] * 4


def test_mirror_images_count_as_if_they_were_there(proposed):
    x, y = proposed
    width = x["image_sizes"][:, None, 1]

    def mirror(boxes):
        x1, y1, x2, y2 = np.moveaxis(boxes, -1, 0)
        mirrored = np.stack([width - x2, y1, width - x1, y2], -1)
        return np.where((x2 > x1)[..., None], mirrored, boxes)

    mirrored = (
        {**x, "proposals": mirror(x["proposals"]).astype("float32")},
        {**y, "boxes": mirror(y["boxes"]).astype("float32")},
    )
    expected = box_statistics([(x, y), mirrored], classes=3)
    found = box_statistics([(x, y)], classes=3, flip=True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(box_statistics([(x, y)], classes=3)[0][:, 0]).max() > 0.01
    assert (found[0][:, 0] == 0).all()


def test_crowds_and_what_is_inside_of_them_do_not_count(proposed):
    """They leave what the objects alone would give."""
    x, y = proposed
    y["boxes"][0, 2] = [0, 0, 45, 45]  # a crowd around the object of class 2
    y["labels"][0, 2] = 1
    y["is_crowd"][0, 2] = True
    mean, std = box_statistics([(x, y)], classes=3)
    assert mean[1].tolist() == mean[2].tolist() == [0] * 4
    expected = box_statistics(
        [(x, {**y, "labels": np.array([[-1, 0, -1], [-1, -1, -1]])})], 3
    )
    np.testing.assert_allclose([mean[0], std[0]], [e[0] for e in expected])
