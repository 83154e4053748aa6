"""Times on photographs, and pictures of what is proposed first."""

import cv2
import numba
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from kcv.proposals import DenseMasks
from kcv.proposals import Proposals
from recipes.common.proposals import photographs


def test_photographs_have_the_size_of_vocs():
    found = photographs.open_photographs()
    assert [*found] == ["astronaut", "chelsea", "coffee"]
    for image in found.values():
        assert image.shape == (375, 500, 3)
        assert image.dtype == np.uint8
        assert image.std() > 30


def test_one_thread_and_then_as_before():
    def threads():
        pools = {pool["num_threads"] for pool in threadpool_info()}
        return cv2.getNumThreads(), numba.get_num_threads(), pools

    before = threads()
    with photographs.one_thread():
        opencv, numbas, pools = threads()
        assert (opencv, numbas) == (1, 1)
        assert pools <= {1}
    assert threads() == before


def test_a_timed_method_leaves_a_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(photographs, "SIZE", (60, 80))
    file = tmp_path / "first" / "uniform.png"
    seconds = photographs.time_method("uniform", 50, 0, file)
    assert [*seconds] == ["astronaut", "chelsea", "coffee"]
    assert all(value > 0 for value in seconds.values())
    figure = photographs.pictures_figure({"uniform": file, "again": file})
    assert [axes.get_title() for axes in figure.axes] == ["uniform", "again"]


def test_small_segments_are_not_hidden():
    image = np.full((20, 30, 3), 100, np.uint8)
    masks = np.zeros((2, 20, 30), bool)
    masks[0, 5:10, 5:10] = True
    masks[1] = True
    boxes = np.array([[5, 5, 10, 10], [0, 0, 30, 20]])
    drawn = photographs.draw_first(
        image, Proposals(boxes, masks=DenseMasks(masks))
    )
    assert drawn.shape == image.shape
    assert len(np.unique(drawn[masks[0]], axis=0)) == 1
    assert (drawn[7, 7] != drawn[0, 0]).any()


@pytest.mark.parametrize("count", [0, 2])
def test_boxes_are_drawn_where_there_are_no_segments(count):
    image = np.full((60, 80, 3), 100, np.uint8)
    boxes = np.array([[5, 5, 30, 30], [10, 20, 70, 55]])[:count]
    drawn = photographs.draw_first(image, Proposals(boxes.reshape(-1, 4)))
    assert (drawn != image).any() == bool(count)
