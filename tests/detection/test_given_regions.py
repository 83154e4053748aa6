import numpy as np
import pytest

from kcv.detection.given_regions import GivenRegions


def test_boxes_are_clipped_and_padding_is_told_apart():
    boxes = [
        [[2, 3, 20, 10], [-5, -5, 4, 40], [0, 0, 0, 0], [31, 0, 40, 9]],
        [[2, 3, 20, 10], [9, 4, 9, 8], [9, 8, 12, 4], [25, 0, 29, 5]],
    ]
    sizes = np.array([[20, 30], [9, 28]], "int32")
    regions, valid = GivenRegions()([np.array(boxes, "float32"), sizes])
    zero = [0, 0, 0, 0]
    assert valid.numpy().tolist() == [
        [True, True, False, False],
        [True, False, False, True],
    ]
    assert regions.numpy().tolist() == [
        [[2, 3, 20, 10], [0, 0, 4, 20], zero, zero],
        [[2, 3, 20, 9], zero, zero, [25, 0, 28, 5]],
    ]


@pytest.mark.parametrize("batch", [1, 3])
def test_there_is_one_row_at_least(batch):
    regions, valid = GivenRegions()(
        [np.zeros((batch, 0, 4), "float32"), np.full((batch, 2), 9)]
    )
    assert regions.shape == (batch, 1, 4)
    assert not valid.numpy().any()
