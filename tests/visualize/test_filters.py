import numpy as np
import pytest

from kcv.visualize import filters_figure


def sheet(figure):
    return np.asarray(figure.axes[0].get_images()[0].get_array())


def test_filters_stand_in_rows_around_middle_grey():
    kernel = np.zeros((2, 2, 3, 5), "float32")
    kernel[0, 1, 0, 4] = 0.25  # the largest of its filter
    kernel[1, 0, 2, 4] = -0.125
    picture = sheet(filters_figure(kernel))
    assert picture.shape == (5, 8, 3)  # 2 rows of 3, a cell apart
    assert (picture[2] == 1).all()  # the gap
    np.testing.assert_array_equal(picture[:2, :2], 0.5)  # learned nothing
    np.testing.assert_array_equal(picture[3, 4], [1, 0.5, 0.5])
    np.testing.assert_array_equal(picture[4, 3], [0.5, 0.5, 0.25])
    assert (picture[3:, 6:] == 1).all()  # no sixth filter


def test_one_scale_for_all_of_one_channel():
    kernel = np.array([0.5, 1.0, -3.0], "float32").reshape(1, 1, 1, 3)
    picture = sheet(filters_figure(kernel, scale=2.0))
    np.testing.assert_array_equal(picture[0, [0, 2]], [0.625, 0.75])
    assert picture[2, 0] == 0  # beyond the scale


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="1 or 3"):
        filters_figure(np.zeros((3, 3, 2, 4)))
    with pytest.raises(ValueError, match="finite"):
        filters_figure(np.full((3, 3, 1, 4), np.nan))
