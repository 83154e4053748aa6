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
