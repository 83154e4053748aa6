"""Pixels of drawn boxes."""

import subprocess
import sys

import numpy as np
import pytest

from kcv.visualize import detection_gallery
from kcv.visualize import draw_boxes
from kcv.visualize import encode_figure

BLUE = np.array([31, 119, 180])  # the first color of matplotlib's tab10


def image(height=40, width=56):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def test_no_boxes_leave_the_image_as_it_is():
    given = image()
    np.testing.assert_array_equal(draw_boxes(given, [], []), given)
    as_float = given.astype(np.float32)
    np.testing.assert_array_equal(draw_boxes(as_float, [], []), given)


@pytest.mark.parametrize("size", [(29, 57), (1, 1), (33, 300)])
def test_size_is_exact_at_any_zoom(size):
    given = image(*size)
    np.testing.assert_array_equal(
        draw_boxes(given, [], [], zoom=3),
        given.repeat(3, axis=0).repeat(3, axis=1),
    )


def test_a_box_runs_along_its_edges_and_nowhere_else():
    black = np.zeros((40, 56, 3), np.uint8)
    x1, y1, x2, y2 = box = (8, 4, 48, 36)
    zoom = 4
    drawn = draw_boxes(black, [box], [0], zoom=zoom).astype(int)
    assert not black.any()
    middle_x, middle_y = 28 * zoom, 28 * zoom
    for line in (
        drawn[middle_y, x1 * zoom - 1 : x1 * zoom + 1],
        drawn[middle_y, x2 * zoom - 1 : x2 * zoom + 1],
        drawn[y1 * zoom - 1 : y1 * zoom + 1, middle_x],
        drawn[y2 * zoom - 1 : y2 * zoom + 1, middle_x],
    ):
        # One of the two pixels at the edge, blended a little.
        assert np.abs(line - BLUE).max(axis=-1).min() < 40
    outside = np.ones(drawn.shape[:2], bool)
    outside[y1 * zoom - 2 : y2 * zoom + 2, x1 * zoom - 2 : x2 * zoom + 2] = (
        False
    )
    assert not drawn[outside].any()
    assert not drawn[24 * zoom : 34 * zoom, 10 * zoom : 46 * zoom].any()


def test_difficult_boxes_are_broken_lines():
    black = np.zeros((60, 60, 3), np.uint8)
    box = [[10, 10, 50, 50]]
    edge = np.s_[100:190, 198:202]  # right side at zoom 4
    solid = draw_boxes(black, box, [0], difficult=[False], zoom=4)[edge]
    dashed = draw_boxes(black, box, [0], difficult=[True], zoom=4)[edge]
    assert solid.any(axis=(1, 2)).all()
    assert 0.2 < dashed.any(axis=(1, 2)).mean() < 0.95


def test_scores_and_class_names_are_written():
    black = np.zeros((40, 80, 3), np.uint8)
    box = [[4, 4, 76, 36]]
    plain = draw_boxes(black, box, [0], zoom=2)
    named = draw_boxes(black, box, [0], class_names=["a $ cat"], zoom=2)
    scored = draw_boxes(black, box, [0], [0.5], ["a $ cat"], zoom=2)

    def written(picture):
        return int((picture.min(axis=-1) > 200).sum())  # white letters

    assert 0 < written(plain) < written(named) < written(scored)


def test_grey_images_are_welcome_and_other_shapes_are_not():
    assert draw_boxes(np.zeros((8, 9)), [], []).shape == (8, 9, 3)
    with pytest.raises(ValueError, match=r"image.* must be .*\(8, 9, 5\)"):
        draw_boxes(np.zeros((8, 9, 5)), [], [])
    with pytest.raises(ValueError, match=r"`scores` must .*\(1,\)"):
        draw_boxes(np.zeros((8, 9)), [[0, 0, 4, 4]], [0], [0.5, 0.5])


def test_gallery_hides_low_scores_and_pairs_the_pictures():
    truth = {"boxes": [[1, 1, 20, 20]], "labels": [0], "difficult": [True]}
    found = {
        "boxes": [[1, 1, 20, 20], [5, 5, 30, 30]],
        "labels": [0, 1],
        "scores": [0.9, 0.3],
    }
    empty = {"boxes": [], "labels": [], "scores": []}
    examples = [
        (image(), truth, found),
        (image(64, 48), truth, empty),
        (image(), empty, empty),
    ]
    figure = detection_gallery(examples, ["cat", "dog"], min_score=0.5)
    shown = [axes for axes in figure.axes if axes.images]
    assert [len(axes.patches) for axes in shown] == [1, 1, 1, 0, 0, 0]
    assert [axes.texts[0].get_text() for axes in shown[:2]] == [
        "cat",
        "cat 0.90",
    ]
    assert encode_figure(figure)[:4] == b"RIFF"
    with pytest.raises(ValueError, match="`examples` must not be empty"):
        detection_gallery([])


def test_gallery_shows_the_best_where_none_scores_high_enough():
    truth = {"boxes": [[0, 0, 9, 9]], "labels": [0]}
    nothing = {"boxes": np.zeros((0, 4)), "labels": []}
    low = {
        "boxes": np.tile([[0, 0, 9, 9]], (5, 1)),
        "labels": [0, 1, 0, 1, 0],
        "scores": [0.1, 0.3, 0.2, 0.05, 0.01],
    }
    high = {**low, "scores": [0.9, 0.3, 0.2, 0.05, 0.01]}
    title = "a/long/path/to/the/folder/of/photo.jpg"
    figure = detection_gallery(
        [
            (image(), truth, low),
            (image(), nothing, low),
            (image(), truth, high),
        ],
        titles=["one", "two", title],
    )
    first, second, third = (figure.axes[k] for k in (1, 3, 5))
    assert first.get_title() == "none ≥ 0.5, best 3 dashed"
    texts = [text.get_text() for text in first.texts]
    assert texts == ["1 0.30", "0 0.20", "0 0.10"]
    assert {patch.get_linestyle() for patch in first.patches} == {"--"}
    # An image without objects, in which nothing is found, is right.
    assert second.get_title() == "found, score ≥ 0.5"
    assert not second.patches
    assert [patch.get_linestyle() for patch in third.patches] == ["-"]
    assert figure.axes[0].get_title() == "one"
    assert figure.axes[4].get_title() == f"...{title[-29:]}"


def test_no_pyplot_and_a_clear_error_without_matplotlib():
    code = """
import sys
import kcv.visualize
assert "matplotlib.pyplot" not in sys.modules
assert "tensorflow" not in sys.modules
for name in [n for n in sys.modules if n.startswith(("kcv", "matplotlib"))]:
    del sys.modules[name]
sys.modules["matplotlib"] = None
import kcv.visualize
from kcv.visualize import draw_detections, draw_mask, voc_palette, write_image
try:
    from kcv.visualize import draw_boxes
except ImportError as error:
    assert "visualize]" in str(error), error
else:
    raise SystemExit("imported without matplotlib")
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
